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


# Words at less than 4.5 : 1, each with its colour and that of its ground, which for letters on a chart's mark is the
# mark. What is disabled, hidden, or a sign without a letter or figure does not count.
_FAINT = r"""() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = colour => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
  const luminance = colour => colour.slice(0, 3).map(part => part / 255)
    .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, i) => sum + part * [0.2126, 0.7152, 0.0722][i], 0);
  const ratio = (a, b) => {
    const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (high + 0.05) / (low + 0.05);
  };
  const opacity = node => {
    let found = 1;
    for (let at = node; at instanceof Element; at = at.parentElement) found *= Number(getComputedStyle(at).opacity);
    return found;
  };
  const ground = node => {
    const layers = [], box = node.getBoundingClientRect(), middle = [box.x + box.width / 2, box.y + box.height / 2];
    for (let at = node; at instanceof Element; at = at.parentElement) {
      const around = at.getBoundingClientRect();  // a slider's value stands above the thumb that it belongs to
      const holds = around.left <= middle[0] && middle[0] <= around.right && around.top <= middle[1]
        && middle[1] <= around.bottom;
      if (holds && !(at instanceof SVGElement)) layers.push(rgba(getComputedStyle(at).backgroundColor));
    }
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
  };
  const mark = (text, below) => {
    const box = text.getBoundingClientRect();
    const found = document.elementsFromPoint(box.x + box.width / 2, box.y + box.height / 2)
      .find(one => one.closest('.role-mark') && one.tagName === 'path' && Number(getComputedStyle(one).fillOpacity) > 0
        && !['none', 'transparent'].includes(getComputedStyle(one).fill));
    if (!found) return below;
    const style = getComputedStyle(found), fill = rgba(style.fill);
    return over([...fill.slice(0, 3), fill[3] * Number(style.fillOpacity) * opacity(found)], below);
  };
  const found = [];
  const check = (node, words, paint, base) => {
    const style = getComputedStyle(node), box = node.getBoundingClientRect();
    if (!/[\p{L}\p{N}]/u.test(words) || box.width < 2 || box.height < 2) return;
    if (style.visibility === 'hidden' || /Material/.test(style.fontFamily)) return;
    if (node.closest('[disabled], [aria-disabled=true], [aria-hidden=true], .hv-say')) return;
    if (node.closest('details:not([open])') && !node.closest('summary')) return;
    const colour = rgba(paint(style)), shown = opacity(node);
    if (shown === 0) return;
    const below = base(node, ground(node));
    const seen = ratio(over([...colour.slice(0, 3), colour[3] * shown], below), below);
    const told = `${words.trim().slice(0, 40)}: ${seen.toFixed(2)}, ${paint(style)} on ${below.map(Math.round)}`;
    if (seen < 4.5) found.push(told);
  };
  const walker = document.createTreeWalker(document.querySelector('[data-testid=stApp]'), NodeFilter.SHOW_TEXT);
  let charts = 0;
  for (let at = walker.nextNode(); at; at = walker.nextNode()) {
    const node = at.parentElement;
    if (['STYLE', 'SCRIPT', 'NOSCRIPT', 'OPTION'].includes(node.tagName)) continue;
    if (node.tagName !== 'text' && node.tagName !== 'tspan') {
      check(node, at.data, style => style.color, (_, below) => below);
    } else {
      charts++;
      const letters = node.closest('.role-mark') !== null;
      check(node, at.data, style => style.fill, letters ? mark : (_, below) => below);
    }
  }
  return { found: [...new Set(found)], charts };
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_word_stands_out_from_its_ground(theme: str, visitor: Callable[..., Visit]) -> None:
    visit, charts, faint = visitor(color_scheme=theme, viewport={"width": 1280, "height": 900}), 0, list[str]()
    for path in PAGES:
        visit.go(f"/{path}", model=DEMO).opened(DEMO)
        if path == "complementarity":
            visit.take_signatures()
        if path == "scores":
            visit.page.get_by_role("combobox", name="Head").click()
            visit.page.keyboard.type("L1H2")
            visit.page.keyboard.press("Enter")
            expect(visit.chart("Attention map of L1H2")).to_be_visible(timeout=60_000)
        whole = visit.settled().page.get_by_test_id("stMain").evaluate("node => node.scrollHeight")
        visit.page.set_viewport_size({"width": 1280, "height": whole})
        if path == "mask":  # the mouse stays on the segment that it has chosen
            visit.page.get_by_test_id("stMain").get_by_text("Macro-F1", exact=True).first.click()
        seen = visit.settled().page.evaluate(_FAINT)
        faint += [f"{path}: {one}" for one in seen["found"]]
        charts += seen["charts"]
        visit.page.set_viewport_size({"width": 1280, "height": 900})
    assert not faint, "\n".join(faint)
    assert charts > 200, "names in charts were looked at"


# Figures that stand on a line of their own though their row has others.
_ALONE = """() => [...document.querySelectorAll('[data-testid=stMain] [class*=st-key-]')].flatMap(row => {
  const lines = {}, figures = [...row.querySelectorAll('[data-testid=stMetric]')];
  for (const figure of figures) {
    const top = Math.round(figure.getBoundingClientRect().top);
    (lines[top] ??= []).push(figure.innerText);
  }
  return figures.length < 2 ? [] : Object.values(lines).filter(line => line.length === 1).flat();
})"""


def test_pages_begin_at_their_top_and_leave_no_figure_alone_on_a_line(visitor: Callable[..., Visit]) -> None:
    visit = visitor(viewport={"width": 1280, "height": 900})
    for path in ("", "mask", "export"):
        visit.go(f"/{path}", model=DEMO).opened(DEMO)
        box = visit.page.get_by_role("heading", level=1).bounding_box()
        assert box is not None and box["y"] < 64
        assert visit.page.get_by_test_id("stMetric").count() > 3 and visit.page.evaluate(_ALONE) == []


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
    weights = visit.chart("Attention map of L1H2").locator(".role-mark path").count()
    assert len(boxes) ** 2 == weights > 25, "every token has its name"
    assert all(right <= left + 1 for (_, right), (left, _) in pairwise(boxes))
