"""The head grid without the app around it: layers of different sizes, rescued heads, and a grid that is only read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect
from served import Served

from tests.browser.visit import Visit

SCRIPT = Path(__file__).with_name("grids.py")
FOCUSED = """() => {
  let node = document.activeElement;
  while (node?.shadowRoot?.activeElement) node = node.shadowRoot.activeElement;
  return node?.getAttribute('aria-label')?.split(/[,:] /)[0] ?? '';
}"""


@pytest.fixture(scope="module")
def grids() -> Iterator[Served]:
    with Served(script=SCRIPT) as started:
        yield started


@pytest.fixture
def visit(visitor: Callable[..., Visit], grids: Served) -> Visit:
    visit = visitor(grids).go()
    expect(visit.page.locator(".hv")).to_have_count(2)
    return visit.settled()


def grid(visit: Visit, key: str) -> Locator:
    return visit.page.locator(f".st-key-{key} .hv")


def labels(visit: Visit, key: str) -> list[str]:
    return grid(visit, key).locator(".cell").evaluate_all("cells => cells.map(cell => cell.getAttribute('aria-label'))")


def walk(visit: Visit, keys: str) -> list[str]:
    walked = []
    for key in keys.split():
        visit.page.keyboard.press(key)
        walked.append(visit.page.evaluate(FOCUSED))
    return walked


def test_a_grid_to_read_says_everything_and_sends_nothing(visit: Visit) -> None:
    assert labels(visit, "to_read") == [
        "layer 0 head 0, kept, HIS 0, place 0 of 11 (0 = cut first)",
        "layer 0 head 1, cut, locked, HIS 1, place 1 of 11 (0 = cut first)",
        "layer 0 head 2, kept, HIS 2, place 2 of 11 (0 = cut first)",
        "layer 0 head 3, kept, HIS 3, place 3 of 11 (0 = cut first)",
        "layer 0 head 4, kept, HIS 4, place 4 of 11 (0 = cut first)",
        "layer 1 head 0, kept, rescued, HIS 5, place 5 of 11 (0 = cut first)",
        "layer 1 head 1, kept, HIS 6, place 6 of 11 (0 = cut first)",
        "layer 2 head 0, cut, by hand, HIS 10, place 7 of 11 (0 = cut first)",  # cut since: no longer rescued
        "layer 2 head 1, kept, HIS 11, place 8 of 11 (0 = cut first)",
        "layer 2 head 2, kept, HIS 12, place 9 of 11 (0 = cut first)",
        "layer 2 head 3, kept, HIS 13, place 10 of 11 (0 = cut first)",
    ]
    read, start, before = grid(visit, "to_read"), len(visit.reruns), labels(visit, "to_read")
    assert read.get_attribute("aria-label") == "The mask to read"
    assert read.locator("button, [aria-pressed]").count() == 0
    expect(visit.page.get_by_role("img", name="layer 1 head 0, kept, rescued, HIS 5")).to_be_visible()
    expect(visit.page.locator(".st-key-to_read .hv-tools")).to_be_hidden()
    read.locator(".cell").first.click()
    read.locator(".row").first.click()
    visit.page.mouse.down()
    visit.page.mouse.move(400, 400, steps=5)
    visit.page.mouse.up()
    read.locator(".cell").first.focus()
    keys = "Space Enter l ArrowLeft ArrowUp ArrowRight End ArrowDown ArrowDown Home ArrowUp"
    assert walk(visit, keys) == [f"layer {layer} head {head}" for layer, head in (
        (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 1), (0, 4), (1, 1), (2, 1), (2, 0), (1, 0)
    )]  # fmt: skip
    assert read.locator("[tabindex='0']").count() == 1
    expect(visit.page.locator(".st-key-to_read .hv-read")).to_have_text(
        "L1H0, kept, rescued, HIS 5, place 5 of 11 (0 = cut first)"
    )
    assert labels(visit.settled(), "to_read") == before
    assert [rerun for rerun in visit.reruns[start:] if not rerun.by_itself] == []


def test_arrows_find_the_nearest_head_where_layers_have_different_numbers(visit: Visit) -> None:
    grid(visit, "to_edit").locator(".cell").first.focus()
    keys = "End ArrowDown ArrowRight ArrowDown End ArrowRight ArrowUp ArrowUp ArrowUp End ArrowDown"
    places = "04 11 11 21 23 23 11 01".split()
    walked = walk(visit, keys)
    assert walked[:8] == [f"layer {place[0]} head {place[1]}" for place in places]
    assert walked[8:] == ["H1", "H4", "layer 0 head 4"]


def test_headers_act_on_the_heads_that_their_row_or_column_has(visit: Visit) -> None:
    said = visit.page.get_by_test_id("stText")
    expect(said).to_have_text("9 kept, locked: , last: None")
    edit = grid(visit, "to_edit")
    edit.locator("[aria-label^='H3, ']").click()  # of layers 0 and 2
    expect(said).to_have_text("7 kept, locked: , last: None")
    edit.locator("[aria-label^='L1, ']").click()
    expect(said).to_have_text("5 kept, locked: , last: None")
    visit.settled().page.get_by_role("button", name="Lock and unlock").click()
    edit.locator("[aria-label^='L1, ']").click()
    expect(said).to_have_text("5 kept, locked: L1H0 L1H1, last: None")
    visit.settled().page.get_by_role("button", name="Cut and restore").click()
    edit.locator("[aria-label^='L1, ']").click()
    expect(visit.page.locator(".st-key-to_edit .hv-say")).to_contain_text("All of these heads are locked.")
    visit.page.get_by_role("button", name="Push the first mask").click()
    expect(said).to_have_text("9 kept, locked: , last: None")
    assert [label.split(", ")[1] for label in labels(visit.settled(), "to_edit")] == (
        "kept cut kept kept kept kept kept cut kept kept kept".split()
    )


def test_rescued_heads_are_marked_and_explained_only_where_they_are_kept(visit: Visit) -> None:
    legend = visit.page.locator(".st-key-to_edit .hv-legend")
    expect(legend).to_have_text("cutrescued: kept only because its layer must keep a head")
    assert [label for label in labels(visit, "to_edit") if "rescued" in label] == ["layer 1 head 1, kept, rescued"]
    grid(visit, "to_edit").locator(".cell.rescued").click()
    expect(legend).to_have_text("cut")
