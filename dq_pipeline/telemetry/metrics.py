"""The exposition that Prometheus scrapes: every metric of the list, read once in a few seconds however many ask."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dq_pipeline.errors import DQError
from dq_pipeline.ports import World
from dq_pipeline.process import Process
from dq_pipeline.records import METRICS, Reading

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric as Family

log = logging.getLogger(__name__)

Positions = dict[str, Mapping[str, Mapping[int, int]]]
KEPT_S = 5.0
"""How long a reading serves everyone who asks."""


def read(world: World, names: Iterable[str]) -> list[Reading]:
    """Everything that can be read now of these processes; what cannot says so in a metric of its own.

    A process whose file is broken is shown as far as the ledger knows it. Never raises what a server or a file causes.
    """
    began = time.monotonic()
    known = sorted(names)
    valid = {name: process for name in known if (process := _file(world, name)) is not None}
    found = [Reading("dq_process_file_valid", float(name in valid), {"process": name}) for name in known]
    positions: Positions = {}
    found += _from("ledger", lambda: _ledger(world, known, positions))
    found += _from("stream", lambda: _unread(world, valid, positions))
    return [*found, Reading("dq_scrape_seconds", time.monotonic() - began)]


class Exposition:
    """The readings as text, kept for a moment; several threads may ask."""

    def __init__(self, read: Callable[[], Sequence[Reading]], kept_s: float = KEPT_S) -> None:
        self._read, self._kept_s = read, kept_s
        self._lock = threading.Lock()
        self._families: list[Family] = []
        self._until = float("-inf")

    def text(self, accept: str = "") -> tuple[bytes, str]:
        """The exposition and its content type: OpenMetrics where `accept` asks for it, else Prometheus' own."""
        from prometheus_client.exposition import choose_encoder

        encode, content_type = choose_encoder(accept)
        return encode(self), content_type

    def collect(self) -> Iterator[Family]:
        """What prometheus-client's encoders ask a registry for."""
        with self._lock:  # who comes meanwhile waits for the same reading
            if time.monotonic() >= self._until:
                self._families = list(families(self._read()))
                self._until = time.monotonic() + self._kept_s
            return iter(self._families)


def families(readings: Iterable[Reading]) -> Iterator[Family]:
    """All metrics of the list in its order, those without a reading too."""
    from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily

    sorted_out: dict[str, list[Reading]] = {name: [] for name in METRICS}
    for one in readings:
        sorted_out[one.name].append(one)
    for name, metric in METRICS.items():
        family = (CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily)(
            name, metric.told, labels=metric.labels
        )
        for one in sorted_out[name]:
            family.add_metric([one.labels[label] for label in metric.labels], one.value)
        yield family


def _file(world: World, name: str) -> Process | None:
    try:
        return world.process(name)
    except DQError:
        return None


def _from(source: str, look: Callable[[], list[Reading]]) -> list[Reading]:
    try:
        found = look()
    except Exception:  # whatever it is, the other sources can still be read
        log.exception("Metrics: the %s could not be read", source)
        return [Reading("dq_source_up", 0.0, {"source": source})]
    return [Reading("dq_source_up", 1.0, {"source": source}), *found]


def _ledger(world: World, names: Sequence[str], positions: Positions) -> list[Reading]:
    known = world.ledger.all_positions(names)
    positions.update({name: known.get(name, {}) for name in names})
    found, failed = world.ledger.gauges(names, datetime.now(UTC))
    return [*found, Reading("dq_scrape_failures", float(failed))]


def _unread(world: World, processes: Mapping[str, Process], positions: Positions) -> list[Reading]:
    """Messages that no micro-batch has claimed; nothing of a topic that is not there, or while no ledger answers."""
    topics = {process.stream.topic for process in processes.values()}
    ends = world.stream.all_watermarks(sorted(topics))
    found = []
    for name, process in processes.items():
        if process.stream.topic in ends and name in positions:
            read = positions[name].get(process.stream.topic, {})
            waiting = (after - max(read.get(p, 0), first) for p, (first, after) in ends[process.stream.topic].items())
            found.append(Reading("dq_messages_unread", float(sum(max(n, 0) for n in waiting)), {"process": name}))
    return found
