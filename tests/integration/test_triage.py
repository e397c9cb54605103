"""What goes wrong is put down to one cause, told once, and mended: a unit that changed, a release that regressed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dq_pipeline import steps, units
from dq_pipeline.errors import StateError
from dq_pipeline.recording import Recording
from dq_pipeline.records import Alert, Cause, Ending, EventState, Incident
from dq_pipeline.release.bundle import Release
from dq_pipeline.steps import remedies
from dq_pipeline.steps.clock import utc_now

from .conftest import SENSORS, Plant, recordings  # type: ignore[import-not-found]

pytestmark = pytest.mark.integration
PSI = 14.503773773
SENSOR = "flow"
BAR = {
    "flow": {"unit": "bar", "range": [-50, 100]},
    "inlet": {"unit": "degC", "range": [-50, 200]},
    "outlet": {"unit": "degC", "range": [-50, 200]},
}


def in_psi(runs: Sequence[Recording]) -> list[Recording]:
    """The same runs as a transmitter shows them whose unit was set to psi."""
    found = []
    for run in runs:
        values = run.values.copy()
        values[:, SENSORS.index(SENSOR)] *= PSI
        found.append(replace(run, values=values))
    return found


def feed(plant: Plant, turns: int, first: int, *, psi: bool = False) -> list[str]:
    taken = []
    for turn in range(turns):
        runs = recordings(25, plant.rng, first=first + 25 * turn)
        plant.publish(in_psi(runs) if psi else runs)
        taken.append(plant.turn()["branch"])
    return taken


def only(plant: Plant) -> Incident:
    (found,) = [one for one in plant.world.ledger.incidents(plant.process) if one.cause]
    return found


def median_score(plant: Plant, first: int) -> float:
    ids = [row.sample_id for row in plant.world.ledger.judged(plant.process, first_sample=first)]
    scored = plant.world.ledger.completions(plant.process, ids)
    return float(np.median([one.unified for one in scored.values() if one.unified is not None]))


@pytest.fixture
def barred(plant: Plant) -> Plant:
    """A process whose sensor `flow` is a pressure in bar, and three calm turns."""
    plant.edit(sensors=BAR)
    plant.initialize()
    assert feed(plant, 3, 1000) == ["nothing"] * 3
    return plant


def test_a_unit_that_changed_is_one_incident_is_corrected_and_never_learned(barred: Plant) -> None:
    ledger, process = barred.world.ledger, barred.process
    good = barred.figures()["mae"]
    score = median_score(barred, 0)
    assert feed(barred, 1, 1075, psi=True) == ["nothing"]

    incident = only(barred)  # within one window
    assert (incident.cause, incident.subject, incident.event is not None) == (Cause.CALIBRATION, SENSOR, True)
    assert 73 <= (incident.first or 0) <= 77
    assert incident.evidence["gain"] == pytest.approx(PSI, rel=1e-5)
    assert "psi" in incident.title
    assert (incident.action["what"], incident.action["state"]) == ("correct", "done")
    assert (incident.stop, incident.ending) == (100, None)
    (event,) = ledger.events(process)
    assert event.state is EventState.INCIDENT
    assert incident.record["hypotheses"][0]["cause"] == "calibration"
    assert incident.record["decided_by"]
    (correction,) = ledger.corrections(process)
    assert (correction.sensor, correction.incident, correction.until) == (SENSOR, incident.id, None)
    assert (correction.gain, correction.offset) == units.conversion("bar", "psi")

    # what is told meanwhile is folded into it
    for key, kind, subject in (("contract:error:", "contract", "error"), (f"audit:{SENSOR}", "audit", SENSOR)):
        ledger.raise_alert(process, Alert(kind, key, "warning", f"{key} is beyond its limit", subject, 80), utc_now())
    assert feed(barred, 4, 1100, psi=True) == ["nothing"] * 4
    assert only(barred).id == incident.id
    assert {row.incident for row in ledger.alerts(process)} == {incident.id}
    assert len([one for one in barred.notices.told if "at fault" in one.title]) == 1
    assert len(ledger.releases(process)) == 1

    # the corrected stream goes on as before
    assert barred.figures(first_sample=75)["judged"] >= 100
    assert barred.figures(first_sample=100)["mae"] < 1.3 * good
    assert median_score(barred, 100) > score - 0.1
    shown = steps.incident(barred.world, process, incident.id)
    assert [row["kind"] for row in shown["told"]] == ["monitor", "contract", "audit"]  # its error moved as well

    # set right again: what was turned back in vain is withheld as well, and the correction ends
    feed(barred, 3, 1200)
    closed = only(barred)
    assert closed.ending is Ending.RECOVERED
    assert (closed.first, closed.stop) == (incident.first, 100)
    assert not closed.withholds(150)
    assert closed.withholds(205)
    assert ledger.corrections(process)[0].until is not None
    assert not closed.withholds(ledger.sample_count(process) - 1)
    assert feed(barred, 2, 1300) == ["nothing"] * 2
    assert ledger.open_event(process) is None
    assert len(ledger.releases(process)) == 1


@pytest.mark.parametrize("where", ["open_incident", "note_incident", "correct"])
def test_killed_in_the_middle_and_run_again_changes_nothing(
    barred: Plant, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    ledger, process = barred.world.ledger, barred.process
    barred.publish(in_psi(recordings(25, barred.rng, first=1075)))
    barred.answer()
    done = getattr(ledger, where)

    def dies(*given: Any, **named: Any) -> None:
        done(*given, **named)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(ledger, where, dies)
        with pytest.raises(KeyboardInterrupt):
            steps.decide(barred.world, process)
    assert steps.decide(barred.world, process)["branch"] == "nothing"
    first = only(barred)
    for _ in range(2):
        steps.decide(barred.world, process)
        steps.triage(barred.world, process)
    assert only(barred) == first
    assert (first.action["state"], first.stop) == ("done", 100)
    assert len(ledger.corrections(process)) == 1
    assert [entry["what"][:9] for entry in first.record["timeline"]] == ["opened: p", "alert 1: ", "corrected"]
    assert len([one for one in barred.notices.told if "at fault" in one.title]) == 1


def regressed(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> str:
    """A second release whose features come in another order than when it was made; returns its version."""
    save = Release.save

    def shuffled(release: Release, folder: Path) -> str:
        features = release.features
        order = np.roll(np.arange(len(features.chosen)), 1)
        chosen, centre, scale = (getattr(features, name)[order] for name in ("chosen", "centre", "scale"))
        return save(replace(release, features=replace(features, chosen=chosen, centre=centre, scale=scale)), folder)

    with monkeypatch.context() as patched:
        patched.setattr(Release, "save", shuffled)
        patched.setattr("dq_pipeline.release.parity.differs", lambda _release: ())
        return plant.initialize("second")


def test_a_regressed_release_is_rolled_back_and_the_step_is_named(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant.edit(promotion={"probation": 0})
    first = plant.initialize()
    feed(plant, 3, 1000)
    good = plant.figures()["mae"]
    second = regressed(plant, monkeypatch)
    plant.publish(recordings(25, plant.rng, first=1075))
    plant.answer()  # reconciliation comes before the deployment has decided
    assert plant.figures(first_sample=75)["mae"] > 2 * good
    found = steps.reconcile(plant.world, plant.process)
    assert found["parity"]["first"] == "features"

    asked = steps.triage(plant.world, plant.process)  # as the reconciliation does: the deployment's next run acts
    assert (asked["branch"], asked["version"]) == ("roll_back", first)
    assert plant.world.ledger.production(plant.process).version == second
    assert feed(plant, 1, 1100) == ["roll_back"]
    assert plant.world.ledger.production(plant.process).version == first
    (incident,) = [one for one in plant.world.ledger.incidents(plant.process) if one.cause is Cause.MODEL_REGRESSION]
    assert incident.subject == second
    assert "features" in incident.title
    assert incident.action["version"] == first
    newest = plant.world.ledger.changes(plant.process)[-1]
    assert (newest.action, newest.who) == ("rollback", "dq")
    assert f"incident {incident.id}" in newest.why

    assert feed(plant, 3, 1200) == ["nothing"] * 3
    (incident,) = [one for one in plant.world.ledger.incidents(plant.process) if one.cause is Cause.MODEL_REGRESSION]
    assert incident.ending is Ending.RECOVERED
    assert [change.action for change in plant.world.ledger.changes(plant.process)].count("rollback") == 1
    assert plant.figures(first_sample=125)["mae"] < 1.3 * good
    assert not plant.world.ledger.alerts(plant.process, standing=True, unfolded=True)


def test_a_regressed_release_is_told_by_its_errors_before_anybody_compares(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant.edit(promotion={"probation": 0})
    first = plant.initialize()
    feed(plant, 3, 1000)
    second = regressed(plant, monkeypatch)
    assert feed(plant, 1, 1075) == ["roll_back"]
    assert plant.world.ledger.production(plant.process).version == first
    (incident,) = [one for one in plant.world.ledger.incidents(plant.process) if one.cause]
    assert (incident.cause, incident.subject) == (Cause.MODEL_REGRESSION, second)
    (row,) = plant.world.ledger.alerts(plant.process)
    assert (row.alert.kind, row.alert.subject, row.incident) == ("monitor", "error", incident.id)


def test_where_the_code_is_at_fault_nothing_is_rolled_back(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant.edit(promotion={"probation": 0})
    plant.initialize()
    second = plant.initialize("second")
    feed(plant, 1, 1000)
    monkeypatch.setattr(remedies, "differs", lambda _release: ("features", "prediction"))
    evidence = {"steps": ["features", "prediction"], "first": "features", "against": ["trace"]}
    alert = Alert("parity", f"parity:{second}", "critical", "other features", second, None, evidence)
    plant.world.ledger.raise_alert(plant.process, alert, utc_now())
    assert feed(plant, 2, 1025) == ["nothing"] * 2
    incident = only(plant)
    assert incident.action["what"] == "hold"
    assert "the code is at fault" in incident.action["detail"]
    assert plant.world.ledger.production(plant.process).version == second
    assert f"incident {incident.id}" in steps.decide(plant.world, plant.process)["why"]
    plant.world.ledger.clear_alert(plant.process, alert.key, utc_now())
    steps.decide(plant.world, plant.process)
    assert only(plant).ending is Ending.RECOVERED


def test_silence_is_told_once_and_withholds_nothing(running: Plant) -> None:
    ledger, process = running.world.ledger, running.process
    for kind in ("silence", "lag"):
        ledger.raise_alert(process, Alert(kind, kind, "warning", f"{kind} for an hour"), utc_now())
    for _ in range(2):
        (found,) = steps.triage(running.world, process)["incidents"]
    assert (found["cause"], found["alerts"], found["action"]["what"]) == (Cause.LATE_DATA, 2, "none")
    assert not only(running).lasts
    for kind in ("silence", "lag"):
        ledger.clear_alert(process, kind, utc_now())
    assert steps.triage(running.world, process)["incidents"] == []
    with pytest.raises(StateError, match="an incident with a cause expected"):
        steps.incident(running.world, process, 10**9)
