"""The words of what is sent: what happened, since when, what was done, what to do, and where to look."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from dq_pipeline.ports import Sender
from dq_pipeline.process import Process
from dq_pipeline.records import Dispatch, NoticeRow

TITLE, DETAIL, STEP = 200, 1500, 400
"""Most characters of the parts of a message."""
_LISTED = 5


def dispatch(sender: Sender, process: Process, row: NoticeRow, address: str) -> Dispatch:
    """What is sent of a notice to one address."""
    notice, zone, more = row.notice, process.sample.timezone, row.record.get("more", ())
    done, step = sender.guidance(notice.runbook)
    if row.action.get("detail"):
        done = str(row.action["detail"])
    title = notice.title if notice.process in notice.title else f"{notice.process}: {notice.title}"
    lines = [cut(notice.detail, DETAIL), f"Since: {_moment(notice.since or row.at, zone)}"]
    if not notice.over:
        lines += [f"Done by itself: {cut(done, STEP)}"] if done else []
        what = ". ".join(part.rstrip(".") for part in (cut(step, STEP), notice.runbook) if part)
        lines += [f"What to do: {what}"] if what else []
    if sender.page_url:
        lines.append(f"Page: {sender.page_url}/{notice.process}/")
    if more:
        lines.append(f"And {len(more)} more, the newest of them:" if len(more) > _LISTED else f"And {len(more)} more:")
        lines += [f"- {cut(title, TITLE)}" for title in more[-_LISTED:]]
    lines.append(f"Was this useful? dq alerts {notice.process} --useful {row.id} (or --useless {row.id})")
    late = ", over by now" if row.ended else ""
    head = f"[{'over' if notice.over else notice.severity + late}] {cut(' '.join(title.split()), TITLE)}"
    ending = f" (and {len(more)} more)" if more else ""
    return Dispatch(address, notice.severity, head + ending, "\n".join(line for line in lines if line), notice.over)


def trial(sender: Sender, process: Process, address: str, who: str) -> Dispatch:
    """What a person sends to see whether an address works."""
    where = f"\nPage: {sender.page_url}/{process.name}/" if sender.page_url else ""
    return Dispatch(address, "info", f"[test] {process.name}: a test of {address}", f"Sent by {cut(who, 100)}.{where}")


def cut(text: str, most: int) -> str:
    """Text for people: no control characters, at most so many characters.

    >>> cut("a\\x1b[31mb\\r\\nc", 20), cut("abcdef", 4)
    ('a[31mb\\nc', 'abc…')
    """
    clean = re.sub(r"[^\S\n]+", " ", re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", "", text))
    return clean if len(clean) <= most else clean[: most - 1] + "…"


def _moment(at: datetime, zone: str) -> str:
    return at.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M %Z")
