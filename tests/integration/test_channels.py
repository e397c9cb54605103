"""A pump with a categorical sensor, a log and a camera, from its history to its answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from PIL import Image

from dq_pipeline import steps
from dq_pipeline.adapters.history import read
from dq_pipeline.channels import Channel
from dq_pipeline.recording import Recording, place
from dq_pipeline.release.bundle import Release
from dq_pipeline.simulate.vacuum import to_table

from .conftest import ROWS, Plant, recordings  # type: ignore[import-not-found]

pytestmark = pytest.mark.integration

ENCODED = {
    "valve": {"encoder": "categories", "categories": ["closed", "open"]},
    "log": {"encoder": "log_lines"},
    "camera": {"encoder": "image", "every_rows": 10},
}
EVERY = 10


def _with_channels(runs: Sequence[Recording], seed: int) -> list[Recording]:
    """Each second a valve's state and a line, every ten a picture as bright as the flow is strong."""
    rng, found = np.random.default_rng(seed), []
    for run in runs:
        frames = []
        for second in range(0, ROWS, EVERY):
            out = BytesIO()
            grey = np.clip(rng.normal(12 * run.values[second, 0], 10, (8, 8)), 0, 255)
            Image.fromarray(grey.astype(np.uint8)).save(out, "PNG")
            frames.append(out.getvalue())
        opens = int(rng.integers(5, 15))
        channels = {
            "valve": Channel(np.arange(ROWS) * 1.0, ("closed",) * opens + ("open",) * (ROWS - opens)),
            "log": Channel(np.arange(ROWS) * 1.0, tuple(f"flow {flow:.1f}" for flow in run.values[:, 0])),
            "camera": Channel(np.arange(0.0, ROWS, EVERY), tuple(frames)),
        }
        found.append(replace(run, channels=channels))
    return found


def _table(runs: Sequence[Recording]) -> pa.Table:
    """As history is kept: text in text columns, a picture in the row that it was taken in."""
    table = to_table(runs, target_column="yield_rate")
    for name in ("valve", "log", "camera"):
        cells = [None] * (ROWS * len(runs))
        for i, run in enumerate(runs):
            channel = run.channels[name]
            for time, item in zip(channel.times_s, channel.items, strict=True):
                cells[i * ROWS + int(time)] = item
        table = table.append_column(name, pa.array(cells))
    return table


def test_a_database_holds_text_and_images_as_a_file_does(plant: Plant, database_url: str) -> None:
    table = _table(_with_channels(recordings(3, np.random.default_rng(7)), 1))
    pq.write_table(table, plant.world.settings.data_dir / "history.parquet")
    plant.edit(encoded=ENCODED)
    process = plant.world.process(plant.process)
    with sa.create_engine(database_url, poolclass=sa.pool.NullPool).begin() as connection:
        frame = table.drop_columns(["start"]).to_pandas()
        frame.to_sql("kept", connection, index=False, dtype={"camera": sa.LargeBinary()})
    kept = process.history.model_copy(update={"uri": None, "table": "kept", "start": None})
    found = read(process.model_copy(update={"history": kept}), {}, connection_url=database_url)
    filed = read(process, plant.world.variables)
    for one, other in zip(found, filed, strict=True):
        assert one.channels["camera"].items == other.channels["camera"].items
        shown, expected = (place(recording, process, "completion").values for recording in (one, other))
        np.testing.assert_array_equal(shown, expected)
        assert np.isfinite(shown).all()


def test_channels_are_learned_from_answered_and_judged(plant: Plant) -> None:
    history = _with_channels(recordings(220, np.random.default_rng(7)), 1)
    pq.write_table(_table(history), plant.world.settings.data_dir / "history.parquet")
    plant.edit(encoded=ENCODED)
    version = plant.initialize()
    settings = Release.load(plant.world.registry.fetch(plant.process, version)).settings
    assert settings["encoded"]["camera"] == {"encoder": "image", "every_rows": 10, "max_pixels": 262_144}

    runs = _with_channels(recordings(40, plant.rng, first=1000), 2)
    blind = {name: channel for name, channel in runs[30].channels.items() if name != "camera"}
    runs[30] = replace(runs[30], channels=blind)
    plant.publish(runs[:20])
    plant.publish(runs[20:], form="json")
    wrong = replace(runs[0], sample_id="wrong", channels={"camera": Channel(np.zeros(1), ("no base64!",))})
    plant.publish([wrong], scopes=["completion"])
    assert plant.turn()["branch"] == "nothing"

    (letter,) = plant.messages("dead_letter")
    assert (letter["sample_id"], letter["reason"]) == ("wrong", "schema")
    answers = {message["sample_id"]: message["fallback"] for message in plant.messages("predictions")}
    assert set(answers) == {run.sample_id for run in runs}
    assert [name for name, fallback in answers.items() if fallback is not None] == [runs[30].sample_id]
    figures = steps.status(plant.world, plant.process)["releases"][0]
    assert figures["judged"] == 39
    assert figures["r2"] > 0.5

    scores = dict(plant.rows("SELECT sample_id, unified FROM scores WHERE process = %s AND scope = 'completion'"))
    blinded = scores.pop(runs[30].sample_id)
    assert np.median(list(scores.values())) > 0.8
    assert blinded < np.quantile(list(scores.values()), 0.1)
