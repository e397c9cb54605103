"""The watch through Airflow: silence is told, put down to its cause, and over when it is over."""

from __future__ import annotations

import secrets

import pytest

from .platform import Line, Platform, until

pytestmark = pytest.mark.live


def test_silence_is_told_by_the_dag_and_is_over_again(platform: Platform, pump: Line) -> None:
    dag = f"{pump.process}_watch"
    until(lambda: platform.airflow.has(dag), dag)

    def looked() -> set[str]:
        """The alerts that stand after one more run."""
        run = f"by-hand-{secrets.token_hex(4)}"
        platform.airflow.trigger(dag, run)
        assert platform.airflow.ended(dag, run, 180) == "success", platform.last_words()
        return {row.alert.key for row in platform.world.ledger.alerts(pump.process, standing=True)}

    pump.feed(pump.fresh(12), ["completion"])
    pump.edit(watch={"silence_s": 0.5, "cooldown_s": 0})
    try:
        assert "silence" in looked()
        (told,) = [
            row for row in platform.world.ledger.alerts(pump.process, standing=True) if row.alert.key == "silence"
        ]
        assert told.incident is not None, "triage took it up"
    finally:
        pump.edit(watch={"silence_s": 86400.0})
    assert "silence" not in looked()
