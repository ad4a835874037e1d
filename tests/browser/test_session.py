"""Nothing is lost: a visit and its recovery outlive a reload, a closed tab and a server that is killed."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect
from served import Served

from tests.browser.visit import LONG, Visit

DEMO = "demo/reviews"


def name_it(visit: Visit, name: str) -> None:
    """Put the mask in hand aside under a name."""
    field = visit.page.get_by_label("Name for the current mask")
    field.fill(name)
    field.press("Tab")
    visit.settled()
    visit.page.locator(".st-key-put_aside button").click()
    expect(visit.page.get_by_role("button", name=re.compile("^Delete")).first).to_be_visible()
    visit.settled()


def test_masks_history_locks_and_a_recovery_are_there_after_reload_closed_tab_and_kill(
    serve: Callable[..., Served], visitor: Callable[..., Visit], tmp_path: Path, shots: Path
) -> None:
    served = serve(environment={"HEADVIZ_STATE": str(tmp_path / "state")})
    visit = visitor(served).go("/mask", model=DEMO, prune="10").opened(DEMO)
    kept = sorted({f"L{layer}H{head}" for layer in range(4) for head in range(8)} - visit.cut_in_grid())
    edited, locked = kept[0], kept[1]
    visit.toggle(edited)
    visit.head(locked).focus()
    visit.page.keyboard.press("l")
    expect(visit.head(locked)).to_have_attribute("aria-label", re.compile("locked"))
    visit.settled()
    visit.page.get_by_test_id("stButtonGroup").get_by_text("Side by side", exact=True).click()
    visit.settled()
    name_it(visit, "first of mine")
    name_it(visit, "second of mine")
    cut = visit.cut_in_grid()

    visit.to("Recover").settled()
    visit.page.get_by_role("button", name="Recover", exact=True).click()
    stop = visit.page.locator(".st-key-recover_stop button")
    expect(stop).to_be_visible(timeout=LONG)
    visit.page.reload()
    expect(stop).to_be_visible(timeout=LONG)  # the run under way shows again
    context = visit.page.context
    visit.page.close()
    served.kill()
    served.start()

    again = Visit(context.new_page(), served.url).go("/").opened(DEMO)
    main = again.page.get_by_test_id("stMain")
    expect(main).to_contain_text(re.compile("A recovery by SAFE was broken off"), timeout=LONG)
    again.page.get_by_text("This visit: save it, open another").click()
    expect(main).to_contain_text("What you do here is kept on this machine")
    again.page.screenshot(path=shots / "visit.png", full_page=True)
    again.to("Mask").settled()
    assert again.cut_in_grid() == cut and edited in cut
    assert again.heads_in_grid("locked") == {locked} and again.heads_in_grid("by hand") == {edited}
    again.page.get_by_test_id("stButtonGroup").get_by_text("Side by side", exact=True).click()
    again.settled()
    again.page.get_by_role("combobox", name="A", exact=True).click()
    for name in ("first of mine", "second of mine"):
        expect(again.page.get_by_role("option", name=name)).to_be_visible()
    again.page.keyboard.press("Escape")
    again.page.get_by_role("button", name="Undo").click()
    again.settled()
    assert again.heads_in_grid("locked") == set()

    again.to("Recover").settled()
    again.page.get_by_role("button", name="Go on", exact=True).click()
    expect(again.page.get_by_role("heading", name="Before and after")).to_be_visible(timeout=2 * LONG)
    again.check()


def test_another_browser_sees_nothing_of_a_visit(
    serve: Callable[..., Served], visitor: Callable[..., Visit], tmp_path: Path
) -> None:
    served = serve(environment={"HEADVIZ_STATE": str(tmp_path / "state")})
    visitor(served).go("/").open_demo()
    other = visitor(served).go("/").headed("Home").settled()
    expect(other.sidebar).to_contain_text("No model is open yet")
    [cookie] = [one for one in other.page.context.cookies() if one["name"] == "headviz-visit"]
    assert cookie["value"] not in other.page.url and cookie["sameSite"] == "Strict"
    assert (tmp_path / "state").stat().st_mode & 0o77 == 0
