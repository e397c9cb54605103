"""Bring servers up and down: one supervisor per `var` folder, parts started side by side."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dq_pipeline.errors import ConfigurationError, ServerError
from dq_pipeline.local import airflow, kafka, mlflow, orphans, postgres
from dq_pipeline.local.addresses import reserve
from dq_pipeline.local.context import PREFERRED_PORTS, Context, external_broker, inherited
from dq_pipeline.local.endpoints import Endpoints
from dq_pipeline.local.record import Record
from dq_pipeline.local.supervisor import Slot, Supervisor

SLOTS: dict[str, tuple[Slot, ...]] = {
    "kafka": (kafka.SLOT,),
    "postgres": (postgres.SLOT,),
    "mlflow": (mlflow.SLOT,),
    "airflow": airflow.SLOTS,
}
PARTS = tuple(SLOTS)
_NEEDS_POSTGRES = {"mlflow", "airflow"}


@dataclass(frozen=True, slots=True)
class ProgramStatus:
    """One supervised program, as the supervisor sees it."""

    part: str
    name: str
    state: str
    pid: int
    log: Path


def up(
    parts: Sequence[str],
    var: Path,
    *,
    env: Mapping[str, str] | None = None,
    dags: Path | None = None,
    on_step: Callable[[str], None] | None = None,
) -> Endpoints:
    """Start the named parts and wait until they answer; what is up already is left alone.

    Safe to call again at any time, also after everything was killed: data and addresses stay the same where they can.

    Parameters
    ----------
    parts
        Of ``kafka``, ``postgres``, ``mlflow``, ``airflow``; the last two bring PostgreSQL with them. No local broker is
        started where ``KAFKA_BOOTSTRAP_SERVERS`` names one.
    var
        Folder of data, logs and ports; made if absent.
    env
        Variables on top of this process' own. Those named ``AIRFLOW__*`` override the settings of the local Airflow.
    dags
        Folder of DAG files; the project's own by default.
    on_step
        Called with each step, from several threads, one at a time.

    Raises
    ------
    ConfigurationError
        An unknown part.
    ServerError
        A server did not come up; the message ends with its log. Those that did are left up.
    """
    wanted = _closure(parts)
    var = var.absolute()
    var.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, **(env or {})}
    with _locked(var):
        record = Record.load(var)
        root = Path(__file__).resolve().parents[2]
        context = Context(var, record, environment, (dags or root / "dags").absolute(), _serialized(on_step))
        supervisor = Supervisor(var, record)
        alive = supervisor.alive()
        held = {part for part in PARTS if alive and supervisor.running(SLOTS[part][0].name)}
        held |= ({"supervisor"} if alive else set()) | ({"kafka-controller"} if "kafka" in held else set())
        if not alive:
            orphans.end(orphans.find(record))
        with reserve(PREFERRED_PORTS, record.ports, held) as ports:
            record.ports = ports
            record.save(var)
            if not alive:
                context.say("supervisor: starting")
                supervisor.launch([slot for slots in SLOTS.values() for slot in slots], inherited(environment))
            _start(wanted, context, supervisor)
        endpoints = _endpoints(context, supervisor)
        endpoints.save()
        return endpoints


def down(var: Path) -> None:
    """Stop everything of this folder: clients first, PostgreSQL after them, at last whatever was left behind."""
    var = var.absolute()
    if not (var / "run" / "record.json").exists():
        return
    with _locked(var):
        record = Record.load(var)
        supervisor = Supervisor(var, record)
        if supervisor.alive():
            supervisor.stop([slot.name for part in PARTS if part != "postgres" for slot in SLOTS[part]])
            supervisor.stop([postgres.SLOT.name])
            supervisor.shutdown()
        orphans.end(orphans.find(record))
        (var / "endpoints.json").unlink(missing_ok=True)


def status(var: Path) -> tuple[ProgramStatus, ...]:
    """Every program of this folder's supervisor; nothing where none runs."""
    var = var.absolute()
    supervisor = Supervisor(var, Record.load(var))
    if not supervisor.alive():
        return ()
    found = []
    for part, slots in SLOTS.items():
        for slot in slots:
            state, pid, _ = supervisor.state(slot.name)
            found.append(ProgramStatus(part, slot.name, state.lower(), pid, var / "log" / f"{slot.name}.log"))
    return tuple(found)


def _closure(parts: Sequence[str]) -> set[str]:
    if unknown := sorted(set(parts) - set(PARTS)):
        raise ConfigurationError(f"Unknown server {', '.join(map(repr, unknown))}. Known: {', '.join(PARTS)}.")
    return set(parts) | ({"postgres"} if _NEEDS_POSTGRES & set(parts) else set())


def _start(wanted: set[str], context: Context, supervisor: Supervisor) -> None:
    """Kafka beside PostgreSQL; MLflow and Airflow beside each other as soon as PostgreSQL is there."""

    def start_kafka() -> None:
        broker = external_broker(context.environment, context.record)
        if broker is not None:
            if not kafka.reachable(broker, timeout_s=10.0):
                raise ServerError(f"Expected a broker at KAFKA_BOOTSTRAP_SERVERS={broker}; none answers.")
            context.say(f"kafka: using {broker}")
            return
        supervisor.run(kafka.program(context))
        context.say(f"kafka: {context.kafka}")

    def start_postgres() -> None:
        supervisor.run(postgres.program(context))
        postgres.create_databases(context)
        context.say(f"postgres: 127.0.0.1:{context.record.ports['postgres']}")

    def start_mlflow() -> None:
        supervisor.run(mlflow.program(context))
        context.say(f"mlflow: {context.mlflow_uri}")

    with ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(start_kafka)] if "kafka" in wanted else []
        if "postgres" in wanted:
            start_postgres()
        if "mlflow" in wanted:
            jobs.append(pool.submit(start_mlflow))
        if "airflow" in wanted:
            airflow.migrate(context)
            jobs += [pool.submit(supervisor.run, program) for program in airflow.programs(context)]
        for job in jobs:
            job.result()
    if "airflow" in wanted:
        context.say(f"airflow: {context.airflow_url}")


def _endpoints(context: Context, supervisor: Supervisor) -> Endpoints:
    def address(part: str, text: str) -> str:
        return text if all(supervisor.running(slot.name) for slot in SLOTS[part]) else ""

    external = external_broker(context.environment, context.record)
    airflow_url = address("airflow", context.airflow_url)
    return Endpoints(
        kafka=external or address("kafka", context.kafka),
        database_url=address("postgres", context.database_url("dq")),
        mlflow_uri=address("mlflow", context.mlflow_uri),
        airflow_url=airflow_url,
        airflow_user="admin" if airflow_url else "",
        airflow_password=context.record.airflow_password if airflow_url else "",
        var=context.var,
        dags=context.dags,
        process_dir=context.process_dir,
        lake_uri=context.lake_uri,
    )


def _serialized(on_step: Callable[[str], None] | None) -> Callable[[str], None]:
    lock = threading.Lock()

    def say(step: str) -> None:
        if on_step is not None:
            with lock:
                on_step(step)

    return say


@contextmanager
def _locked(var: Path) -> Iterator[None]:
    """One `up` or `down` per folder at a time."""
    (var / "run").mkdir(exist_ok=True)
    with (var / "run" / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
