"""Reviews grow old, and the page shows everything and fetches nothing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

from dq_pipeline.catalog.entry import Entry, Review, Source, reviewed
from dq_pipeline.catalog.page import page

NOW = datetime(2026, 6, 1, tzinfo=UTC)
HOSTILE = "<script>alert('x')</script> \" onload=\"x"


def _entry(**changes):
    one = Entry("lake/raw", "lake", "raw", "Messages.", Source("paths.py", "ab", "c0ffee"), "Read back.", "None.")
    return replace(one, **changes)


def _stale(entry, *reviews):
    return reviewed([entry], reviews, NOW, timedelta(days=180))[0].stale


def test_a_review_counts_while_it_is_of_this_and_not_too_old():
    entry = _entry()
    fresh = Review(entry.name, entry.digest, "ana", "read it", NOW - timedelta(days=3))
    assert _stale(entry) == "never reviewed"
    assert _stale(entry, fresh) == ""
    assert _stale(_entry(text="Something else."), fresh) == "changed since it was reviewed on 2026-05-29"
    assert _stale(entry, replace(fresh, at=NOW - timedelta(days=181))) == "reviewed 181 days ago"
    assert _stale(entry, replace(fresh, at=NOW - timedelta(days=400)), fresh) == ""
    assert _stale(_entry(source=Source("paths.py", "other"))) == "never reviewed"
    assert _stale(_entry(source=Source("paths.py", "other")), fresh).startswith("changed")
    assert _stale(_entry(source=Source("paths.py", "ab", "another commit")), fresh) == ""


def test_what_else_changes_in_its_file_is_no_change_of_a_sensor():
    one, other = (_entry(kind="sensor", source=Source("vacuum.yaml", digest)) for digest in ("a", "b"))
    assert one.digest == other.digest
    assert _entry().digest == _entry(state={"stage": "Archived"}).digest


class _Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.ids, self.anchors, self.fetched, self.scripts, self.handlers = [], [], [], 0, []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.ids += [found["id"]] if "id" in found else []
        self.anchors += [found["href"]] if tag == "a" else []
        self.fetched += [value for name, value in attrs if name in ("src", "srcset", "action")]
        self.fetched += [found["href"]] if tag == "link" else []
        self.scripts += tag == "script"
        self.handlers += [name for name, _ in attrs if name.startswith("on")]


def test_the_page_fetches_nothing_links_within_itself_and_escapes_everything():
    hostile = _entry(
        name=f"sensor/p/{HOSTILE}",
        kind="sensor",
        title=HOSTILE,
        text=HOSTILE,
        source=Source(HOSTILE),
        validation=HOSTILE,
        failures=HOSTILE,
        facts={HOSTILE: HOSTILE},
        state={HOSTILE: HOSTILE},
        figures=({HOSTILE: HOSTILE, "n": 1.23456, "no": None, "ok": True},),
        review=Review("x", "y", HOSTILE, HOSTILE, NOW),
        stale=HOSTILE,
    )
    text = page([_entry(), hostile], HOSTILE, HOSTILE)
    found = _Page()
    found.feed(text)
    assert (found.fetched, found.handlers, found.scripts) == ([], [], 1)
    assert {anchor[1:] for anchor in found.anchors} <= set(found.ids)
    assert {"lake/raw", hostile.name, "search"} <= set(found.ids)
    assert "1.235" in text
    assert "prefers-color-scheme: dark" in text
    assert "http" not in text.replace("http-equiv", "")
