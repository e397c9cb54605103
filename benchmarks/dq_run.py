"""`dq run` on a topic filled beforehand against a bare kafka-python consumer that decodes the same messages.

Both read the horizon and the completion of every pump-down (1200 x 10) from the same topic, in turn. The bare consumer
polls and decodes with pyarrow or json into a matrix, and forgets it; `dq run` lands, gates, profiles, scores, tests for
drift, predicts, commits and publishes. Adaptation is left out: it runs beside the stream. A second consumer decodes
with the platform's own codec, which checks what it reads.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa
from kafka import KafkaConsumer, TopicPartition

from benchmarks.stack import messages, stack
from dq_pipeline import steps
from dq_pipeline.cli.run import loop
from dq_pipeline.recording import Recording
from dq_pipeline.records import OffsetRange
from dq_pipeline.simulate.vacuum import simulate
from dq_pipeline.wire.codec import Form, decode
from dq_pipeline.wiring import World

NAME = "throughput"
HISTORY, WARM_UP = 200, 50
GOAL = 0.5
STEPS = ("pull", "assess", "act", "decide")
_PUBLISHED_AT_ONCE = 200
Row = dict[str, Any]


def measure(short: bool) -> list[Row]:
    """Samples a second of both, their ratio, and where `dq run` spends its time."""
    sizes: dict[Form, tuple[int, int]] = (
        {"arrow": (2, 200), "json": (1, 50)} if short else {"arrow": (3, 1500), "json": (2, 250)}
    )
    total = sum(rounds * samples for rounds, samples in sizes.values())
    recordings = simulate(HISTORY + WARM_UP + total, np.random.default_rng(5))
    rows: list[Row] = []
    waits = {"min_samples": 2 * WARM_UP, "max_samples": 1000, "max_wait_s": 1, "horizon_wait_s": 1}
    with stack(NAME, recordings[:HISTORY], waits) as (world, _):
        _answered(world, recordings[HISTORY : HISTORY + WARM_UP], "arrow", defaultdict(float))
        first = HISTORY + WARM_UP
        for form, (rounds, samples) in sizes.items():
            rows += _compared(world, recordings[first : first + rounds * samples], form, rounds)
            first += rounds * samples
    return rows


def _compared(world: World, recordings: Sequence[Recording], form: Form, rounds: int) -> list[Row]:
    n = len(recordings) // rounds
    ours, bare, checked, ratios = [], [], [], []
    spent: defaultdict[str, float] = defaultdict(float)
    for turn in range(rounds):
        ranges, seconds = _answered(world, recordings[turn * n : (turn + 1) * n], form, spent)
        plainly = _bare(world, ranges, _DECODERS[form])
        checked.append(_bare(world, ranges, _checking(world)))
        ours.append(n / seconds)
        bare.append(n / plainly)
        ratios.append(plainly / seconds)
    ratio, against = median(ratios), f"bare consumer, {form}"
    rows = [
        _row(f"{form}, samples a second", median(ours), "1/s"),
        _row(f"{form}, bare consumer", median(bare), "1/s"),
        _row(f"{form}, consumer with the platform's codec", n / median(checked), "1/s"),
        {
            **_row(f"{form}, ratio", ratio, "x", against),
            "bar": GOAL,
            "holds": ratio >= GOAL,
        },
    ]
    return rows + [_row(f"{form}, {name}", spent[name] / (n * rounds) * 1e3, "ms/sample") for name in STEPS[:3]]


def _row(name: str, value: float, unit: str, against: str | None = None) -> Row:
    return {
        "name": f"dq_run/{name}",
        "value": round(value, 3),
        "unit": unit,
        "against": against,
        "bar": None,
        "holds": None,
    }


def _answered(
    world: World, recordings: Sequence[Recording], form: Form, spent: dict[str, float]
) -> tuple[list[OffsetRange], float]:
    """Fill the topic, then answer it; where the messages stand, and the seconds."""
    topic = world.process(NAME).stream.topic
    before = world.stream.watermarks(topic)
    for first in range(0, len(recordings), _PUBLISHED_AT_ONCE):
        world.stream.publish(messages(world, NAME, recordings[first : first + _PUBLISHED_AT_ONCE], form))
    after = world.stream.watermarks(topic)
    began = time.perf_counter()
    with _timed(spent):
        told = loop(world, NAME, "benchmark", until_idle=True, adapt=False)
    seconds = time.perf_counter() - began
    if told["predictions"] != len(recordings) or told["failures"]:
        raise RuntimeError(f"expected {len(recordings)} predictions and no failure; found {told}")
    return [OffsetRange(p, before[p][1], after[p][1]) for p in after if after[p][1] > before[p][1]], seconds


@contextmanager
def _timed(spent: dict[str, float]) -> Iterator[None]:
    """Count the seconds that the loop spends in each step."""
    real = {name: getattr(steps, name) for name in STEPS}

    def watched(name: str) -> Callable[..., Any]:
        def step(*args: Any, **kwargs: Any) -> Any:
            began = time.perf_counter()
            try:
                return real[name](*args, **kwargs)
            finally:
                spent[name] += time.perf_counter() - began

        return step

    for name in STEPS:
        setattr(steps, name, watched(name))
    try:
        yield
    finally:
        for name, step in real.items():
            setattr(steps, name, step)


def _bare(world: World, ranges: Sequence[OffsetRange], read: Callable[[Any], object]) -> float:
    """Seconds that a consumer of its own takes for the same messages."""
    consumer = KafkaConsumer(
        bootstrap_servers=world.settings.kafka_bootstrap_servers,
        group_id=None,
        enable_auto_commit=False,
        max_partition_fetch_bytes=8_388_608,
    )
    topic = world.process(NAME).stream.topic
    parts = {TopicPartition(topic, one.partition): one for one in ranges}
    consumer.assign(list(parts))
    for part, one in parts.items():
        consumer.seek(part, one.start)
    wanted = sum(len(one) for one in ranges)
    began = time.perf_counter()
    while wanted > 0:
        for part, records in consumer.poll(1000).items():
            for record in records:
                if record.offset < parts[part].stop:
                    read(record)
                    wanted -= 1
    seconds = time.perf_counter() - began
    consumer.close()
    return seconds


def _from_arrow(record: Any) -> object:
    table = pa.ipc.open_stream(record.value).read_all()
    return np.column_stack([column.to_numpy() for column in table.columns])


def _from_json(record: Any) -> object:
    return np.array(json.loads(record.value)["values"], np.float64)


_DECODERS: dict[Form, Callable[[Any], object]] = {"arrow": _from_arrow, "json": _from_json}


def _checking(world: World) -> Callable[[Any], object]:
    process = world.process(NAME)
    return lambda record: decode(record.value, record.headers, process)
