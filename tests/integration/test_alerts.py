"""People are told: by real webhooks and mail, from the real ledger, whatever is down, slow or said again and again."""

from __future__ import annotations

import importlib
import json
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_string
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import Engine, create_engine, event

from dq_pipeline import steps
from dq_pipeline.errors import ConfigurationError, StateError
from dq_pipeline.records import Alert, Cause, Diagnosis, Ending, Notice
from dq_pipeline.settings import Settings
from dq_pipeline.steps import incidents
from dq_pipeline.wiring import World, open_world

from .conftest import process_file  # type: ignore[import-not-found]
from .receivers import MailServer, Webhook  # type: ignore[import-not-found]

pytestmark = pytest.mark.integration
RIG, SECRET = "rig", "hunter2-Zq81"
delivering = importlib.import_module("dq_pipeline.steps.deliver")  # its function has the same name


@dataclass
class Desk:
    """A world with people's addresses, and a clock that moves when told to."""

    world: World
    folder: Path
    now: datetime
    chat: Webhook
    pager: Webhook

    def alerts(self, **section: Any) -> None:
        """State `alerts` of the process file."""
        data = {**process_file(RIG), "alerts": section}
        new = self.folder / "rig.new"
        new.write_text(yaml.safe_dump(data, sort_keys=False))
        new.replace(self.folder / "processes" / "rig.yaml")

    def tell(self, severity: Any = "warning", title: str = "rig: it squeaks", **more: Any) -> None:
        """A rule tells something."""
        self.world.notifier.notify(Notice(RIG, severity, title, "a wheel", **{"kind": "watch/lag", **more}))

    def deliver(self, **limits: float) -> dict[str, Any]:
        """Send what is due, without the counts that are 0."""
        found = steps.deliver(self.world, RIG, **limits)
        assert found.pop("process") == RIG
        return {name: count for name, count in found.items() if count}

    def later(self, **span: float) -> None:
        """Let time pass."""
        self.now += timedelta(**span)

    def listed(self) -> list[dict[str, Any]]:
        """What people see, the oldest first."""
        return steps.notices(self.world, RIG)[::-1]


@pytest.fixture
def hooks() -> Iterator[tuple[Webhook, Webhook]]:
    chat, pager = Webhook(), Webhook()
    for one in (chat, pager):
        one.up()
    yield chat, pager
    for one in (chat, pager):
        one.down()


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    (tmp_path / "processes").mkdir()
    names = {"database_url": database_url, "process_dir": str(tmp_path / "processes"), "var": str(tmp_path)}
    return Settings.resolve(flags={**names, "page_url": "https://plant.example/dq/"}, environ={})


@pytest.fixture
def desk(
    settings: Settings, tmp_path: Path, hooks: tuple[Webhook, Webhook], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    chat, pager = hooks
    monkeypatch.setenv("DQ_ALERTS_CHAT", f"json://user:{SECRET}@127.0.0.1:{chat.port}/{SECRET}/in")
    monkeypatch.setenv("DQ_ALERTS_PAGER", f"json://127.0.0.1:{pager.port}/page?:token={SECRET}")
    with open_world(settings) as world:
        world.ledger.migrate()
        made = Desk(world, tmp_path, datetime.now(UTC) + timedelta(minutes=5), chat, pager)
        monkeypatch.setattr(delivering, "utc_now", lambda: made.now)
        made.alerts(to={"critical": ["pager", "chat"], "warning": ["chat"]}, cooldown_min=30)
        yield made


def test_what_is_told_is_sent_once_and_says_what_to_do(desk: Desk) -> None:
    desk.tell(subject="rig.samples", runbook="docs/runbooks/lag.md", key="alert:1")
    desk.tell(subject="rig.samples", runbook="docs/runbooks/lag.md", key="alert:1")
    assert desk.chat.got == [], "it is sent by deliver alone"
    assert desk.deliver() == {"sent": 1}
    assert desk.deliver() == {}
    (got,) = desk.chat.got
    assert (got["title"], got["type"]) == ("[warning] rig: it squeaks", "warning")
    for words in (
        "a wheel",
        "Since: 20",
        "UTC",
        "Done by itself: Nothing is lost",
        "What to do: Does the deployment run?",
        "docs/runbooks/lag.md",
        "Page: https://plant.example/dq/rig/",
        "dq alerts rig --useful 1",
    ):
        assert words in got["message"]
    assert desk.pager.got == []
    (row,) = desk.listed()
    assert (row["state"], row["to"], row["kind"]) == ("sent", {"chat": "sent"}, "watch/lag")


def test_nothing_to_send_is_one_query(desk: Desk) -> None:
    statements: list[str] = []
    desk.world.ledger.notices(RIG, limit=1)  # connected
    event.listen(Engine, "before_cursor_execute", lambda *said: statements.append(said[2]))
    assert desk.deliver() == {}
    assert len(statements) == 1
    assert desk.listed() == []


def test_an_address_that_is_down_is_tried_again_later_each_time(desk: Desk) -> None:
    desk.pager.down()
    desk.tell("critical")
    assert desk.deliver() == {"failed": 1}
    (row,) = desk.listed()
    assert row["state"] == "waiting"
    assert row["to"] == {"pager": "not reached, or refused", "chat": "sent"}
    assert desk.deliver() == {}, "not before its time"
    desk.later(seconds=31)
    assert desk.deliver() == {"failed": 1}
    desk.later(seconds=31)
    assert desk.deliver() == {}, "the pause doubles"
    desk.pager.up()
    desk.later(seconds=31)
    assert desk.deliver() == {"sent": 1}
    assert len(desk.pager.got) == len(desk.chat.got) == 1, "the one that had taken it is not told again"
    assert desk.listed()[0]["attempts"] == 2


def test_what_nobody_takes_is_given_up_and_shown(desk: Desk) -> None:
    desk.chat.status = 503
    desk.tell()
    for _ in range(delivering.ATTEMPTS - 1):
        assert desk.deliver() == {"failed": 1}
        desk.later(hours=1, seconds=1)
    assert desk.deliver() == {"given_up": 1}
    desk.later(days=1)
    assert desk.deliver() == {}
    (row,) = desk.listed()
    assert (row["state"], row["to"]) == ("given up", {"chat": "refused with HTTP 503"})


def test_no_secret_gets_into_a_log_or_the_ledger(
    desk: Desk, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DQ_ALERTS_ODD", f"nosuch://{SECRET}@host")
    monkeypatch.setenv("DQ_ALERTS_SHELL", f"macosx://{SECRET}")
    monkeypatch.setenv("DQ_ALERTS_GONE", f"json://127.0.0.1:9/{SECRET}")
    desk.alerts(to={"critical": ["pager", "chat", "odd", "shell", "gone", "unset"]})
    with caplog.at_level(logging.DEBUG):
        desk.tell("critical")
        desk.pager.status = 401
        assert desk.deliver() == {"failed": 1}
        for name in ("odd", "shell", "unset"):
            with pytest.raises(ConfigurationError, match=f"DQ_ALERTS_{name.upper()}") as error:
                steps.send_test(desk.world, RIG, name, who="ann")
            assert SECRET not in str(error.value)
        assert steps.send_test(desk.world, RIG, "gone", who="ann")["sent"] is False
    assert {record.name.partition(".")[0] for record in caplog.records} == {"dq_pipeline"}, (
        "senders' own logs go nowhere"
    )
    (row,) = desk.listed()
    assert row["to"]["pager"] == "refused with HTTP 401"
    assert row["to"]["chat"] == "sent"
    assert all("DQ_ALERTS_" in row["to"][name] for name in ("odd", "shell", "unset"))
    printed = capfd.readouterr()
    for text in (caplog.text, json.dumps(row), printed.out, printed.err, repr(desk.world), _dump(desk)):
        assert SECRET not in text


def _dump(desk: Desk) -> str:
    engine = create_engine(desk.world.settings.database_url.get_secret_value())
    with engine.connect() as connection:
        found = str([tuple(row) for row in connection.exec_driver_sql("SELECT * FROM dq.notices")])
    engine.dispose()
    return found


def test_two_deliverers_at_once_send_once(desk: Desk, settings: Settings) -> None:
    desk.chat.pause_s = 0.3
    for number in range(6):
        desk.tell(title=f"rig: {number}", subject=str(number))
    with open_world(settings) as other, ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda world: steps.deliver(world, RIG), (desk.world, other)))
    assert sum(one["sent"] for one in found) == 6
    assert sorted(desk.chat.titles) == [f"[warning] rig: {number}" for number in range(6)]


def test_what_a_killed_deliverer_left_is_sent_by_the_next(desk: Desk) -> None:
    desk.tell()
    (left,) = desk.world.ledger.claim_notices(RIG, desk.now, lease_s=60, limit=10)
    assert desk.deliver() == {}
    desk.later(seconds=61)
    assert desk.deliver() == {"sent": 1}
    assert not desk.world.ledger.settle_notice(left, due_at=desk.now, record={}), "it lost its claim"
    assert desk.deliver() == {}


def test_an_address_that_hangs_holds_nobody_up(desk: Desk) -> None:
    desk.pager.pause_s = 20.0
    desk.world.sender.check("pager")  # loads apprise
    for number in range(5):
        desk.tell("critical", f"rig: {number}", subject=str(number))
    began = time.monotonic()
    assert desk.deliver(limit_s=2.0) == {"failed": 5}
    assert time.monotonic() - began < 3.9, "apprise itself waits for four seconds"
    assert len(desk.chat.got) == 5
    rows = desk.listed()
    assert [row["attempts"] for row in rows] == [1, 0, 0, 0, 0], "those that were not tried count no attempt"
    assert rows[0]["to"]["pager"] == "no answer within 2 s"


def test_quiet_hours_hold_all_but_critical_notices(desk: Desk) -> None:
    begin, end = (desk.now + timedelta(hours=hours) for hours in (-1, 2))
    desk.alerts(
        to={"critical": ["chat"], "warning": ["chat"]}, quiet_hours=[f"{begin:%H:%M}", f"{end:%H:%M}"], cooldown_min=0
    )
    desk.tell("warning", subject="one")
    desk.tell("critical", "rig: it burns", subject="two")
    assert desk.deliver() == {"sent": 1, "waiting": 1}
    assert desk.chat.titles == ["[critical] rig: it burns"]
    assert desk.listed()[0]["why"] == "quiet hours"
    desk.later(hours=2, minutes=1)
    assert desk.deliver() == {"sent": 1}
    assert desk.chat.titles[1:] == ["[warning] rig: it squeaks"]
    assert desk.listed()[0]["why"] is None


def test_the_same_again_waits_for_the_cooldown_and_is_folded(desk: Desk) -> None:
    desk.tell(title="rig: first")
    assert desk.deliver() == {"sent": 1}
    for name in ("second", "third", "fourth", "fifth"):
        desk.tell(title=f"rig: {name}")
    desk.tell(title="rig: other", subject="another")
    assert desk.deliver() == {"waiting": 4, "sent": 1}
    desk.tell("critical", "rig: worse")
    assert desk.deliver() == {"sent": 1}, "what is more severe goes through"
    assert desk.chat.titles == ["[warning] rig: first", "[warning] rig: other", "[critical] rig: worse"]
    desk.later(minutes=31)
    assert desk.deliver() == {"sent": 1, "held": 3}
    assert desk.chat.titles[-1] == "[warning] rig: fifth (and 3 more)"
    assert "And 3 more:\n- rig: second\n- rig: third\n- rig: fourth" in desk.chat.got[-1]["message"]
    assert desk.listed()[1]["why"] == "told with notice 5"


def test_maintenance_holds_everything_until_its_end(desk: Desk) -> None:
    window = {"from": (desk.now - timedelta(hours=1)).isoformat(), "until": (desk.now + timedelta(hours=1)).isoformat()}
    desk.alerts(to={"critical": ["chat"]}, maintenance=[{**window, "reason": "a new pump"}])
    desk.tell("critical")
    desk.tell("critical", "rig: again")
    assert desk.deliver() == {"waiting": 2}
    assert desk.listed()[0]["why"] == "maintenance: a new pump"
    desk.later(hours=1)
    assert desk.deliver() == {"sent": 1, "held": 1}
    assert desk.chat.titles == ["[critical] rig: again (and 1 more)"]


def test_an_incident_is_told_at_its_opening_its_rise_and_its_end_and_its_alerts_are_not(desk: Desk) -> None:
    ledger = desk.world.ledger
    desk.alerts(to={"critical": ["pager"], "warning": ["chat"]})

    def alert(key: str, severity: Any) -> int:
        assert ledger.raise_alert(RIG, Alert("lag", key, severity, f"rig: {key}"), desk.now)
        number = next(row.id for row in ledger.alerts(RIG) if row.alert.key == key)
        desk.tell(severity, f"rig: alert {key}", alert=number, key=f"alert:{number}")
        return number

    def diagnosis(*alerts: int) -> Diagnosis:
        return Diagnosis(Cause.LATE_DATA, "rig.samples", "warning", 0.9, "rig: data come late", alerts=alerts)

    one = ledger.open_incident(RIG, diagnosis(alert("lag", "warning")), desk.now)
    ledger.note_incident(RIG, one.id, "asked", desk.now, action={"what": "hold", "detail": "nothing is learned"})
    assert [notice.incident for notice in ledger.announce(RIG, desk.now)] == [one.id]
    assert desk.deliver() == {"sent": 1, "held": 1}
    assert desk.chat.titles == ["[warning] rig: data come late"]
    assert "Done by itself: nothing is learned" in desk.chat.got[0]["message"]
    assert desk.listed()[0]["why"] == f"told with incident {one.id}"

    risen = ledger.open_incident(RIG, diagnosis(alert("silence", "critical")), desk.now)
    assert (risen.id, risen.severity) == (one.id, "critical")
    ledger.announce(RIG, desk.now)
    assert desk.deliver() == {"sent": 1, "held": 1}
    assert desk.pager.titles == ["[critical] rig: data come late"]
    assert ledger.announce(RIG, desk.now) == []

    assert ledger.open_incident(RIG, diagnosis(), desk.now).id == one.id
    assert ledger.announce(RIG, desk.now) == [], "the same again is no news"
    steps.close_incident(desk.world, RIG, one.id, accept=False, who="ann")
    with pytest.raises(StateError):
        steps.close_incident(desk.world, RIG, one.id, accept=True, who="ann")
    assert desk.deliver() == {"sent": 1}
    ended = "[over] rig: incident 1 is closed as repaired"
    assert (desk.chat.titles[-1], desk.pager.titles[-1]) == (ended, ended), "who heard of it hears its end"
    assert desk.pager.got[-1]["type"] == "success"
    assert ledger.incidents(RIG)[0].ending is Ending.REPAIRED
    assert [row["kind"] for row in desk.listed() if row["incident"]] == ["incident/late_data"] * 3
    assert incidents.listed(ledger.incidents(RIG))[0]["severity"] == "critical"


def test_what_is_told_late_says_that_it_is_over_by_now(desk: Desk) -> None:
    ledger = desk.world.ledger
    desk.chat.down()
    assert ledger.raise_alert(RIG, Alert("lag", "lag", "warning", "rig: late"), desk.now)
    (alert,) = ledger.alerts(RIG)
    desk.tell(alert=alert.id, key="alert:1")
    assert desk.deliver() == {"failed": 1}
    ledger.clear_alert(RIG, "lag", desk.now)
    desk.chat.up()
    desk.later(seconds=31)
    assert desk.deliver() == {"sent": 1}
    assert desk.chat.titles == ["[warning, over by now] rig: it squeaks"]


def test_that_another_release_answers_is_told_unless_it_is_routed_nowhere(desk: Desk) -> None:
    desk.tell("info", "rig: release 2 is in Production", kind="promoted", subject="2")
    desk.tell("info", "rig: release 3 is a canary", kind="rollout", subject="3")
    assert desk.deliver() == {"sent": 1, "held": 1}
    assert desk.listed()[1]["why"] == "routed nowhere"
    desk.alerts(to={"critical": ["pager"], "warning": ["chat"]}, changes=[])
    desk.tell("info", "rig: release 4 is in Production", kind="promoted", subject="4")
    desk.tell("critical", "rig rolled back to release 3", kind="rolled_back", subject="3")
    assert desk.deliver() == {"sent": 1, "held": 1}
    assert desk.pager.titles == ["[critical] rig rolled back to release 3"]
    assert desk.chat.titles == ["[info] rig: release 2 is in Production"]


def test_by_mail(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    post = MailServer()
    post.up()
    address = (
        f"mailto://plant.example:{post.port}?smtp=127.0.0.1&from=dq@plant.example&to=ann@plant.example&mode=insecure"
    )
    monkeypatch.setenv("DQ_ALERTS_MAIL", address)
    desk.alerts(to={"warning": ["mail"]})
    hostile = "rig: ä <b>bold</b>\r\nBcc: eve@evil.example\x1b[31m"
    desk.tell(title=hostile)
    assert desk.deliver() == {"sent": 1}
    (text,) = post.got
    got = message_from_string(text)
    assert got["To"] == "ann@plant.example"
    assert got["Bcc"] is None, "a title makes no header"
    assert str(make_header(decode_header(got["Subject"]))).startswith("[warning] rig: ä <b>bold</b> Bcc:")
    post.down()
    desk.tell(title="rig: later", subject="else")
    assert desk.deliver() == {"failed": 1}
    post.up()
    desk.later(seconds=31)
    assert desk.deliver() == {"sent": 1}
    post.down()


def test_people_say_what_was_useful_and_rules_that_are_not_are_proposed_to_be_muted(desk: Desk) -> None:
    for number in range(6):
        desk.tell(subject=str(number), kind="watch/erratic")
    desk.tell(kind="incident/labels")
    assert desk.deliver() == {"sent": 7}
    for number in range(1, 6):
        steps.judge_notice(desk.world, RIG, number, useful=number == 1, who="ann")
    judged = steps.judge_notice(desk.world, RIG, 7, useful=True, who="bob")
    assert (judged["useful"], judged["judged_by"]) == (True, "bob")
    erratic, labels = steps.precision(desk.world, RIG)
    assert (erratic["kind"], erratic["judged"], erratic["precision"]) == ("watch/erratic", 5, 0.2)
    assert (labels["kind"], labels["precision"], labels["proposal"]) == ("incident/labels", 1.0, None)
    (proposed,) = steps.prune([erratic, labels])
    assert "watch/erratic was useful in 1 of 5" in proposed
    desk.alerts(to={"warning": ["chat"]}, mute=["watch/erratic"])
    assert steps.precision(desk.world, RIG)[0]["proposal"] is None
    desk.tell(subject="9", kind="watch/erratic")
    assert desk.deliver() == {"held": 1}
    for number, who in ((99, "ann"), (1, " ")):
        with pytest.raises(StateError):
            steps.judge_notice(desk.world, RIG, number, useful=True, who=who)
    assert [row["id"] for row in steps.notices(desk.world, RIG, limit=2, offset=1)] == [7, 6]


def test_a_test_is_sent_to_an_address_of_the_process_file_alone(desk: Desk) -> None:
    assert steps.send_test(desk.world, RIG, "chat", who="ann") == {
        "process": RIG,
        "address": "chat",
        "sent": True,
        "why": None,
    }
    assert desk.chat.titles == ["[test] rig: a test of chat"]
    with pytest.raises(ConfigurationError, match="There are: pager, chat"):
        steps.send_test(desk.world, RIG, "mail", who="ann")
    assert desk.listed() == []


def test_a_process_file_that_is_wrong_loses_nothing(desk: Desk) -> None:
    desk.tell()
    desk.alerts(to={"warning": "chat"})
    found = desk.deliver()
    assert found["waiting"] == 1
    assert "alerts.to.warning" in found["error"]
    desk.alerts(to={"warning": ["chat"]})
    desk.later(minutes=3)
    assert desk.deliver() == {"sent": 1}


def test_whatever_goes_wrong_beside_other_work_is_logged(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(delivering, "deliver", broken)
    assert steps.deliver_aside(desk.world, RIG) == {"process": RIG, "error": "RuntimeError"}
    assert "the disk is full" in caplog.text


def test_an_address_may_come_from_elsewhere(settings: Settings, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DQ_ALERTS_CHAT")
    known: Callable[[str], str] = {"chat": f"json://127.0.0.1:{desk.chat.port}/{SECRET}"}.__getitem__
    with open_world(settings, known) as world:
        assert steps.send_test(world, RIG, "chat", who="ann")["sent"]
    with open_world(settings, lambda _: "") as world, pytest.raises(ConfigurationError, match="dq_alerts_chat"):
        steps.send_test(world, RIG, "chat", who="ann")
