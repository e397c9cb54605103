"""A drill on real servers: what was injected is found and named, and the process itself is left as it was."""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from dq_pipeline import steps
from dq_pipeline.adapters.ledger.rehearsal import RehearsalLedger
from dq_pipeline.adapters.ledger.report_schema import metadata
from dq_pipeline.errors import DataError, StateError
from dq_pipeline.simulate.vacuum import simulate, to_table
from dq_pipeline.steps.clock import utc_now
from dq_pipeline.wiring import open_world

from .conftest import Notices, Plant, recordings, settings  # type: ignore[import-not-found]

pytestmark = pytest.mark.integration
OWN = ("drills", "alerts")
"""Tables that a drill may write to."""


def _feed(plant: Plant, turns: int, first: int = 1000) -> None:
    for turn in range(turns):
        plant.publish(recordings(25, plant.rng, first=first + 25 * turn))
        plant.turn()


def _state(plant: Plant) -> dict[str, Any]:
    """All rows of the process, and all files of its lake, as digests."""
    tables = {}
    for table in metadata.tables.values():
        if "process" in table.c and table.name not in OWN:
            rows = plant.rows(f'SELECT t::text FROM dq."{table.name}" t WHERE process = %s ORDER BY 1')
            tables[table.name] = hashlib.sha256(repr(rows).encode()).hexdigest()
    lake = Path(plant.world.settings.lake_uri)
    return {**tables, "lake": sorted(str(file) for file in lake.rglob("*") if file.is_file())}


def _drill(plant: Plant, key: str, fault: str, **options: Any) -> dict[str, Any]:
    return steps.drill(plant.world, plant.process, key=key, fault=fault, **options)


def test_a_drill_is_found_named_and_told_and_touches_nothing(running: Plant) -> None:
    _feed(running, 5)
    before, notices = _state(running), len(running.notices.told)
    ends = running.world.stream.watermarks(running.world.process(running.process).stream.predictions_topic)
    done = _drill(running, "first", "unit", sensor="outlet", samples=75)
    assert done["verdict"] == "passed", done
    assert (done["cause"], done["subject"]) == ("calibration", "outlet")
    assert 1 <= done["samples"]["found"] <= 25
    assert done["samples"]["named"] <= 75
    assert done["seconds"]["alerted"] > 0
    assert _state(running) == before
    assert len(running.notices.told) == notices
    assert running.world.stream.watermarks(running.world.process(running.process).stream.predictions_topic) == ends
    assert not running.rows("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'dq_rehearsal%%' AND %s <> ''")
    assert not running.world.ledger.alerts(running.process)
    _feed(running, 1, first=2000)  # the stream goes on as if nothing had been
    assert running.world.ledger.sample_count(running.process) == 150


def test_the_same_key_is_one_drill(running: Plant) -> None:
    _feed(running, 5)
    one, again = (_drill(running, "once", "process_change", samples=50) for _ in range(2))
    assert one == again
    assert len(steps.drills(running.world, running.process)) == 1


def test_what_nobody_finds_is_an_alert_until_a_drill_passes(running: Plant) -> None:
    _feed(running, 5)
    missed = _drill(running, "mild", "unit", severity=1.0000001, sensor="outlet", samples=25)
    assert (missed["verdict"], missed["samples"]["found"]) == ("missed", None)
    standing = running.world.ledger.alerts(running.process, standing=True)
    assert [(row.alert.kind, row.alert.key) for row in standing] == [("drill", "drill:unit")]
    assert "drill missed: unit on outlet" in running.notices.titles()
    assert _drill(running, "hard", "unit", sensor="outlet", samples=75)["verdict"] == "passed"
    assert not running.world.ledger.alerts(running.process, standing=True)


def test_two_drills_at_once_are_refused_and_a_killed_one_leaves_nothing(running: Plant) -> None:
    _feed(running, 5)
    ledger = RehearsalLedger(running.world.settings.database_url.get_secret_value(), running.process)
    with ledger.copied():
        ledger.put_fact(running.process, "tried", {"a": 1}, utc_now())
        assert ledger.fact(running.process, "tried") == {"a": 1}
        assert running.world.ledger.fact(running.process, "tried") is None
        with pytest.raises(StateError, match="a drill is under way already"):
            _drill(running, "second", "unit", samples=25)
    ledger.close()
    assert _drill(running, "second", "unit", sensor="outlet", samples=75)["verdict"] == "passed"


def test_what_cannot_be_drilled_says_why(running: Plant) -> None:
    with pytest.raises(DataError, match="Unknown perturbation 'rain'"):
        _drill(running, "x", "rain")
    with pytest.raises(DataError, match="Unknown sensor 'altitude'"):
        _drill(running, "x", "unit", sensor="altitude")
    with pytest.raises(DataError, match="recordings of one form expected for a drill"):
        _drill(running, "x", "unit", samples=5000)
    assert [row["verdict"] for row in steps.drills(running.world, running.process)] == ["skipped"]
    running.edit(drill={"every_h": 24.0, "faults": ["stuck"], "samples": 25})
    assert steps.drill(running.world, running.process, key="y")["fault"] == "stuck"  # from history: nothing streamed


def test_a_drill_on_the_pump_down_is_found_and_named(mlflow_server: Any, database_url: str, tmp_path: Path) -> None:
    topics = f"t{secrets.token_hex(4)}"
    data = yaml.safe_load(Path("dags/processes/vacuum.yaml").read_text(encoding="utf-8"))
    data["alarm"]["on"] = data["alarm"].pop(True)  # plain YAML takes the key for a truth value
    name = data["process"] = f"v{secrets.token_hex(4)}"
    data["stream"] |= {"topic": f"{topics}.samples", "labels_topic": f"{topics}.labels"}
    data["model"] = {"trees": 60, "search": 1}
    data["drift"] |= {"worlds": 10, "world_length": 200}
    data["history"] |= {"uri": "${DQ_DATA_DIR}/history.parquet", "samples": 220}
    runs = simulate(320, np.random.default_rng(0))
    pq.write_table(to_table(runs[:220]), tmp_path / "history.parquet")
    (tmp_path / "processes").mkdir()
    (tmp_path / "processes" / f"{name}.yaml").write_text(yaml.safe_dump(data), encoding="utf-8")
    with open_world(settings(mlflow_server, database_url, tmp_path, tmp_path)) as world:
        world.ledger.migrate()
        world.stream.ensure_topics(world.process(name))
        vacuum = Plant(world, name, np.random.default_rng(0), Notices())
        vacuum.initialize()
        for first in range(220, 320, 25):
            vacuum.publish(runs[first : first + 25])
            vacuum.turn()
        before = _state(vacuum)
        done = _drill(vacuum, "live", "unit", sensor="foreline", samples=50)
        assert done["verdict"] == "passed", done
        assert (done["cause"], done["subject"]) == ("calibration", "foreline")
        assert done["samples"]["found"] <= 25
        assert _state(vacuum) == before
