"""Which addresses are taken; and that nothing of one is shown."""

from __future__ import annotations

import inspect
import logging
import re
import threading
from typing import Any

import pytest
from apprise.manager_plugins import NotificationManager

from dq_pipeline.adapters.alert_addresses import REFUSED_OPTIONS, SCHEMES, opened
from dq_pipeline.adapters.checkout import ROOT
from dq_pipeline.adapters.sender import AppriseSender
from dq_pipeline.errors import ConfigurationError
from dq_pipeline.records import Dispatch

SECRET = "hunter2"


def plugins() -> dict[str, Any]:
    """Scheme -> what apprise sends with."""
    manager = NotificationManager()
    manager.load_modules()
    found: dict[str, Any] = {}
    for one in manager.plugins():
        for name in ("protocol", "secure_protocol"):
            schemes = getattr(one, name, None) or ()
            found |= dict.fromkeys((schemes,) if isinstance(schemes, str) else schemes, one)
    return found


def test_every_scheme_that_is_taken_reaches_over_the_network_alone() -> None:
    known = plugins()
    assert set(known) >= SCHEMES
    local = {"macosx", "windows", "gnome", "kde", "qt", "dbus", "glib", "gio", "syslog", "blink1", "vapid", "fcm"}
    assert local <= set(known), "apprise has them, and we do not take them"
    assert not local & SCHEMES
    for scheme in SCHEMES:
        source = inspect.getsource(inspect.getmodule(known[scheme]))
        for word in ("subprocess", "Popen", "os.system", "import dbus", "import syslog"):
            assert word not in source, f"{scheme} runs or opens something here: {word}"


@pytest.mark.parametrize(
    "address",
    [
        f"nosuch://{SECRET}",
        f"file:///etc/{SECRET}",
        f"macosx://{SECRET}",
        f"syslog://{SECRET}",
        f"dbus://{SECRET}",
        f"windows://{SECRET}",
        f"python:{SECRET}",
        f"https://user:{SECRET}@host/path",
        f"vapid://user:{SECRET}@host?keyfile=/etc/passwd",
        f"slack://{SECRET}",
        f"json://user:{SECRET}@[bad",
        SECRET,
        "",
        *(f"json://host/{SECRET}?a=b&{name}=/etc/passwd" for name in REFUSED_OPTIONS),
        f"json://host/{SECRET}?%74emplate=/etc/passwd",
        f"json://host/{SECRET}?+TEMPLATE=/etc/passwd",
    ],
)
def test_what_is_refused_names_the_setting_and_shows_nothing(address: str, caplog: pytest.LogCaptureFixture) -> None:
    sender = AppriseSender(lambda name: (address, f"environment DQ_ALERTS_{name.upper()}"))
    with caplog.at_level(logging.DEBUG), pytest.raises(ConfigurationError, match="DQ_ALERTS_CHAT: expected") as error:
        sender.check("chat")
    assert SECRET not in str(error.value) + caplog.text
    assert error.value.__cause__ is None
    (said,) = sender.send([Dispatch("chat", "info", "t", "x")], limit_s=1)
    assert said == str(error.value)


def test_an_address_that_is_not_set_is_named() -> None:
    sender = AppriseSender(lambda _: ("", "environment DQ_ALERTS_CHAT"))
    with pytest.raises(ConfigurationError, match="environment DQ_ALERTS_CHAT: expected the address of 'chat'"):
        sender.check("chat")


def test_an_address_that_is_taken_waits_for_nothing_and_keeps_nothing() -> None:
    made = opened(f" JSONS://user:{SECRET}@host/path ", "here")
    assert (made.retry, made.redirects, made.asset.storage_mode.value) == (0, False, "memory")
    assert opened("mailto://ann:pass@example.org", "here")


def test_what_escapes_a_sender_is_named_by_its_type(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ValueError(f"json://{SECRET}")

    monkeypatch.setattr(plugins()["json"], "send", broken)
    sender = AppriseSender(lambda _: (f"json://127.0.0.1:9/{SECRET}", "here"))
    told = [Dispatch("chat", "info", "t", "x"), Dispatch("chat", "info", "t", "x")]
    assert sender.send(told, limit_s=5) == ["could not be sent: ValueError", None]


def test_logs_of_others_stay(caplog: pytest.LogCaptureFixture) -> None:
    AppriseSender(lambda _: ("", ""))
    log = logging.getLogger("urllib3.connectionpool")
    with caplog.at_level(logging.DEBUG, logger=log.name):
        log.debug("GET /ours")
        thread = threading.Thread(target=log.debug, args=("POST /secret",), name="dq-alert-chat")
        thread.start()
        thread.join()
    assert caplog.messages == ["GET /ours"]


def test_a_runbook_says_what_was_done_and_what_to_do_first() -> None:
    sender = AppriseSender(lambda _: ("", ""), "https://plant.example/dq/")
    done, first = sender.guidance("docs/runbooks/failing.md")
    assert done
    assert "](" not in done + first
    assert not first.startswith("1.")
    assert sender.guidance("docs/runbooks/nosuch.md") == sender.guidance("") == ("", "")
    assert sender.page_url == "https://plant.example/dq"


def test_the_page_lists_every_scheme_and_every_option_that_is_refused() -> None:
    page = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8").partition("## Addresses")[2]
    schemes, _, options = page.partition("Refused are")
    assert set(re.findall(r"`([a-z0-9]+)`", schemes)) == SCHEMES
    assert set(re.findall(r"`([a-z]+)`", options)) >= REFUSED_OPTIONS
