"""The pages in a real browser: by clicks, by keys alone, on a phone, in the dark."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from .site import Site

pytestmark = pytest.mark.system

LOOKS = [(size, scheme) for size in ("desktop", "phone") for scheme in ("light", "dark")]


def path_of(site: Site, review: int) -> str:
    return f"/dq/{site.process}/reviews/{review}"


def send(page: Any, site: Site) -> None:
    """Send, and wait for the next review, or for the queue where none is left."""
    before = page.url
    page.get_by_role("button", name="Send").click()
    page.wait_for_url(lambda url: url != before)
    assert re.search(rf"/dq/{site.process}/reviews(/\d+)?$", page.url)


def test_the_navigation_leads_to_the_queue(visit: Any, site: Site, screens: Path) -> None:
    page = visit("/")
    page.get_by_role("link", name="Quality").or_(page.get_by_label("Quality")).first.click()
    frame = page.frame_locator("iframe")
    frame.get_by_role("link", name=site.process).click()
    frame.get_by_role("link", name="Reviews", exact=True).click()
    frame.get_by_role("heading", name="Reviews").wait_for()
    frame.locator("[data-row]").first.click()
    frame.get_by_role("heading", name="Why it is here").wait_for()
    frame.locator(".plot .main-svg").first.wait_for()
    page.screenshot(path=screens / "in-airflow.png")


def test_accept_by_clicks(visit: Any, site: Site) -> None:
    review = site.review()
    page = visit(path_of(site, review))
    page.get_by_role("radio", name="Accept").check(force=True)
    send(page, site)
    page.get_by_role("status").get_by_text("Accepted").wait_for()
    (said,) = site.opinions(review)
    assert (said["who"], said["action"], said["before"]) == ("admin", "accept", said["before"])
    page.goto(f"{site.url}{path_of(site, review)}")
    assert page.get_by_text("Settled: accept").is_visible()
    assert page.get_by_role("button", name="Send").count() == 0


def test_correct_by_clicks_takes_number_reason_and_confidence(visit: Any, site: Site) -> None:
    review = site.review()
    page = visit(path_of(site, review))
    page.locator("label.correct").click()
    page.get_by_role("button", name="Send").click()
    assert site.opinions(review) == [], "nothing is sent without a number"
    page.get_by_label("Right value").fill("5.25")
    page.get_by_label("Reason").fill("read off the paper chart")
    page.get_by_label("How sure").select_option("rather sure")
    send(page, site)
    (said,) = site.opinions(review)
    assert (said["action"], said["after"], said["confidence"]) == ("correct", 5.25, 0.75)
    assert said["why"] == "read off the paper chart"
    name = next(iter(site.world.ledger.opinions(site.process, [review])[review])).sample_id
    assert site.world.ledger.targets(site.process, [name])[name] == 5.25


def test_reject_by_clicks_needs_a_reason(visit: Any, site: Site) -> None:
    review = site.review()
    page = visit(path_of(site, review))
    page.locator("label.reject").click()
    page.get_by_role("button", name="Send").click()
    assert site.opinions(review) == [], "nothing is sent without a reason"
    page.get_by_label("Reason").fill("sensor unplugged")
    send(page, site)
    (said,) = site.opinions(review)
    assert (said["action"], said["why"]) == ("reject", "sensor unplugged")


def test_skip_leaves_it_waiting(visit: Any, site: Site) -> None:
    review = site.review()
    page = visit(path_of(site, review), size="phone")
    page.locator("label.skip").click()
    send(page, site)
    assert [said["action"] for said in site.opinions(review)] == ["skip"]
    assert site.world.ledger.review(site.process, review).state == "waiting"  # type: ignore[union-attr]


def test_all_of_it_by_keys_alone(visit: Any, site: Site, screens: Path) -> None:
    review, other = site.review(), site.review()
    page = visit(f"/dq/{site.process}/reviews")
    page.keyboard.press("?")
    page.get_by_role("heading", name="Keys").wait_for()
    page.screenshot(path=screens / "keys.png")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    first = page.evaluate("document.activeElement.href")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.href") != first
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement.href") == first
    page.keyboard.press("Enter")
    page.wait_for_url(first)
    page.keyboard.press("j")
    page.wait_for_url(lambda url: url != first)
    page.keyboard.press("k")
    page.wait_for_url(first)
    page.keyboard.press("u")
    page.wait_for_url(f"**/{site.process}/reviews")

    page.goto(f"{site.url}{path_of(site, review)}")
    page.keyboard.press("c")
    page.keyboard.type("4.75")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: not url.endswith(f"/{review}"))
    (said,) = site.opinions(review)
    assert (said["action"], said["after"]) == ("correct", 4.75)

    page.goto(f"{site.url}{path_of(site, other)}")
    page.keyboard.press("r")
    page.keyboard.press("Escape")  # leaves the field; keys are keys again
    page.keyboard.press("a")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: not url.endswith(f"/{other}"))
    assert [said["action"] for said in site.opinions(other)] == ["accept"]


def test_two_clicks_at_once_are_one_opinion(visit: Any, site: Site) -> None:
    review = site.review()
    page = visit(path_of(site, review))
    page.locator("label.accept").click()
    page.evaluate("() => { const f = document.getElementById('judge'); f.requestSubmit(); f.requestSubmit(); }")
    page.wait_for_url(lambda url: not url.endswith(f"/{review}"))
    assert len(site.opinions(review)) == 1


def test_what_goes_wrong_is_said_and_nothing_typed_is_lost(visit: Any, site: Site) -> None:
    review = site.review()
    page = visit(path_of(site, review))
    page.route("**/opinions", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    page.locator("label.correct").click()
    page.get_by_label("Right value").fill("4.5")
    page.evaluate("console.error = () => {}")
    page.unroute("**/opinions")
    page.route("**/opinions", lambda route: route.fulfill(status=200, body="no JSON"))
    page.get_by_role("button", name="Send").click()
    page.get_by_role("alert").get_by_text("did not answer").wait_for()
    assert page.get_by_label("Right value").input_value() == "4.5"
    page.unroute("**/opinions")
    send(page, site)
    assert len(site.opinions(review)) == 1


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_looks(visit: Any, site: Site, screens: Path, size: str, scheme: str) -> None:
    review = site.review()
    paths = {"processes": "/dq/", "queue": f"/dq/{site.process}/reviews", "review": path_of(site, review)}
    page = visit("/dq/", size=size, scheme=scheme)
    for name, path in paths.items():
        page.goto(f"{site.url}{path}")
        if name == "review":
            page.locator(".plot .main-svg").first.wait_for()
            page.keyboard.press("c")
            assert page.locator("main b").count() == 0, "words of others stay words"
            assert "was open by hand" in page.get_by_role("list").first.inner_text()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is too wide"
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (ground == "rgb(18, 22, 28)") is (scheme == "dark")
        page.screenshot(path=screens / f"{name}-{size}-{scheme}.png")


def test_a_viewer_looks_but_does_not_judge(visit: Any, site: Site, screens: Path) -> None:
    page = visit(path_of(site, site.review()), who="viewer")
    assert page.get_by_text("You may look, but not judge").is_visible()
    assert page.locator("form#judge").count() == 0
    page.screenshot(path=screens / "viewer.png")


def test_nothing_waits(visit: Any, site: Site, screens: Path) -> None:
    page = visit(f"/dq/{site.idle}/reviews")
    assert page.get_by_role("heading", name="Nothing waits").is_visible()
    page.screenshot(path=screens / "empty.png")


def test_the_queue_is_filtered_by_kind(visit: Any, site: Site) -> None:
    page = visit(f"/dq/{site.process}/reviews")
    everything = page.locator("[data-row]").count()
    page.get_by_role("link", name="unlike the reference", exact=True).click()
    page.wait_for_url("**kind=out_of_distribution*")
    assert 0 < page.locator("[data-row]").count() < everything
    assert page.locator("[data-row]").filter(has_not_text="unlike the reference").count() == 0


def test_every_control_has_a_name_and_a_visible_focus(visit: Any, site: Site) -> None:
    page = visit(path_of(site, site.review()))
    page.keyboard.press("c")
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll("a[href], button, input, select, [role=img]")]
            .filter((one) => !(one.innerText?.trim() || one.getAttribute("aria-label") || one.labels?.length))
            .map((one) => one.outerHTML)"""
    )
    assert unnamed == []
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        found = page.evaluate(
            """() => {
                const one = document.activeElement;
                const shown = one.matches("input[type=radio]") ? one.nextElementSibling : one;
                return [one.name || one.textContent.trim(), getComputedStyle(shown).outlineStyle];
            }"""
        )
        reached.add(found[0])
        assert found[1] != "none" or found[0] == "" or page.evaluate("document.activeElement === document.body"), found
    assert {"action", "value", "why", "confidence"} <= reached


def test_nobody_is_asked_to_log_in(browser: Any, site: Site, screens: Path) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{site.url}/dq/{site.process}/reviews")
    assert page.get_by_role("heading", name="Please log in").is_visible()
    page.screenshot(path=screens / "nobody.png")
    page.get_by_role("link", name="Log in").click()
    page.locator("input[name=username]").wait_for()
    context.close()
