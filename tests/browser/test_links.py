"""What the address carries: reload, Back and links opened elsewhere bring everything back; rubbish does no harm."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect
from served import Served

from tests.browser.visit import LONG, Visit

DEMO = "demo/reviews"
HEADS = (8,) * 4
PAGES = {
    "/": "headviz",
    "/scores": "Scores",
    "/complementarity": "Complementarity",
    "/recover": "Recover",
    "/mask": "Mask",
    "/export": "Export",
}


@pytest.fixture
def on_mask(visit: Visit) -> Visit:
    """A visitor on the Mask page with the demo open and everything measured."""
    visit.go("/mask", model=DEMO).opened(DEMO)
    return visit


def test_reload_keeps_settings_and_hand_edits(on_mask: Visit) -> None:
    on_mask.move("Alpha", "ArrowRight", 2).toggle("L0H0").toggle("L2H3")
    cut, link, alpha = on_mask.cut_in_grid(), on_mask.page.url, on_mask.value("Alpha")
    on_mask.page.reload()
    on_mask.opened(DEMO)
    assert on_mask.cut_in_grid() == cut
    assert (on_mask.page.url, on_mask.value("Alpha")) == (link, alpha)
    expect(on_mask.page.get_by_test_id("stMain")).to_contain_text("By hand: L0H0")
    expect(on_mask.sidebar).to_contain_text("2 by hand")


def test_back_undoes_a_hand_edit_then_a_setting_and_forward_brings_both_again(on_mask: Visit) -> None:
    start, alpha = on_mask.cut_in_grid(), on_mask.value("Alpha")
    on_mask.move("Heads to cut", "ArrowRight")
    more = on_mask.cut_in_grid()
    assert len(more) == len(start) + 1
    on_mask.toggle("L0H0").toggle("L3H7")
    states = [start, more, more ^ {"L0H0"}, more ^ {"L0H0", "L3H7"}]
    for cut in states[-2::-1]:
        on_mask.back()
        expect(on_mask.sidebar).to_contain_text(f"{len(cut)} of 32 heads cut")
        assert on_mask.settled().cut_in_grid() == cut == on_mask.cut_in_link(*HEADS)
    for cut in states[1:]:
        on_mask.page.go_forward()
        expect(on_mask.sidebar).to_contain_text(f"{len(cut)} of 32 heads cut")
        assert on_mask.settled().cut_in_grid() == cut == on_mask.cut_in_link(*HEADS)
    assert on_mask.value("Alpha") == alpha


def test_back_goes_over_pages_and_settings_in_the_order_they_were_made(visit: Visit) -> None:
    visit.go("/scores", model=DEMO).opened(DEMO)
    alphas = [visit.value("Alpha"), *(visit.move("Alpha", "ArrowRight").value("Alpha") for _ in range(2))]
    visit.to("Mask").settled()
    prune = visit.asked["prune"]
    visit.move("Heads to cut", "ArrowRight")
    assert visit.asked["prune"] == str(int(prune) + 1)

    visit.back().wait_for_address(prune=prune).settled().headed("Mask")
    assert visit.value("Heads to cut").startswith(f"{prune} of 32")
    visit.back().headed("Scores").settled()
    assert visit.value("Alpha") == alphas[2]
    for alpha in (alphas[1], alphas[0]):
        visit.back().wait_for_address(alpha=alpha).settled()
        assert visit.value("Alpha") == alpha


def test_link_opened_on_a_fresh_server_shows_the_same_mask(
    on_mask: Visit, visitor: Callable[..., Visit], serve: Callable[..., Served]
) -> None:
    on_mask.move("Alpha", "ArrowRight", 2).toggle("L1H1").toggle("L0H0")
    fresh = serve()
    other = visitor(fresh).go(on_mask.page.url.replace(on_mask.url, fresh.url)).opened(DEMO)
    assert other.cut_in_grid() == on_mask.cut_in_grid() == other.cut_in_link(*HEADS)
    assert other.asked == on_mask.asked
    expect(other.sidebar).to_contain_text("2 by hand")


@pytest.mark.parametrize("path", PAGES)
def test_page_that_a_fresh_server_is_asked_for_first_stands_with_our_sidebar(
    path: str, visitor: Callable[..., Visit], serve: Callable[..., Served]
) -> None:
    visit = visitor(serve()).go(path)
    expect(visit.page.get_by_role("heading", level=1)).to_have_text(PAGES[path])
    expect(visit.page.get_by_role("button", name="Open the demo")).to_be_visible()
    expect(visit.sidebar.get_by_role("link")).to_contain_text(
        ["Home", "Scores", "Complementarity", "Mask", "Recover", "Export"]
    )
    expect(visit.page).to_have_title("headviz" if path == "/" else f"{PAGES[path]} - headviz")


def test_first_request_with_settings_out_of_range_shows_a_note_and_the_default(
    visitor: Callable[..., Visit], serve: Callable[..., Served]
) -> None:
    visit = visitor(serve()).go("/scores", model=DEMO, alpha="0.800", prune="9999").opened(DEMO)
    visit.expect_alert("9999 heads to cut were asked for, but this model has 32")
    assert visit.value("Alpha") == "0.800"
    assert visit.value("Heads to cut").startswith("10 of 32")
    assert (visit.asked["alpha"], visit.asked["prune"]) == ("0.800", "10")


RUBBISH = {
    "data": "/etc/passwd",
    "criterion": "<script>alert(1)</script>",
    "alpha": "nan",
    "prune": "-1e9",
    "mask": "%00" * 40,
    "options": "normalise:rm -rf,;:",
    "calibration": "٣٢",
    "cahp": "degree:99",
}


@pytest.mark.parametrize("path", PAGES)
def test_rubbish_in_every_parameter_shows_notes_and_defaults(path: str, visit: Visit) -> None:
    visit.go(path, model=DEMO, **RUBBISH).opened(DEMO)
    for name in RUBBISH:
        visit.expect_alert(f"The link's {name}")
    assert all("script" not in text for text in visit.alerts())
    assert {name: value for name, value in visit.asked.items() if name != "mask"} == {
        "model": DEMO, "data": DEMO, "criterion": "hies", "alpha": "0.500", "prune": "10", "options": "default",
        "calibration": "512", "cahp": "default",
    }  # fmt: skip
    expect(visit.page.get_by_role("heading", level=1)).to_have_text(PAGES[path])


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"model": "../../etc/passwd"}, "neither a demo, a Hugging Face id nor a fingerprint"),
        ({"model": DEMO, "mask": "A" * 10_000}, "The link's mask is too long"),
        ({"model": DEMO, "mask": "1AAAAAAAAAAAAAA"}, "The link's mask was left out"),
        ({"model": DEMO, "criterion": "wisdom"}, "asks for a criterion that does not exist"),
        ({"model": DEMO, "criterion": "hies", "options": "normalise:never"}, "An option in the link is not one of"),
    ],
)
def test_value_that_cannot_be_used_is_told_in_a_sentence(parameters: dict[str, str], said: str, visit: Visit) -> None:
    visit.go("/mask", **parameters).expect_alert(said)
    if parameters["model"] == DEMO:
        visit.opened(DEMO)
        assert len(visit.cut_in_grid()) == 10
        assert (visit.asked["criterion"], visit.asked["options"]) == ("hies", "default")


def test_state_survives_page_changes(on_mask: Visit) -> None:
    on_mask.move("Alpha", "ArrowLeft", 2).toggle("L3H0")
    cut, alpha, asked = on_mask.cut_in_grid(), on_mask.value("Alpha"), on_mask.asked
    for name in ("Home", "Scores", "Complementarity", "Export", "Mask"):
        on_mask.to(name).settled()
        assert on_mask.asked == asked
    assert on_mask.cut_in_grid() == cut
    assert on_mask.value("Alpha") == alpha


def test_link_of_a_folder_model_asks_for_it_and_its_mask_is_applied_once_it_is_open(
    visit: Visit,
    visitor: Callable[..., Visit],
    serve: Callable[..., Served],
    small_model: Path,
    small_data: Path,
) -> None:
    visit.go().type_model(str(small_model)).opened(small_model.name)
    visit.upload_data(small_data).opened(small_data.name)
    visit.to("Mask").settled().toggle("L1H2")
    cut, link = visit.cut_in_grid(), visit.page.url
    assert str(small_model.parent) not in link

    fresh = serve()
    other = visitor(fresh).go(link.replace(visit.url, fresh.url))
    other.expect_alert("The link is for a model from a folder")
    other.page.get_by_role("link", name="Open a model on Home").click()
    other.type_model(str(small_model)).opened(small_model.name)
    other.upload_data(small_data).opened(small_data.name)
    other.to("Mask").settled()
    assert other.cut_in_grid() == cut


def test_hub_id_in_a_link_is_shown_and_not_fetched(visit: Visit) -> None:
    visit.go("/scores", model="some-org/some-model", data="some-org/some-data")
    expect(visit.page.get_by_text("A link downloads nothing by itself.")).to_be_visible(timeout=LONG)
    expect(visit.page.get_by_role("button", name="Open it")).to_be_visible()
    assert visit.settled().page.get_by_test_id("stProgress").count() == 0
