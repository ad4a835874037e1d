"""Every page in both themes, wide, zoomed and as narrow as a phone: nothing sticks out. Pictures stay to look at."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.visit import Visit

DEMO = "demo/reviews"
PAGES = {
    "": "headviz",
    "scores": "Scores",
    "complementarity": "Complementarity",
    "mask": "Mask",
    "recover": "Recover",
    "export": "Export",
}
GROUNDS = {"light": "rgb(255, 255, 255)", "dark": "rgb(17, 22, 29)"}
SIZES = {"wide": (1400, 1000), "zoomed": (933, 667), "narrow": (420, 900)}

# What reaches beyond the window's right edge and is not in a box that scrolls by itself or cuts it off.
_OUTSIDE = """() => {
  const width = document.documentElement.clientWidth, found = [];
  for (const node of document.querySelectorAll('[data-testid=stMain] *')) {
    const box = node.getBoundingClientRect();
    if (box.width === 0 || box.right <= width + 1) continue;
    let inside = node.parentElement, held = false;
    for (; inside && !inside.matches('[data-testid=stMain]'); inside = inside.parentElement) {
      held ||= getComputedStyle(inside).overflowX !== 'visible';
    }
    if (!held) found.push(`${node.tagName} ${node.dataset.testid ?? node.className} to ${Math.round(box.right)}`);
  }
  return found;
}"""
# Figures, names and choices that do not show in full.
_CUT_OFF = """() => [...document.querySelectorAll('[data-testid=stMetric] *, button, button *, [role=radiogroup]')]
  .filter(node => getComputedStyle(node).overflowX !== 'visible' && node.scrollWidth > node.clientWidth + 1)
  .map(node => node.innerText)"""
_WIDER = """() => [document.scrollingElement, document.querySelector('[data-testid=stMain]')]
  .filter(node => node.scrollWidth > node.clientWidth + 1).length"""


@pytest.mark.parametrize(("theme", "size"), [("light", "wide"), ("dark", "zoomed"), ("dark", "narrow")])
def test_no_page_is_wider_than_its_window(theme: str, size: str, visitor: Callable[..., Visit], shots: Path) -> None:
    width, height = SIZES[size]
    visit = visitor(color_scheme=theme, viewport={"width": width, "height": height})
    for path, title in PAGES.items():
        visit.go(f"/{path}", model=DEMO)
        expect(visit.page.get_by_role("heading", level=1)).to_have_text(title)
        visit.opened(DEMO)
        if path == "complementarity":
            visit.take_signatures()
        expect(visit.page.get_by_role("heading")).not_to_have_count(1)  # what the page is about stands, too
        ground = visit.page.get_by_test_id("stApp").evaluate("node => getComputedStyle(node).backgroundColor")
        assert ground == GROUNDS[theme]
        assert visit.page.evaluate(_WIDER) == 0, path
        assert visit.page.evaluate(_OUTSIDE) == [], path
        assert visit.page.evaluate(_CUT_OFF) == [], path
        whole = visit.page.get_by_test_id("stMain").evaluate("node => node.scrollHeight")
        visit.page.set_viewport_size({"width": width, "height": whole})
        visit.settled().page.screenshot(path=shots / f"{path or 'home'}-{theme}-{size}.png")
        visit.page.set_viewport_size({"width": width, "height": height})


def test_no_word_of_the_first_page_is_broken_in_a_zoomed_window(visitor: Callable[..., Visit]) -> None:
    width, height = SIZES["zoomed"]
    visit = visitor(viewport={"width": width, "height": height}).go().settled()
    expect(visit.page.get_by_test_id("stSkeleton")).to_have_count(0)  # every form field stands
    expect(visit.page.get_by_role("textbox", name="Split to report on")).to_be_visible()
    broken = visit.page.get_by_test_id("stMain").evaluate(
        """main => {
          const found = [], words = document.createTreeWalker(main, NodeFilter.SHOW_TEXT);
          for (let node = words.nextNode(); node; node = words.nextNode()) {
            if (getComputedStyle(node.parentElement).fontFamily.includes('Material')) continue;  // icons
            for (const word of node.data.matchAll(/[A-Za-z]+/g)) {
              const range = document.createRange();
              range.setStart(node, word.index); range.setEnd(node, word.index + word[0].length);
              if (new Set([...range.getClientRects()].map(box => box.top)).size > 1) found.push(word[0]);
            }
          }
          return found;
        }"""
    )
    assert broken == []


def test_sidebar_closes_after_a_link_where_it_lies_over_the_page_and_stays_beside_it(
    visitor: Callable[..., Visit],
) -> None:
    phone = visitor(viewport={"width": 390, "height": 844}).go(model=DEMO).opened(DEMO)
    for name in ("Scores", "Home"):
        phone.page.get_by_test_id("stExpandSidebarButton").click()
        expect(phone.sidebar).to_have_attribute("data-collapsed", "false")
        phone.to(name)
        expect(phone.sidebar).to_have_attribute("data-collapsed", "true")
        phone.settled()
    desk = visitor().go(model=DEMO).opened(DEMO).to("Scores").settled()
    expect(desk.sidebar).to_have_attribute("data-collapsed", "false")


def test_token_names_do_not_lie_on_each_other_on_a_phone(visitor: Callable[..., Visit]) -> None:
    visit = visitor(viewport={"width": 390, "height": 844}).go("/scores", model=DEMO).opened(DEMO)
    visit.page.get_by_role("combobox", name="Head").click()
    visit.page.keyboard.type("L1H2")
    visit.page.keyboard.press("Enter")
    chart = visit.chart("Attention map of L1H2")
    expect(chart).to_be_visible(timeout=60_000)
    names = visit.settled().chart("Attention map of L1H2").locator(".role-axis-label").first.locator("text")
    boxes = names.evaluate_all(
        """names => names.filter(name => name.getAttribute('opacity') !== '0').map(name => {
          const box = name.getBoundingClientRect();
          return [box.left, box.right];
        })"""
    )
    assert len(boxes) > 5
    assert all(right <= left + 1 for (_, right), (left, _) in pairwise(boxes))
