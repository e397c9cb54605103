"""All other pages in a real browser: what they draw, how they look on a phone and in the dark, by keys alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .site import Site

pytestmark = pytest.mark.system

LOOKS = [(size, scheme) for size in ("desktop", "phone") for scheme in ("light", "dark")]


def paths(site: Site) -> dict[str, str]:
    home = f"/dq/{site.process}"
    return {
        "overview": "/dq/",
        "timeline": home,
        "batches": f"{home}/batches",
        "batch": f"{home}/batches/{site.batch}",
        "sample": f"{home}/sample?name=r001003",
        "releases": f"{home}/releases",
        "compared": f"{home}/releases/compare?version=1&version=2",
        "incidents": f"{home}/incidents",
        "incident": f"{home}/incidents/{site.incident}",
        "contracts": f"{home}/contracts",
        "sensors": f"{home}/sensors",
        "settings": f"{home}/settings",
        "catalogue": "/dq/about/catalogue?kind=release",
        "runbook": "/dq/about/runbooks/calibration",
    }


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_looks(visit: Any, site: Site, screens: Path, size: str, scheme: str) -> None:
    page = visit("/dq/", size=size, scheme=scheme)
    for name, path in paths(site).items():
        page.goto(f"{site.url}{path}")
        if name in ("timeline", "sample"):
            page.locator(".plot").first.scroll_into_view_if_needed()  # drawn when it comes into view
            page.locator(".plot .main-svg").first.wait_for()
        assert page.locator("h1").count() >= 1, name
        assert page.locator("main b").count() == 0, f"{name}: words of others stay words"
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is too wide"
        narrow = "[...document.querySelectorAll('.scrolled td, .scrolled th')].filter((one) => 0 < one.offsetWidth)"
        assert page.evaluate(f"{narrow}.every((one) => one.offsetWidth > 40)"), f"{name}: cells of a letter each"
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (ground == "rgb(18, 22, 28)") is (scheme == "dark")
        page.screenshot(path=screens / f"{name}-{size}-{scheme}.png", full_page=True)


def test_every_table_has_a_caption_and_every_control_a_name(visit: Any, site: Site) -> None:
    page = visit("/dq/")
    for name, path in paths(site).items():
        page.goto(f"{site.url}{path}")
        bare = page.evaluate(
            """() => [...document.querySelectorAll("main table:not(.prose table)")]
                .filter((one) => !one.caption || [...one.querySelectorAll("th")].some((head) => !head.scope))
                .map((one) => one.outerHTML.slice(0, 200))"""
        )
        assert bare == [], name
        unnamed = page.evaluate(
            """() => [...document.querySelectorAll("a[href], button, input, select, textarea, [role=img]")]
                .filter((one) => one.type !== "hidden")
                .filter((one) => !(one.textContent.trim() || one.getAttribute("aria-label") || one.labels?.length))
                .map((one) => one.outerHTML)"""
        )
        assert unnamed == [], name
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip-link", name
        for _ in range(8):
            page.keyboard.press("Tab")
            shown = page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
            assert shown or page.evaluate("document.activeElement === document.body"), name  # past the last one


def test_a_figure_leads_to_the_rows_behind_it(visit: Any, site: Site) -> None:
    page = visit("/dq/")
    row = page.get_by_role("row").filter(has_text=site.process)
    row.get_by_role("link", name=site.process).click()
    page.locator(".plot .main-svg").first.wait_for()
    page.locator("table a[href*='/batches/']").first.click()
    page.get_by_role("heading", name="Quality by sensor").wait_for()
    page.locator("#samples table a").first.click()
    page.get_by_role("heading", name="Curves").wait_for()


def test_nothing_is_sent_without_a_reason_and_a_tick(visit: Any, site: Site) -> None:
    page = visit(f"/dq/{site.process}/releases")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.get_by_role("button", name="Ask for the rollback").click()
    page.get_by_label("Reason").fill("worse on the new material")
    page.get_by_role("button", name="Ask for the rollback").click()
    assert sent == [], "the box is not ticked"


def test_a_process_without_samples_says_what_is_missing(visit: Any, site: Site) -> None:
    page = visit(f"/dq/{site.idle}")
    assert page.get_by_role("heading", name="No release answers yet").is_visible()
    for path in ("batches", "releases", "incidents"):
        page.goto(f"{site.url}/dq/{site.idle}/{path}")
        assert page.locator(".empty h2").is_visible(), path
