"""Sends notices through apprise: each send has its time, and no address gets into a log or an error."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dq_pipeline.adapters.alert_addresses import opened
from dq_pipeline.adapters.checkout import ROOT
from dq_pipeline.errors import ConfigurationError, DQError
from dq_pipeline.records import Dispatch

_THREAD = "dq-alert-"
_STATUS = re.compile(r"\berror=(\d{3})\b")
_PARAGRAPH = re.compile(r"^## (?P<title>.+?)\s*\n+(?P<text>.+?)(?=\n\s*\n|\n## |\Z)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")
DONE, CHECK = "What was done by itself", "What to check"
"""Sections of a runbook."""


class AppriseSender:
    """:class:`dq_pipeline.ports.Sender` by apprise.

    Parameters
    ----------
    lookup
        Name of an address -> the address and, in words, where it was found; an empty address where there is none.
    page_url
        Where the pages are.
    root
        The folder that runbooks are named from.
    """

    def __init__(self, lookup: Callable[[str], tuple[str, str]], page_url: str = "", root: Path = ROOT) -> None:
        self._lookup = lookup
        self.page_url = page_url.rstrip("/")
        self._root = root
        _silence()

    def check(self, address: str) -> None:
        """Raises ConfigurationError, which names the setting, where nothing can be sent to this name."""
        self._opened(address)

    def send(self, dispatches: Sequence[Dispatch], *, limit_s: float) -> Sequence[str | None]:
        """Send all, those to different addresses at once, in `limit_s` seconds; never raises.

        After an address did not take one, the others to it are not tried. What an address takes after the time counts
        as not taken.

        Returns
        -------
        sequence of (str or None)
            For each: "" where the address took it, why it did not, or None where it was not tried.
        """
        lines: dict[str, list[int]] = {}
        for number, one in enumerate(dispatches):
            lines.setdefault(one.address, []).append(number)
        said: list[str | None] = [None] * len(dispatches)
        begun: set[int] = set()
        services: dict[str, Any] = {}
        for name, numbers in lines.items():
            try:
                services[name] = self._opened(name)
            except DQError as error:  # of ours: names the setting alone
                said[numbers[0]] = str(error)
        until = time.monotonic() + limit_s  # loading apprise takes half a second, once
        running: list[threading.Thread] = []
        for name, service in services.items():
            told = [(number, dispatches[number]) for number in lines[name]]
            arguments = (service, told, said, begun, until)
            running.append(threading.Thread(target=_line, args=arguments, name=_THREAD + name, daemon=True))
            running[-1].start()
        for thread in running:
            thread.join(max(0.0, until - time.monotonic()))
        late = f"no answer within {limit_s:g} s"
        return [late if found is None and number in begun else found for number, found in enumerate(list(said))]

    def guidance(self, runbook: str) -> tuple[str, str]:
        """What a runbook says was done by itself, and its first step; empty where it says neither."""
        try:
            text = (self._root / runbook).read_text(encoding="utf-8") if runbook else ""
        except OSError:  # an installed package has no docs beside it
            return "", ""
        found = {one["title"]: _LINK.sub(r"\1", one["text"]).strip() for one in _PARAGRAPH.finditer(text)}
        first = found.get(CHECK, "").splitlines()[:1]
        return found.get(DONE, ""), (re.sub(r"^\d+\.\s*", "", first[0]) if first else "")

    def _opened(self, name: str) -> Any:
        address, where = self._lookup(name)
        if not address:
            raise ConfigurationError(f"{where}: expected the address of {name!r}, found nothing")
        return opened(address, where)


def _line(
    service: Any, told: Sequence[tuple[int, Dispatch]], said: list[str | None], begun: set[int], until: float
) -> None:
    """Everything to one address, in a thread of its own."""
    for number, one in told:
        if time.monotonic() >= until:
            return
        begun.add(number)
        try:
            said[number] = _sent(service, one)
        except Exception as error:  # noqa: BLE001 - its text may hold the address
            said[number] = f"could not be sent: {type(error).__name__}"
        if said[number]:
            return


def _sent(service: Any, one: Dispatch) -> str:
    from apprise import NotifyFormat, NotifyType

    kinds = {"info": NotifyType.INFO, "warning": NotifyType.WARNING, "critical": NotifyType.FAILURE}
    kind = NotifyType.SUCCESS if one.over else kinds[one.severity]
    _heard.statuses = []
    if service.notify(body=one.text, title=one.title, notify_type=kind, body_format=NotifyFormat.TEXT):
        return ""
    return f"refused with HTTP {_heard.statuses[-1]}" if _heard.statuses else "not reached, or refused"


_heard = threading.local()


def _listening(record: logging.LogRecord) -> bool:
    """Drop what apprise logs; of what this thread waits for, keep what can hold no address: the status of an answer."""
    if hasattr(_heard, "statuses"):
        _heard.statuses += _STATUS.findall(record.getMessage())
    return False


def _silence() -> None:
    """Logs of what sends hold addresses, and paths that are secrets: they go nowhere."""
    logging.getLogger("apprise").setLevel(logging.WARNING)
    quiet = {"apprise": _listening, "urllib3.connectionpool": _elsewhere, "urllib3.util.retry": _elsewhere}
    for name, heeds in quiet.items():
        logger = logging.getLogger(name)
        if heeds not in logger.filters:
            logger.addFilter(heeds)


def _elsewhere(record: logging.LogRecord) -> bool:
    """Whether a line comes from another thread than one that sends."""
    return not (record.threadName or "").startswith(_THREAD)
