"""The head grid by mouse and by keyboard: the browser's picture and the server's are the same at rest."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.visit import Visit

DEMO = "demo/reviews"
HEADS = (8,) * 4


@pytest.fixture
def grid(visit: Visit) -> Visit:
    visit.go("/mask", model=DEMO).opened(DEMO)
    expect(visit.head("L0H0")).to_be_visible()
    return visit


def focused(visit: Visit) -> str:
    """The name of the head that has the focus, "" where none has."""
    return visit.page.evaluate(
        """() => {
          let node = document.activeElement;
          while (node?.shadowRoot?.activeElement) node = node.shadowRoot.activeElement;
          return node?.matches('.hv button') ? node.getAttribute('aria-label').split(',')[0] : '';
        }"""
    )


def test_arrows_walk_the_grid_and_stop_at_its_edges(grid: Visit) -> None:
    grid.head("L0H0").focus()
    walked = []
    for (
        key
    ) in "ArrowLeft ArrowUp ArrowRight ArrowRight ArrowDown End ArrowRight ArrowDown Home ArrowDown ArrowDown".split():
        grid.page.keyboard.press(key)
        walked.append(focused(grid))
    assert walked == "L0H0 L0H0 L0H1 L0H2 L1H2 L1H7 L1H7 L2H7 L2H0 L3H0 L3H0".split()
    assert grid.page.locator(".hv button[tabindex='0']").count() == 1


def test_keys_act_on_the_head_that_has_the_focus_however_it_came_there(grid: Visit) -> None:
    before = grid.cut_in_grid()
    grid.toggle("L0H0")
    grid.head("L2H3").focus()  # as screen readers do, not by Tab and arrows
    link = grid.page.url
    grid.page.keyboard.press("Space")
    expect(grid.page).not_to_have_url(link)
    assert grid.settled().cut_in_grid() == before ^ {"L0H0", "L2H3"}


def test_space_and_enter_toggle_and_the_focus_stays_where_it_was(grid: Visit) -> None:
    before = grid.cut_in_grid()
    grid.head("L1H1").focus()
    grid.page.keyboard.press("ArrowRight")  # from the cell that Tab leads to
    place = focused(grid)
    for key in ("Space", "Enter", "Space"):
        link = grid.page.url
        grid.page.keyboard.press(key)
        expect(grid.page).not_to_have_url(link)
        grid.settled()
        assert focused(grid) == place
    assert grid.cut_in_grid() == before ^ {place} == grid.cut_in_link(*HEADS)


def test_ten_quick_toggles_agree_between_browser_and_server(grid: Visit) -> None:
    before = grid.cut_in_grid()
    grid.head("L0H0").focus()
    toggled, start = set(), len(grid.reruns)
    for step in range(10):
        grid.page.keyboard.press("Space")
        toggled ^= {focused(grid)}
        grid.page.keyboard.press("ArrowDown" if step % 4 == 3 else "ArrowRight")
    expected = before ^ toggled
    assert len(toggled) == 10
    expect(grid.sidebar).to_contain_text(f"{len(expected)} of 32 heads cut, 10 by hand")
    grid.settled()
    assert grid.cut_in_grid() == expected == grid.cut_in_link(*HEADS)
    assert len(grid.reruns) > start
    expect(grid.page.get_by_test_id("stMain")).to_contain_text(f"{32 - len(expected)} of 32 heads kept")


def test_drag_over_six_heads_is_one_edit(grid: Visit) -> None:
    before = grid.cut_in_grid()
    row = [f"L2H{head}" for head in range(1, 7)]
    places = [grid.head(name).bounding_box() for name in (row[0], row[-1])]
    middle = [(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) for box in places if box]
    paints_cut = row[0] not in before
    link, start = grid.page.url, len(grid.reruns)
    grid.page.mouse.move(*middle[0])
    grid.page.mouse.down()
    grid.page.mouse.move(*middle[1], steps=25)
    expected = before | set(row) if paints_cut else before - set(row)
    assert grid.cut_in_grid() == expected  # at once, before the server knows
    assert grid.page.url == link
    grid.page.mouse.up()
    expect(grid.page).not_to_have_url(link)
    asked = [rerun for rerun in grid.settled().reruns[start:] if not rerun.by_itself]
    assert len(asked) == 1
    assert grid.cut_in_grid() == expected == grid.cut_in_link(*HEADS)
    grid.back()
    expect(grid.sidebar).to_contain_text(f"{len(before)} of 32 heads cut")
    assert grid.settled().cut_in_grid() == before


def test_toggle_directly_followed_by_a_preset_ends_on_the_same_mask_on_both_sides(grid: Visit) -> None:
    grid.head("L0H0").focus()
    grid.page.keyboard.press("Space")
    slider, link = grid.slider("Heads to cut"), grid.page.url
    slider.focus()
    slider.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", "11 of 32 (34 %)")
    expect(grid.page).not_to_have_url(link)
    grid.settled()
    assert grid.cut_in_grid() == grid.cut_in_link(*HEADS)
    assert grid.asked["prune"] == "11"


def test_undo_redo_and_drop_move_the_grid(grid: Visit) -> None:
    before = grid.cut_in_grid()
    grid.toggle("L1H0").toggle("L2H2")
    edited = grid.cut_in_grid()
    for button, expected in (
        ("Undo", before ^ {"L1H0"}),
        ("Undo", before),
        ("Redo", before ^ {"L1H0"}),
        ("Redo", edited),
        ("Drop changes by hand", before),
        ("Undo", edited),
    ):
        link = grid.page.url
        grid.page.get_by_role("button", name=button, exact=True).click()
        expect(grid.page).not_to_have_url(link)
        assert grid.settled().cut_in_grid() == expected == grid.cut_in_link(*HEADS), button


def test_each_head_says_its_name_state_and_place(grid: Visit) -> None:
    labels = grid.page.locator(".hv button").evaluate_all("cells => cells.map(cell => cell.getAttribute('aria-label'))")
    assert [label.split(",")[0] for label in labels] == [f"L{layer}H{head}" for layer in range(4) for head in range(8)]
    assert all("place" in label and "HIES" in label for label in labels)
