"""One stack's life, on a path that breaks what can break: start, kill, start again, stop."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg2
import pytest
from kafka.admin import KafkaAdminClient, NewTopic

from dq_pipeline.errors import ServerError
from dq_pipeline.local import Endpoints, accounts, down, orphans, postgres, status, up
from dq_pipeline.local.record import Record

pytestmark = pytest.mark.integration


@pytest.fixture
def awkward() -> Iterator[Path]:
    """A folder of more than 150 characters with a space and all that configuration files treat in their own way."""
    root = Path(tempfile.mkdtemp(prefix="dq-awkward-"))
    root.chmod(0o755)
    var = root / "it's a 100%(x)s path, ; #1 = é" / ("long" * 30) / "var"
    yield var
    down(var)
    shutil.rmtree(root)


def rows(endpoints: Endpoints, statement: str) -> list[tuple[object, ...]]:
    connection = psycopg2.connect(endpoints.database_url.replace("+psycopg2", ""))
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def test_a_stack_survives_a_kill_of_everything_and_leaves_nothing_behind(awkward: Path, servers: Endpoints) -> None:
    steps: list[str] = []
    first = up(["kafka", "postgres"], awkward, on_step=steps.append)
    assert any("kafka" in step for step in steps)
    assert first.kafka != servers.kafka  # two stacks on one machine
    assert first.database_url != servers.database_url
    rows(first, "CREATE TABLE kept AS SELECT 1 AS one")
    admin = KafkaAdminClient(bootstrap_servers=first.kafka)
    admin.create_topics([NewTopic("kept", num_partitions=1, replication_factor=1)])
    admin.close()

    before = {program.name: program.pid for program in status(awkward)}
    assert up(["kafka"], awkward) == first
    assert {program.name: program.pid for program in status(awkward)} == before

    record = Record.load(awkward)
    assert record.session is not None
    supervisor = psutil.Process(record.session[0])
    supervisor.kill()  # its servers go on as orphans
    supervisor.wait(timeout=5)
    assert {process.pid for process in orphans.find(record)} >= {before["kafka"], before["postgres"]}

    again = up(["kafka", "postgres"], awkward)
    assert again == first
    assert {program.pid for program in status(awkward)}.isdisjoint(set(before.values()) - {0})
    assert rows(again, "SELECT one FROM kept") == [(1,)]
    admin = KafkaAdminClient(bootstrap_servers=again.kafka)
    assert "kept" in admin.list_topics()
    admin.close()

    down(awkward)
    assert orphans.find(Record.load(awkward)) == []
    assert status(awkward) == ()
    assert not (awkward / "endpoints.json").exists()


def test_a_server_that_dies_at_its_start_is_reported_with_its_log(awkward: Path) -> None:
    up(["postgres"], awkward)
    down(awkward)
    data = Path(Record.load(awkward).postgres_home or awkward / "postgres") / "data"
    (data / "PG_VERSION").write_text("9.1\n")
    with pytest.raises(ServerError, match=r"(?s)postgres.*died.*incompatible"):
        up(["postgres"], awkward)


def test_a_broker_that_is_named_and_absent_is_an_error(awkward: Path) -> None:
    with pytest.raises(ServerError, match=r"KAFKA_BOOTSTRAP_SERVERS=127\.0\.0\.1:1"):
        up(["kafka"], awkward, env={"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"})


def test_a_broker_that_is_named_is_used_and_none_is_started(awkward: Path, servers: Endpoints) -> None:
    found = up(["kafka"], awkward, env={"KAFKA_BOOTSTRAP_SERVERS": servers.kafka})
    assert found.kafka == servers.kafka
    assert not any(program.pid for program in status(awkward))


@pytest.mark.skipif(os.getuid() != 0, reason="an ordinary user runs PostgreSQL in its own folder")
def test_as_root_postgres_moves_out_of_a_folder_that_nobody_can_enter(awkward: Path) -> None:
    awkward.mkdir(parents=True)
    awkward.chmod(0o700)
    steps: list[str] = []
    endpoints = up(["postgres"], awkward, on_step=steps.append)
    home = Record.load(awkward).postgres_home
    assert home is not None
    assert rows(endpoints, "SELECT 1") == [(1,)]
    assert any("refuses root" in step and home in step for step in steps)
    assert up(["postgres"], awkward) == endpoints
    down(awkward)
    shutil.rmtree(home)


@pytest.mark.skipif(os.getuid() != 0, reason="an ordinary user runs the installed server itself")
def test_as_root_the_server_is_copied_where_nobody_can_run_it(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = accounts.unprivileged()
    assert nobody is not None
    home = accounts.folder_open_to(nobody, "dq-postgres-")
    monkeypatch.setattr(accounts.Account, "can_enter", lambda _, folder: folder.is_relative_to(home))
    copied = postgres._binaries(home, nobody)
    assert copied.is_relative_to(home)
    command = nobody.command(home, [str(copied / "initdb"), "-D", str(home / "data"), "-A", "trust", "--no-sync"])
    assert "Success" in subprocess.run(command, capture_output=True, text=True, check=True).stdout
    shutil.rmtree(home)


@pytest.mark.skipif(os.getuid() != 0, reason="only root changes accounts")
def test_a_folder_can_be_entered_only_if_every_folder_above_can(tmp_path: Path) -> None:
    nobody = accounts.unprivileged()
    assert nobody is not None
    closed = Path(tempfile.mkdtemp())
    inside = closed / "open"
    inside.mkdir(mode=0o755)
    assert not nobody.can_enter(inside)
    closed.chmod(0o755)
    assert nobody.can_enter(inside)
    shutil.rmtree(closed)
