"""Who may do what, and what a client is told: every route asked as nobody, as viewer and as admin."""

from __future__ import annotations

import re
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.live.platform import until

from .conftest import METRICS_TOKEN
from .site import Site

pytestmark = pytest.mark.system

READS = (
    "/dq/",
    "/dq/about/catalogue",
    "/dq/about/runbooks/{name}",
    "/dq/{process}",
    "/dq/{process}/batches",
    "/dq/{process}/batches/{batch_id}",
    "/dq/{process}/sample",
    "/dq/{process}/releases",
    "/dq/{process}/releases/compare",
    "/dq/{process}/incidents",
    "/dq/{process}/incidents/{number}",
    "/dq/{process}/contracts",
    "/dq/{process}/sensors",
    "/dq/{process}/settings",
    "/dq/{process}/reviews",
    "/dq/{process}/reviews/{review}",
    "/dq/api/{process}/reviews",
    "/dq/api/{process}/reviews/{review}",
    "/dq/static/dq.css",
    "/dq/static/plotly.min.js",
)
REDRIVE = "/dq/api/{process}/batches/{batch_id}/redrive"
CLOSE = "/dq/api/{process}/incidents/{number}/close"
ROLLBACK = "/dq/api/{process}/rollback"
OPINIONS = "/dq/api/{process}/reviews/{review}/opinions"
SAMPLES = "/dq/api/{process}/samples"
WRITES: dict[str, dict[str, Any]] = {
    OPINIONS: {"action": "skip", "token": "of-a-test"},
    "/dq/api/{process}/labels": {"labels": [{"sample_id": "made-up", "value": 1.0}]},
    "/dq/api/{process}/reports": {"sample_id": "r001030", "why": "odd noise"},
    SAMPLES: {
        "version": 1,
        "process": "{process}",
        "sample_id": "posted",
        "source": "rig",
        "kind": "completion",
        "start": "2026-01-01T00:00:00Z",
        "sensors": ["flow"],
        "values": [[1.0]] * 30,
    },
}
CONFIRMED: dict[str, tuple[str, dict[str, Any]]] = {
    REDRIVE: ("/dq/{process}/batches/{batch_id}", {}),
    CLOSE: ("/dq/{process}/incidents/{number}", {"ending": "repaired"}),
    ROLLBACK: ("/dq/{process}/releases", {"version": "1"}),
}
"""Writes that take a reason and the token of the page that shows what would be done."""
WHY = "the transmitter was exchanged"
DONE = {SAMPLES: 202}


def written(site: Site, path: str) -> dict[str, Any]:
    """What is sent to a route."""
    return {name: site.process if value == "{process}" else value for name, value in WRITES[path].items()}


def at(site: Site, path: str, review: int = 1) -> str:
    named = {"batch_id": site.batch, "number": site.incident, "name": "calibration"}
    found = path.format(process=site.process, review=review, **named)
    return f"{found}?name=r001030" if path.endswith("/sample") else found


def token(site: Site, path: str, who: str = "admin") -> str:
    """The token of the form that a page holds for who looks at it."""
    found = re.search(r'name="token" value="([^"]+)"', site.ask(at(site, path), who).text)
    assert found is not None, path
    return found[1]


@pytest.fixture(scope="module")
def review(site: Site) -> int:
    return site.review()


def test_every_route_is_tried_here(site: Site) -> None:
    from dq_airflow.ui.app import make_app

    routes = {route.path for route in make_app().routes}  # type: ignore[attr-defined]
    tried = {path.removeprefix("/dq") for path in (*READS, *WRITES, *CONFIRMED)}
    named = {path for path in tried if not path.startswith("/static/")} | {"/static/{name}", "/metrics"}
    assert routes == named


@pytest.mark.parametrize("path", READS)
def test_reading_takes_a_log_in(site: Site, review: int, path: str) -> None:
    path = at(site, path, review)
    assert site.ask(path).status == 401
    assert site.ask(path, headers={"Authorization": "Bearer made-up"}).status == 403
    assert [site.ask(path, who).status for who in ("viewer", "admin")] == [200, 200]


@pytest.mark.parametrize("path", WRITES)
def test_writing_takes_the_right_to(site: Site, review: int, path: str) -> None:
    body, done, path = written(site, path), DONE.get(path, 200), at(site, path, review)
    before = site.opinions(review)
    assert site.ask(path, None, body).status == 401
    assert site.ask(path, None, raw=b"{broken").status == 401, "who it is comes before what was sent"
    assert site.ask(path, "viewer", body).status == 403
    assert site.ask(path, "viewer", raw=b"{broken").status == 403
    assert site.opinions(review) == before
    assert site.ask(path, "admin", body).status == done


def refused(site: Site, path: str) -> dict[str, Any]:
    """Try a confirmed write in every way that is wrong; returns the right body."""
    page, more = CONFIRMED[path]
    address = at(site, path)
    assert 'name="token"' not in site.ask(at(site, page), "viewer").text, "a viewer is offered nothing"
    said = {"why": WHY, "token": token(site, page)} | more
    assert site.ask(address, None, said).status == 401
    assert site.ask(address, None, raw=b"{broken").status == 401
    assert site.ask(address, "viewer", said).status == 403
    assert site.ask(address, "viewer", raw=b"{broken").status == 403
    elsewhere = {"Sec-Fetch-Site": "cross-site", "Origin": site.url}
    assert site.ask(address, "admin", said, headers=elsewhere, cookie=True).status == 403
    for wrong in ({"why": " "}, {"token": "short"}, {"who": "somebody else"}):
        assert site.ask(address, "admin", said | wrong).status == 422, wrong
    assert site.ask(address, "admin", said | {"token": "made.1.up"}).status == 409
    return said


def test_what_is_in_quarantine_is_sent_again_once(site: Site) -> None:
    said = refused(site, REDRIVE)
    found = site.ask(at(site, REDRIVE), "admin", said)
    assert (found.status, found.json["messages"]) == (200, 1), found.text
    assert site.ask(at(site, REDRIVE), "admin", said).status == 409, "things have changed since"


def test_an_incident_is_ended_by_who_is_logged_in(site: Site) -> None:
    said = refused(site, CLOSE)
    assert site.ask(at(site, CLOSE), "admin", said).json["ending"] == "repaired"
    page = site.ask(at(site, CONFIRMED[CLOSE][0]), "viewer").text
    assert f"repaired, says admin: {WHY}" in page


def test_a_rollback_waits_for_approval_in_airflow(site: Site) -> None:
    """The page starts the DAG, once; what forbids it is said before anything is started."""
    dag = f"/api/v2/dags/{site.process}_rollback"
    until(lambda: site.ask(dag, "admin").status == 200, "the rollback DAG")
    said = refused(site, ROLLBACK)
    current = site.world.ledger.production(site.process)
    assert current is not None
    for version in (current.version, "999"):
        assert site.ask(at(site, ROLLBACK), "admin", said | {"version": version}).status == 409
    assert site.ask(f"{dag}/dagRuns", "admin").json["total_entries"] == 0
    first, second = (site.ask(at(site, ROLLBACK), "admin", said) for _ in range(2))
    assert (first.status, first.json["new"], second.json["new"]) == (200, True, False), first.text
    (run,) = site.ask(f"{dag}/dagRuns", "admin").json["dag_runs"]
    assert run["conf"] == {"version": said["version"], "reason": WHY}
    assert run["triggering_user_name"] == "admin"


@pytest.mark.parametrize("path", WRITES)
@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{broken",
        b"[]",
        b"null",
        b'{"labels": 3, "action": 3, "why": 3}',
        b'{"unknown": 1}',
        b"[" * 20_000,
        b'{"sample_id": "a", "why": "b", "rating": true}',
        b'{"labels": [{"sample_id": "a", "value": NaN}]}',
        b'{"labels": [{"sample_id": "a", "value": 1e999}]}',
        b"\xff\xfe",
    ],
)
def test_a_malformed_body_is_refused(site: Site, review: int, path: str, raw: bytes) -> None:
    answer = site.ask(at(site, path, review), "admin", raw=raw)
    assert answer.status == 422
    assert answer.json["detail"]
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    "said",
    [
        {"action": "correct"},
        {"action": "reject"},
        {"action": "reject", "why": "  "},
        {"action": "skip", "value": 1.0},
        {"action": "made up"},
        {"action": "skip", "who": "somebody else"},
        {"action": "accept", "confidence": 1.5},
        {"action": "correct", "value": "three"},
    ],
)
def test_an_opinion_that_makes_no_sense_is_refused(site: Site, review: int, said: dict[str, Any]) -> None:
    before = site.opinions(review)
    answer = site.ask(at(site, OPINIONS, review), "admin", {"token": "t" * 8} | said)
    assert answer.status == 422, answer.text
    assert site.opinions(review) == before


def test_a_write_from_another_site_is_refused(site: Site, review: int) -> None:
    path, body = (
        at(site, OPINIONS, review),
        {"action": "skip", "token": "crossing"},
    )
    before = site.opinions(review)
    elsewhere: list[dict[str, str]] = [
        {},
        {"Origin": "http://elsewhere.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Origin": site.url},
        {"Sec-Fetch-Site": "same-site"},
    ]
    for headers in elsewhere:
        assert site.ask(path, "admin", body, headers=headers, cookie=True).status == 403, headers
    plain = {"Content-Type": "text/plain", "Origin": site.url}
    assert site.ask(path, "admin", body, headers=plain, cookie=True).status == 422, "no form of another site is JSON"
    assert site.opinions(review) == before
    assert site.ask(path, "admin", body, headers={"Origin": site.url}, cookie=True).status == 200


def test_sent_twice_counts_once(site: Site) -> None:
    review = site.review()
    path, body = (
        at(site, OPINIONS, review),
        {"action": "accept", "token": "twice-12"},
    )
    first, second = (site.ask(path, "admin", body) for _ in range(2))
    assert (first.status, second.status) == (200, 200)
    assert (first.json["new"], second.json["new"]) == (True, False)
    assert (first.json["state"], second.json["state"]) == ("settled", "settled")
    assert [(said["who"], said["action"]) for said in site.opinions(review)] == [("admin", "accept")]
    other = site.ask(path, "admin", {"action": "reject", "why": "late", "token": "another-1"})
    assert other.status == 409, "what is settled is not judged again"
    assert len(site.opinions(review)) == 1


def test_what_is_not_there_is_not_found(site: Site) -> None:
    for path in ("/dq/api/nothing/reviews", "/dq/nothing/reviews", at(site, "/dq/api/{process}/reviews/999999")):
        answer = site.ask(path, "admin")
        assert answer.status == 404, path
        assert "Traceback" not in answer.text
    assert site.ask("/dq/api/nothing/reviews").status == 401
    assert site.ask("/dq/api/nothing/labels", "viewer", {}).status == 403
    for path in ("/dq/docs", "/dq/redoc", "/dq/openapi.json", "/dq/static/..%2fapp.py", "/dq/static/nothing.js"):
        assert site.ask(path, "admin").status == 404, path


def test_labels_are_taken_once_and_refused_by_row(site: Site) -> None:
    rows = [{"sample_id": "r001031", "value": 4.5}, {"sample_id": "r001032", "value": "much"}]
    path = at(site, "/dq/api/{process}/labels")
    answers = [site.ask(path, "admin", {"labels": rows}) for _ in range(2)]
    assert [answer.status for answer in answers] == [422, 422], "no success where a row is refused"
    first, second = (answer.json for answer in answers)
    assert (first["new"], second["new"]) == (1, 0)
    assert [(row["row"], row["reason"]) for row in first["refused"]] == [(2, "not_numeric")]
    most = {"labels": [{"sample_id": "a", "value": 1.0}] * 10_001}
    assert site.ask(path, "admin", most).status == 422
    assert site.ask(path, "admin", raw=b" " * (8 * 1024 * 1024 + 1)).status == 413


def test_samples_are_on_the_topic_when_the_answer_is_given(site: Site) -> None:
    settings = site.world.process(site.process)

    def there() -> int:
        return sum(after for _, after in site.world.stream.watermarks(settings.stream.topic).values())

    before, good = there(), written(site, SAMPLES) | {"sample_id": "posted-2"}
    answer = site.ask(at(site, SAMPLES), "admin", [good, good | {"sample_id": "odd", "values": []}])
    assert (answer.status, there() - before) == (422, 1)
    assert [one["sample_id"] for one in answer.json["published"]] == ["posted-2"]
    assert [(one["row"], one["reason"]) for one in answer.json["refused"]] == [(2, "empty")]
    plain = {"Content-Type": "text/plain", "Origin": site.url}
    assert site.ask(at(site, SAMPLES), "admin", good, headers=plain, cookie=True).status == 422
    assert site.ask(at(site, SAMPLES), "admin", good, headers={"Origin": "http://elsewhere"}, cookie=True).status == 403
    assert there() - before == 1


def test_metrics_take_their_own_token_and_no_log_in(site: Site) -> None:
    for headers in ({}, {"Authorization": "Bearer made-up"}, {"Authorization": f"Bearer {site.token('admin')}"}):
        assert site.ask("/dq/metrics", headers=headers).status == 401
    answer = site.ask("/dq/metrics", headers={"Authorization": f"Bearer {METRICS_TOKEN}"})
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    found = {family.name: family.samples for family in text_string_to_metric_families(answer.text)}
    assert [one.value for one in found["dq_source_up"]] == [1, 1]
    waiting = {one.labels["process"]: one.value for one in found["dq_reviews_waiting"]}
    assert waiting[site.process] > 0


def test_a_report_is_signed_with_the_log_in(site: Site) -> None:
    body = {"sample_id": "r001033", "why": "smells of oil", "rating": 1, "reject": True}
    path = at(site, "/dq/api/{process}/reports")
    assert site.ask(path, "admin", body).json["new"] is True
    assert site.ask(path, "admin", body).json["new"] is False
    assert site.ask(path, "admin", body | {"sample_id": "made-up"}).status == 409
    flags = site.world.ledger.flags_of(site.process, ["r001033"])["r001033"]
    assert ("admin", True) in {(row.flag.who, row.flag.rejected) for row in flags}


def test_what_is_done_on_a_page_is_told_to_the_dags(site: Site) -> None:
    """`<process>_feedback` waits for labels and reviews: both are asset events as soon as they are there."""
    dag = f"/api/v2/dags/{site.process}_feedback"
    until(lambda: site.ask(dag, "admin").status == 200, "the feedback DAG")
    accepted = {"action": "accept", "token": "told-to-the-dags"}
    assert site.ask(at(site, OPINIONS, site.review()), "admin", accepted).json["state"] == "settled"
    rows = {"labels": [{"sample_id": "r001034", "value": 4.25}]}
    assert site.ask(at(site, "/dq/api/{process}/labels"), "admin", rows).json["new"] == 1
    for kind in ("reviews", "labels"):
        uri = f"dq://{site.process}/{kind}"
        (asset,) = site.ask(f"/api/v2/assets?uri_pattern={uri}", "admin").json["assets"]
        events = site.ask(f"/api/v2/assets/events?asset_id={asset['id']}", "admin").json
        assert events["total_entries"] >= 1, uri


def test_files_are_kept_by_the_browser(site: Site) -> None:
    library = site.ask("/dq/static/plotly.min.js", "viewer")
    assert "immutable" in library.headers["cache-control"]
    own = site.ask("/dq/static/dq.css", "viewer")
    assert "no-cache" in own.headers["cache-control"]
    for path, found in (("/dq/static/plotly.min.js", library), ("/dq/static/dq.css", own)):
        assert site.ask(path, "viewer", headers={"If-None-Match": found.headers["etag"]}).status == 304


def test_pages_say_what_they_load_and_who_may_frame_them(site: Site) -> None:
    page = site.ask(at(site, "/dq/{process}/reviews"), "viewer")
    assert "script-src 'self';" in page.headers["content-security-policy"]
    assert "frame-ancestors 'self'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"
    assert "https://" not in page.text, "nothing is loaded from elsewhere"
