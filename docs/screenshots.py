"""Take the pictures of the README and the docs anew: ``python docs/screenshots.py`` (needs Playwright and Chromium)."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from served import Served, chromium, find_chromium  # noqa: E402

from tests.browser.visit import LONG, Visit  # noqa: E402

IMAGES = ROOT / "docs" / "images"
STATE = {"model": "demo/reviews", "data": "demo/reviews", "criterion": "hies", "alpha": "0.900", "prune": "16"}
SIZE = {"width": 1280, "height": 900}
TALLEST = 1450  # of a picture; the rest of a long page is left to the app


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    with Served() as app, chromium(find_chromium()) as browser:
        for theme in ("light", "dark"):
            context = browser.new_context(viewport=SIZE, color_scheme=theme)
            visit = Visit(context.new_page(), app.url)
            visit.go(app.opening).headed("Home")  # as who started the server
            visit.go("/", **STATE).opened("demo/reviews")
            _shoot(visit, f"home-{theme}.png")
            visit.to("Scores").settled()
            visit.page.get_by_role("combobox", name="Head").click()
            visit.page.keyboard.type("L2H3")
            visit.page.keyboard.press("Enter")
            visit.settled()
            _shoot(visit, f"scores-{theme}.png")
            visit.to("Complementarity").take_signatures()
            _shoot(visit, f"complementarity-{theme}.png")
            visit.to("Mask").settled().toggle("L0H0")
            _shoot(visit, f"mask-{theme}.png")
            visit.to("Recover").settled()
            visit.page.get_by_role("button", name="Recover", exact=True).click()
            visit.page.get_by_role("button", name="Use this model").wait_for(timeout=LONG)
            visit.settled()
            _shoot(visit, f"recover-{theme}.png")
            visit.to("Export").settled()
            _shoot(visit, f"export-{theme}.png")
            context.close()


def _shoot(visit: Visit, name: str) -> None:
    main_part = visit.page.get_by_test_id("stMain")
    height = main_part.evaluate("part => part.scrollHeight")
    visit.page.set_viewport_size({"width": SIZE["width"], "height": min(TALLEST, max(SIZE["height"], int(height)))})
    visit.settled()
    main_part.evaluate("part => part.scrollTo(0, 0)")
    visit.page.screenshot(path=IMAGES / name)
    visit.page.set_viewport_size(SIZE)


if __name__ == "__main__":
    main()
