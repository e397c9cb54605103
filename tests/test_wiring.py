from __future__ import annotations

import multiprocessing
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dq_pipeline.errors import ConfigurationError, ProcessFileError
from dq_pipeline.settings import Settings
from dq_pipeline.wiring import World, _Deferred, open_world

PROCESSES = Path(__file__).parents[1] / "dags" / "processes"


@pytest.fixture
def world(tmp_path) -> World:
    (tmp_path / "processes").mkdir()
    for name in ("vacuum", "skab"):
        shutil.copy(PROCESSES / f"{name}.yaml", tmp_path / "processes")
    (tmp_path / "processes" / "broken.yaml").write_text("process: broken\n")
    return open_world(Settings.resolve({"var": tmp_path, "process_dir": tmp_path / "processes"}, environ={}))


def test_a_process_by_name(world):
    assert world.process("vacuum").name == "vacuum"
    assert world.process("vacuum") is world.process("vacuum")
    assert sorted(world.processes) == ["skab", "vacuum"]


def test_an_unknown_process_names_those_there_are(world):
    with pytest.raises(ConfigurationError, match=r"Unknown process 'vacum'.*broken, skab, vacuum.*DQ_PROCESS_DIR"):
        world.process("vacum")
    with pytest.raises(ConfigurationError, match="Unknown process"):
        world.process("../processes/vacuum")


def test_a_broken_process_says_what_is_wrong(world):
    with pytest.raises(ProcessFileError, match=r"broken\.yaml"):
        world.process("broken")
    assert [Path(file).name for file in world.broken] == ["broken.yaml"]


def test_an_edit_is_seen(world):
    file = world.settings.process_dir / "vacuum.yaml"
    before = world.process("vacuum")
    file.write_text(file.read_text().replace("max_wait_s: 10", "max_wait_s: 100"))
    assert before.stream.max_wait_s == 10
    assert world.process("vacuum").stream.max_wait_s == 100


def test_the_lake_and_the_variables(world, tmp_path):
    assert world.lake.get(world.lake.put("p/a", b"x")) == b"x"
    assert (tmp_path / "lake" / "p" / "a").exists()
    assert world.variables["DQ_LAKE_URI"] == str(tmp_path / "lake")


def test_closing_what_was_never_opened(world):
    with world:
        pass
    assert world.stream._made is None


def test_opening_imports_and_connects_nothing():
    code = (
        "import sys; from dq_pipeline.settings import Settings; from dq_pipeline.wiring import open_world;"
        "open_world(Settings.resolve()).close();"
        "print(sorted({'numpy', 'kafka', 'sqlalchemy', 'mlflow', 'fsspec'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert done.stdout.strip() == "[]"


class Adapter:
    made = 0

    def __init__(self) -> None:
        type(self).made += 1
        self.number = type(self).made
        self.closed = False

    def close(self) -> None:
        self.closed = True


def test_an_adapter_is_made_once_and_when_needed():
    Adapter.made = 0
    deferred = _Deferred(Adapter)
    deferred.forget()
    assert Adapter.made == 0
    assert deferred.number == deferred.number == 1
    deferred.forget()
    assert deferred.closed
    with pytest.raises(AttributeError):
        _ = deferred._private


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_makes_its_own():
    Adapter.made = 0
    deferred = _Deferred(Adapter)
    assert deferred.number == 1
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    deferred._lock.acquire()  # as if another thread of the parent were making something just now
    child = context.Process(target=lambda: answers.put((deferred.number, deferred.closed)))
    child.start()
    deferred._lock.release()
    child.join(20)
    assert child.exitcode == 0
    assert answers.get() == (2, False)
    assert deferred.number == 1


def test_every_adapter_can_be_made(world):
    assert world.ledger.claim
    assert world.registry.fetch
    assert world.notifier.notify
    assert world.stream.read
    world.close()
