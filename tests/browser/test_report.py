"""The report as a file: taken home from the Export page, opened alone without a network, in both themes and narrow."""

from __future__ import annotations

import re
from pathlib import Path

import playwright.sync_api as playwright
import pytest
from playwright.sync_api import expect

from tests.browser.visit import LONG, Visit

DEMO = "demo/reviews"
SIZES = {"wide": 1200, "narrow": 390}
# By how much the page is wider than its window.
_OUTSIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
_COLOURS = (
    "() => { const { color, backgroundColor } = getComputedStyle(document.body); return [color, backgroundColor]; }"
)


def test_report_opens_alone_and_says_what_the_page_says(
    visit: Visit, browser: playwright.Browser, tmp_path: Path, shots: Path
) -> None:
    visit.go("/export", model=DEMO, prune="16").opened(DEMO)
    visit.page.get_by_role("button", name="Measure the final figure").click()
    expect(visit.page.get_by_test_id("stMain")).to_contain_text("Final accuracy", timeout=LONG)
    visit.settled()
    accuracy, agreement = visit.figure("Final accuracy"), visit.figure("Final agreement")
    with visit.page.expect_download() as downloading:
        visit.page.get_by_role("button", name=re.compile("^Download report")).click()
    path = tmp_path / "report.html"
    downloading.value.save_as(path)
    for theme in ("light", "dark"):
        for size, width in SIZES.items():
            context = browser.new_context(
                color_scheme=theme,
                viewport={"width": width, "height": 900},
                offline=True,
            )
            page = context.new_page()
            asked, said = _listen(page)
            page.goto(path.as_uri())
            assert asked == [path.as_uri()] and said == []
            assert page.evaluate(_OUTSIDE) == 0, f"{theme} {size}"
            expect(page.get_by_role("row", name="Accuracy", exact=False).first).to_contain_text(accuracy)
            # an earlier visitor may have had other texts measured as well
            rows = page.get_by_role("row", name=re.compile("^Agreement"))
            expect(rows.filter(has_text=agreement)).to_be_visible()
            for name in ("kept and cut", "HIS of every head", "Attention entropy of every head", "HIES, alpha"):
                expect(page.get_by_role("img", name=re.compile(name))).to_be_visible()
            page.screenshot(path=shots / f"report-{theme}-{size}.png", full_page=True)
            context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_report_on_paper_is_black_on_white(browser: playwright.Browser, tmp_path: Path, theme: str) -> None:
    """Whatever the screen's theme."""
    from headviz import Mask, load
    from headviz.ui.report import Report, written

    subject = load(DEMO)
    (tmp_path / "report.html").write_text(written(Report(Mask.full(subject), subject, {})), encoding="utf-8")
    page = browser.new_page(color_scheme=theme)  # type: ignore[arg-type]
    page.goto((tmp_path / "report.html").as_uri())
    page.emulate_media(media="print")
    colours = page.evaluate(_COLOURS)
    page.close()
    assert colours == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]


def _listen(page: playwright.Page) -> tuple[list[str], list[str]]:
    """What the page will ask for, and what its console will say."""
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    return asked, said
