"""The head grid by mouse and by keyboard: the browser's picture and the server's are the same at rest.

Over 400 lines because it is a list: one test for each way in which a person can act on the grid.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.visit import Visit
from tests.tiny import save_tiny

DEMO = "demo/reviews"
HEADS = (8,) * 4
ALL = {f"L{layer}H{head}" for layer in range(4) for head in range(8)}


@pytest.fixture
def grid(visit: Visit) -> Visit:
    return opened(visit)


def opened(visit: Visit) -> Visit:
    visit.go("/mask", model=DEMO).opened(DEMO)
    expect(visit.head("L0H0")).to_be_visible()
    return visit


def focused(visit: Visit) -> str:
    """The name of the head that has the focus, or the start of the name of the header that has it; "" for none."""
    words = visit.page.evaluate(
        """() => {
          let node = document.activeElement;
          while (node?.shadowRoot?.activeElement) node = node.shadowRoot.activeElement;
          return node?.matches('.hv button') ? node.getAttribute('aria-label').split(/[,:] /)[0] : '';
        }"""
    ).split()
    return f"L{words[1]}H{words[3]}" if len(words) == 4 else "".join(words)


def header(visit: Visit, name: str) -> Any:
    """The header of a row ("L3") or of a column ("H7")."""
    return visit.page.locator(f".hv button[aria-label^='{name}, ']")


def choose(visit: Visit, tool: str) -> None:
    button = visit.page.get_by_role("button", name=tool)
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")


def middle(visit: Visit, name: str) -> tuple[float, float]:
    box = visit.head(name).bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(visit: Visit, first: str, last: str, steps: int = 25) -> None:
    """Press on one head, go straight to another, and let go."""
    ends = middle(visit, first), middle(visit, last)
    visit.page.mouse.move(*ends[0])
    visit.page.mouse.down()
    visit.page.mouse.move(*ends[1], steps=steps)
    visit.page.mouse.up()


def asked(visit: Visit, since: int) -> int:
    """How often the browser has asked for a run of its own since then."""
    return sum(not rerun.by_itself for rerun in visit.reruns[since:])


def test_arrows_walk_the_grid_and_its_headers_and_stop_at_the_edges(grid: Visit) -> None:
    grid.head("L0H0").focus()
    walked = []
    keys = (
        "ArrowRight ArrowRight ArrowDown End ArrowRight ArrowDown Home ArrowDown ArrowDown "
        "ArrowLeft ArrowLeft ArrowUp ArrowUp ArrowUp ArrowUp ArrowRight ArrowUp ArrowUp ArrowRight ArrowLeft ArrowLeft"
    )
    for key in keys.split():
        grid.page.keyboard.press(key)
        walked.append(focused(grid))
    heads = "L0H1 L0H2 L1H2 L1H7 L1H7 L2H7 L2H0 L3H0 L3H0"
    assert walked == f"{heads} L3 L3 L2 L1 L0 L0 L0H0 H0 H0 H1 H0 L0".split()
    assert grid.page.locator(".hv [tabindex='0']").count() == 1
    assert header(grid, "L0").get_attribute("tabindex") == "0"


def test_keys_act_on_the_head_that_has_the_focus_however_it_came_there(grid: Visit) -> None:
    before = grid.cut_in_grid()
    grid.toggle("L0H0")
    grid.head("L2H3").focus()  # as screen readers do, not by Tab and arrows
    link = grid.page.url
    grid.page.keyboard.press("Space")
    expect(grid.page).not_to_have_url(link)
    assert grid.settled().cut_in_grid() == before ^ {"L0H0", "L2H3"}


def test_a_click_without_a_pointer_toggles_as_screen_readers_do_it(grid: Visit) -> None:
    before, link = grid.cut_in_grid(), grid.page.url
    grid.head("L2H3").evaluate("node => node.click()")
    expect(grid.page).not_to_have_url(link)
    assert grid.settled().cut_in_grid() == before ^ {"L2H3"} == grid.cut_in_link(*HEADS)


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
    toggled: set[str] = set()
    start = len(grid.reruns)
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
    paints_cut = row[0] not in before
    link, start = grid.page.url, len(grid.reruns)
    ends = middle(grid, row[0]), middle(grid, row[-1])
    grid.page.mouse.move(*ends[0])
    grid.page.mouse.down()
    grid.page.mouse.move(*ends[1], steps=25)
    expected = before | set(row) if paints_cut else before - set(row)
    assert grid.cut_in_grid() == expected  # at once, before the server knows
    assert grid.page.url == link
    grid.page.mouse.up()
    expect(grid.page).not_to_have_url(link)
    assert asked(grid.settled(), start) == 1
    assert grid.cut_in_grid() == expected == grid.cut_in_link(*HEADS)
    grid.back()
    expect(grid.sidebar).to_contain_text(f"{len(before)} of 32 heads cut")
    assert grid.settled().cut_in_grid() == before


def test_a_drag_so_fast_that_it_skips_heads_paints_them_too(grid: Visit) -> None:
    before, link = grid.cut_in_grid(), grid.page.url
    drag(grid, "L3H0", "L3H7", steps=1)
    expect(grid.page).not_to_have_url(link)
    row = {f"L3H{head}" for head in range(8)}
    expected = before - row if "L3H0" in before else before | row
    assert grid.settled().cut_in_grid() == expected == grid.cut_in_link(*HEADS)


def test_a_finger_toggles_by_a_tap_and_scrolls_the_page_by_a_swipe_up_without_an_edit(
    visitor: Callable[..., Visit],
) -> None:
    grid = opened(visitor(has_touch=True, viewport={"width": 390, "height": 844}))
    before, link = grid.cut_in_grid(), grid.page.url
    grid.head("L1H1").tap()
    expect(grid.page).not_to_have_url(link)
    tapped = before ^ {"L1H1"}
    assert grid.settled().cut_in_grid() == tapped == grid.cut_in_link(*HEADS)
    start, (left, top) = len(grid.reruns), middle(grid, "L2H3")
    finger = grid.page.context.new_cdp_session(grid.page)
    for kind, up in (("touchStart", 0), *(("touchMove", 15 * step) for step in range(1, 12)), ("touchEnd", None)):
        points = [] if up is None else [{"x": left, "y": top - up}]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    grid.settled()
    assert middle(grid, "L2H3")[1] < top - 50
    assert grid.cut_in_grid() == tapped
    assert asked(grid, start) == 0


def test_escape_gives_a_drag_up(grid: Visit) -> None:
    before, start = grid.cut_in_grid(), len(grid.reruns)
    grid.page.mouse.move(*middle(grid, "L2H1"))
    grid.page.mouse.down()
    grid.page.mouse.move(*middle(grid, "L2H4"), steps=5)
    assert grid.cut_in_grid() != before
    grid.page.keyboard.press("Escape")
    grid.page.mouse.up()
    assert grid.settled().cut_in_grid() == before
    assert asked(grid, start) == 0


@pytest.mark.parametrize(
    ("name", "heads"),
    [("L1", {f"L1H{head}" for head in range(8)}), ("H2", {f"L{layer}H2" for layer in range(4)})],
)
def test_a_header_cuts_then_restores_its_heads_as_one_edit_each(name: str, heads: set[str], grid: Visit) -> None:
    before = grid.cut_in_grid()
    assert heads - before, "one of them must be kept for the header to cut"
    start = len(grid.reruns)
    for act, expected in (
        (lambda: header(grid, name).click(), before | heads),
        (lambda: grid.page.keyboard.press("Enter"), before - heads),
        (lambda: grid.page.keyboard.press("Space"), before | heads),
        (lambda: grid.page.get_by_role("button", name="Undo", exact=True).click(), before - heads),
    ):
        link = grid.page.url
        act()
        expect(grid.page).not_to_have_url(link)
        assert grid.settled().cut_in_grid() == expected == grid.cut_in_link(*HEADS)
    assert asked(grid, start) == 4


def test_toggle_directly_followed_by_a_preset_ends_on_the_same_mask_on_both_sides(grid: Visit) -> None:
    grid.head("L0H0").focus()
    grid.page.keyboard.press("Space")
    slider = grid.slider("Heads to cut")
    slider.focus()
    slider.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", "11 of 32 (34 %)")
    expect(grid.page).to_have_url(re.compile(r"\bprune=11\b"))  # the link follows twice: the toggle, and the preset
    grid.settled()
    assert grid.cut_in_grid() == grid.cut_in_link(*HEADS)
    assert grid.asked["prune"] == "11"


def test_a_preset_during_a_drag_waits_for_its_end_and_then_wins(grid: Visit) -> None:
    before, link = grid.cut_in_grid(), grid.page.url
    row = {f"L2H{head}" for head in range(1, 5)}
    painted = before - row if "L2H1" in before else before | row
    grid.page.mouse.move(*middle(grid, "L2H1"))
    grid.page.mouse.down()
    grid.page.mouse.move(*middle(grid, "L2H4"), steps=5)
    slider = grid.slider("Heads to cut")
    slider.focus()
    slider.press("ArrowRight")
    expect(grid.page).not_to_have_url(link)
    assert grid.settled().cut_in_grid() == painted
    pushed = grid.cut_in_link(*HEADS)
    assert len(pushed) == 11
    grid.page.mouse.up()
    assert grid.settled().cut_in_grid() == pushed == grid.cut_in_link(*HEADS)
    expect(grid.page.locator(".hv-say")).to_contain_text("The mask was changed meanwhile")


def test_the_focus_and_the_nodes_stay_when_python_pushes_a_mask(grid: Visit) -> None:
    grid.toggle("L1H3")
    grid.head("L1H3").evaluate("node => { node.mine = true; }")
    link = grid.page.url
    undo = grid.page.get_by_role("button", name="Undo", exact=True)
    undo.evaluate("node => node.click()")  # without the focus going there
    expect(grid.page).not_to_have_url(link)
    assert grid.settled().cut_in_grid() == grid.cut_in_link(*HEADS)
    assert focused(grid) == "L1H3"
    assert grid.head("L1H3").evaluate("node => node.mine")


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


def test_a_head_locked_by_key_stays_under_clicks_headers_and_painting_until_it_is_unlocked(grid: Visit) -> None:
    before = grid.cut_in_grid()
    grid.head("L2H3").focus()
    grid.page.keyboard.press("l")
    assert grid.settled().heads_in_grid("locked") == {"L2H3"}
    assert grid.cut_in_grid() == before  # a lock leaves the mask as it is
    start = len(grid.reruns)
    grid.head("L2H3").click()
    grid.page.keyboard.press("Space")
    assert grid.settled().cut_in_grid() == before
    assert asked(grid, start) == 0
    state = "cut" if "L2H3" in before else "kept"
    for line in (".hv-say", ".hv-read"):
        expect(grid.page.locator(line)).to_contain_text(f"L2H3 is locked {state}, so it stays. To unlock it, press L")
    free = {f"L2H{head}" for head in range(8)} - {"L2H3"}
    expected = before | free if free - before else before - free
    link = grid.page.url
    header(grid, "L2").click()
    expect(grid.page).not_to_have_url(link)
    assert grid.settled().cut_in_grid() == expected == grid.cut_in_link(*HEADS)
    grid.head("L2H3").focus()
    grid.page.keyboard.press("L")
    assert grid.settled().heads_in_grid("locked") == set()
    grid.toggle("L2H3")
    assert grid.cut_in_grid() == expected ^ {"L2H3"}


def test_the_lock_tool_locks_by_click_drag_and_header_and_undo_takes_it_back(grid: Visit) -> None:
    before = grid.cut_in_grid()
    choose(grid, "Lock and unlock")
    start = len(grid.reruns)
    drag(grid, "L1H2", "L1H5")
    four = {f"L1H{head}" for head in range(2, 6)}
    assert grid.settled().heads_in_grid("locked") == four
    assert asked(grid, start) == 1
    expect(grid.page.get_by_test_id("stMain")).to_contain_text(
        f"Locked: {len(four - before)} kept, {len(four & before)} cut."
    )
    choose(grid, "Cut and restore")
    link = grid.page.url
    drag(grid, "L1H1", "L1H6")
    expect(grid.page).not_to_have_url(link)
    ends = {"L1H1", "L1H6"}
    painted = before - ends if "L1H1" in before else before | ends
    assert grid.settled().cut_in_grid() == painted == grid.cut_in_link(*HEADS)
    undo = grid.page.get_by_role("button", name="Undo", exact=True)
    undo.click()
    expect(grid.head("L1H1")).to_have_attribute("aria-pressed", str("L1H1" not in before).lower())
    assert grid.settled().heads_in_grid("locked") == four
    undo.click()
    assert grid.settled().heads_in_grid("locked") == set()
    choose(grid, "Lock and unlock")
    for expected in ({f"L0H{head}" for head in range(8)}, set[str]()):
        header(grid, "L0").click()
        assert grid.settled().heads_in_grid("locked") == expected
    assert grid.cut_in_grid() == before


def test_every_preset_keeps_what_is_locked_kept_and_cuts_what_is_locked_cut(grid: Visit) -> None:
    before = grid.cut_in_grid()
    kept, cut = sorted(ALL - before)[:2], sorted(before)[:2]
    for name in kept + cut:
        grid.head(name).focus()
        grid.page.keyboard.press("l")
        grid.settled()
    assert grid.cut_in_grid() == before
    grid.move("Heads to cut", "End")
    assert grid.cut_in_grid() == ALL - set(kept) == grid.cut_in_link(*HEADS)
    grid.move("Heads to cut", "Home")
    assert grid.cut_in_grid() == set(cut) == grid.cut_in_link(*HEADS)


def test_each_head_says_its_name_state_score_and_place(grid: Visit) -> None:
    grid.toggle("L0H0")
    labels = grid.page.locator(".hv .cell").evaluate_all("cells => cells.map(cell => cell.getAttribute('aria-label'))")
    names = [label.split(",")[0] for label in labels]
    assert names == [f"layer {layer} head {head}" for layer in range(4) for head in range(8)]
    states = [label.split(", ")[1] for label in labels]
    places = sorted(int(label.split(", place ")[1].split()[0]) for label in labels)
    assert set(states) == {"kept", "cut"}
    assert places == list(range(32))
    assert all(", HIES 0." in label and label.endswith(" of 32 (0 = cut first)") for label in labels)
    assert [", by hand, " in label for label in labels] == [True] + [False] * 31


def test_the_legend_explains_the_marks_that_occur_and_no_others(grid: Visit) -> None:
    legend = grid.page.locator(".hv-legend")
    expect(legend).to_have_text("lowhigh HIES, by rankcut")
    grid.head("L0H0").focus()
    grid.page.keyboard.press("l")
    expect(legend).to_have_text("lowhigh HIES, by rankcutlocked")
    grid.settled().toggle("L0H1")
    expect(legend).to_have_text("lowhigh HIES, by rankcutlockedchanged by hand")


# The colours of a head, its border and its marks as they are drawn: [ground, border, ink], each red, green, blue.
_COLOURS = """node => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const frame = node.closest('.hv-frame'), style = getComputedStyle(node);
  const draw = colour => {
    canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const page = getComputedStyle(frame).getPropertyValue('--st-background-color');
  return { page: draw(page), border: draw(style.borderTopColor), ink: draw(style.color) };
}"""


def contrast(one: list[int], other: list[int]) -> float:
    """WCAG's contrast of two colours, 1 to 21."""

    def light(colour: list[int]) -> float:
        parts = [part / 255 for part in colour]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(("theme", "width"), [("light", 1400), ("dark", 933), ("dark", 390)])
def test_states_stand_out_in_both_themes_and_on_a_phone(
    theme: str, width: int, visitor: Callable[..., Visit], shots: Path
) -> None:
    grid = opened(visitor(color_scheme=theme, viewport={"width": width, "height": 900}))
    kept, cut = sorted(ALL - grid.cut_in_grid())[:3], sorted(grid.cut_in_grid())[:3]
    for name in (kept[1], cut[1]):
        grid.head(name).focus()
        grid.page.keyboard.press("l")
        grid.settled()
    grid.toggle(kept[2]).toggle(cut[2])
    for name in (*kept, *cut):
        colours = grid.head(name).evaluate(_COLOURS)
        assert contrast(colours["border"], colours["page"]) >= 3, name
        assert contrast(colours["ink"], colours["page"]) >= 7, name
    content = "(node, part) => getComputedStyle(node, part).content"
    cross, plate = ("::before", "::after")
    assert grid.head(cut[0]).evaluate(content, cross) != grid.head(kept[0]).evaluate(content, cross)
    for locked, free in ((kept[1], kept[0]), (cut[1], cut[0])):
        assert grid.head(locked).evaluate(content, plate) != grid.head(free).evaluate(content, plate)
    boxes = grid.page.locator(".hv .cell").evaluate_all(
        "cells => cells.map(cell => cell.getBoundingClientRect().right)"
    )
    assert max(boxes) <= width
    grid.page.locator(".hv-frame").screenshot(path=shots / f"grid-{theme}-{width}.png")


@pytest.fixture
def large(visit: Visit, small_data: Path, tmp_path: Path) -> Visit:
    """The grid of a random model of 32 layers x 64 heads."""
    model = save_tiny(tmp_path / "large-bert", layers=32, heads=64, hidden=64)
    visit.go().type_model(str(model)).opened("large-bert").type_data(str(small_data)).settled()
    visit.to("Mask").settled()
    expect(visit.head("L31H63")).to_be_visible()
    return visit


# Note the heads whose node is written to from now on.
_WATCH = """root => {
  const touched = window._touched = new Set();
  new MutationObserver(found => { for (const { target } of found) touched.add(target.getAttribute('aria-label')); })
    .observe(root, { subtree: true, attributes: true, attributeFilter: ['class', 'aria-pressed', 'style'] });
}"""


def test_32_by_64_heads_take_a_drag_over_200_as_one_edit_and_touch_no_other_head(large: Visit) -> None:
    visit, heads = large, (64,) * 32
    before = visit.cut_in_grid()
    assert before == visit.cut_in_link(*heads)
    names = [f"L{layer}H{head}" for layer in (10, 11, 12, 13) for head in range(50)]
    paints_cut = names[0] not in before
    visit.page.locator(".hv").evaluate(_WATCH)
    link, start = visit.page.url, len(visit.reruns)
    visit.page.mouse.move(*middle(visit, names[0]))
    visit.page.mouse.down()
    for corner in ("L10H49", "L11H49", "L11H0", "L12H0", "L12H49", "L13H49", "L13H0"):
        visit.page.mouse.move(*middle(visit, corner), steps=10)
    visit.page.mouse.up()
    expect(visit.page).not_to_have_url(link)
    expected = before | set(names) if paints_cut else before - set(names)
    assert visit.settled().cut_in_grid() == expected == visit.cut_in_link(*heads)
    assert asked(visit, start) == 1
    touched = visit.page.evaluate("[...window._touched].map(label => label.split(',')[0])")
    assert {"L{1}H{3}".format(*label.split()) for label in touched} <= set(names)


def test_64_columns_have_a_name_each_and_every_fourth_is_written(large: Visit) -> None:
    columns = large.page.locator(".hv .column")
    assert columns.evaluate_all("nodes => nodes.map(node => node.textContent)") == [
        f"H{head}" if head % 4 == 0 else "" for head in range(64)
    ]
    before, link = large.cut_in_grid(), large.page.url
    header(large, "H63").click()
    expect(large.page).not_to_have_url(link)
    column = {f"L{layer}H63" for layer in range(32)}
    expected = before | column if column - before else before - column
    assert large.settled().cut_in_grid() == expected
