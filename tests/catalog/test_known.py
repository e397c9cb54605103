"""What no program can know has an entry for each thing there is, and none for a thing there is not."""

import ast
from pathlib import Path

import pytest

from benchmarks.__main__ import BENCHMARKS
from dq_pipeline.adapters.checkout import Checkout
from dq_pipeline.adapters.ledger.report_schema import metadata
from dq_pipeline.catalog import sources
from dq_pipeline.catalog.entry import Source
from dq_pipeline.catalog.known import read
from dq_pipeline.drift.contrasts import TYPES
from dq_pipeline.drift.divergences import DIVERGENCES
from dq_pipeline.errors import ConfigurationError
from dq_pipeline.experiments.experiment import EXPERIMENTS
from dq_pipeline.model.features import STATISTICS
from dq_pipeline.process_file import load
from dq_pipeline.quality.dimensions import DIMENSIONS

LIVE = {"demo", "loop"}
"""Measured by a live run, not by a module of `benchmarks`."""


@pytest.fixture(scope="module")
def known():
    return read(Checkout().known())


def test_every_benchmark_and_experiment_is_known(known):
    assert set(known["benchmarks"]) == {*BENCHMARKS, *LIVE}
    assert set(known["experiments"]) == set(EXPERIMENTS)


def test_every_table_is_known(known):
    assert sorted(path.partition("/")[2] for path in known["tables"]) == sorted(
        t.name for t in metadata.tables.values()
    )


def test_every_kind_of_feature_is_known(known):
    expected = {"model": STATISTICS, "drift": TYPES, "quality": DIMENSIONS, "divergence": DIVERGENCES}
    assert set(known["features"]) == {f"{group}/{name}" for group, names in expected.items() for name in names}
    assert all(one.unit and one.meaning for one in known["features"].values())


def test_every_figure_that_was_measured_is_of_a_benchmark_or_an_experiment(known):
    texts, checkout = Checkout().texts(), Checkout()
    named = [
        name for section in ("benchmarks", "experiments") for one in known[section].values() for name in one.figures
    ]
    assert len(named) == len(set(named))
    entries = sources.benchmarks(texts, known["benchmarks"], lambda path: Source(path, checkout.digest(path)))
    assert all(entry.figures for entry in entries if entry.name != "benchmark/loop")


def test_every_source_is_a_file_that_is_there(known):
    root = Checkout().root
    places = [*sources.PLACES.values(), *(f"dq_pipeline/experiments/{name}.py" for name in known["experiments"])]
    assert all((root / place).is_file() for place in places)
    assert Checkout().digest("benchmarks/causes.py") != ""
    assert Checkout(Path("/nowhere")).texts() == {}
    assert Checkout(Path("/nowhere")).digest("a.py") == Checkout(Path("/nowhere")).commit("a.py") == ""


def test_each_says_how_it_was_validated_and_how_it_fails(known):
    for section in known.values():
        for name, one in section.items():
            assert one.validation.endswith("."), name
            assert one.failures.endswith("."), name
    with pytest.raises(ConfigurationError, match=r"lake\.raw: `validation` and `failures` expected"):
        read("lake: {raw: {meaning: Messages.}}")
    with pytest.raises(ConfigurationError, match="Unknown section 'things'"):
        read("things: {}")


def test_a_benchmark_is_shown_in_its_own_words(known):
    found = {one.name: one for one in sources.benchmarks(Checkout().texts(), known["benchmarks"], Source)}
    words = ast.get_docstring(ast.parse(Path("benchmarks/causes.py").read_text(encoding="utf-8")))
    assert found["benchmark/causes"].title == words.splitlines()[0]
    assert all(row["name"].startswith("causes/") for row in found["benchmark/causes"].figures)


def test_sensors_say_their_unit_their_rules_and_their_features(known):
    process = load(Path("dags/processes/vacuum.yaml"))
    noted, said = {"cooling_out": {"firmware": "4.2"}}, {"cooling_out": "none, samples 0 to 99"}
    found = {one.name: one for one in sources.sensors(process, known["kinds"]["sensors"], noted, said, Source)}
    out = found["sensor/vacuum/cooling_out"]
    assert out.facts["unit"] == "degC"
    assert out.facts["trusted"] == "cooling_in"
    assert out.facts["rules"] == "cooling_out >= cooling_in - 3"
    assert "cooling_out.slope" in out.facts["features"]
    assert out.facts["firmware"] == "4.2"
    assert out.state == {"last audit": "none, samples 0 to 99"}
