"""The mask workshop: an edit and its answers, what flips, improving, the final figure, and two visitors at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

import headviz as hv
from headviz.ui import numbers
from tests.browser.visit import LONG, Visit

DEMO = "demo/reviews"
HEADS = (8,) * 4
MEASURED = "Measured change of the loss"
ROUNDS = 40  # of edits by two visitors at once: a minute


@pytest.fixture
def workshop(visit: Visit) -> Visit:
    visit.go("/mask", model=DEMO).opened(DEMO)
    expect(visit.head("L0H0")).to_be_visible()
    return visit


def look_at(visit: Visit, view: str) -> Visit:
    visit.page.get_by_test_id("stMain").get_by_text(view, exact=True).first.click()
    return visit.settled()


def press(visit: Visit, name: str | re.Pattern[str]) -> Visit:
    visit.page.get_by_role("button", name=name).click()
    return visit


def figures(visit: Visit) -> tuple[str, ...]:
    return tuple(visit.figure(title) for title in ("Accuracy now", "Change in accuracy", "Agreement", MEASURED))


def told(evaluation: hv.Evaluation, whole: hv.Evaluation) -> tuple[str, ...]:
    """The figures that the page must show, by the library."""
    from headviz.ui.panels.answers import loss_change

    return (
        numbers.share(evaluation.metrics["accuracy"].value),
        numbers.change(evaluation.against(whole), "accuracy"),
        numbers.share(evaluation.agreement(whole).value),
        loss_change(evaluation.loss_against(whole).value),
    )


@pytest.fixture(scope="module")
def demo() -> tuple[hv.Subject, hv.Data, hv.Evaluation]:
    subject, data = hv.load(DEMO), hv.load_data(DEMO, split="validation")
    return subject, data, hv.evaluate(subject, data)


def test_an_edit_is_predicted_and_measured_as_the_library_does(workshop: Visit, demo: Any) -> None:
    subject, data, whole = demo
    workshop.toggle("L2H5")
    mask = hv.Mask.full(subject).with_toggled(*workshop.cut_in_grid())
    assert figures(workshop) == told(hv.evaluate(subject, data, mask), whole)
    main = workshop.page.get_by_test_id("stMain")
    expect(main).to_contain_text(re.compile(r"Predicted change of the loss: \S+ nats, from 512 scored examples"))
    expect(main).to_contain_text("1,000 examples of demo/reviews (split validation)")


def test_teacher_prunes_everything_but_one_layer_and_sees_which_reviews_flip(workshop: Visit, demo: Any) -> None:
    subject, data, whole = demo
    workshop.slider("Heads to cut").focus()
    workshop.page.keyboard.press("Home")
    expect(workshop.sidebar).to_contain_text("0 of 32 heads cut")
    workshop.settled()
    for layer in (0, 1, 2):
        press(workshop, re.compile(rf"^L{layer}, layer {layer}: cut")).settled()
    cut = {f"L{layer}H{head}" for layer in range(3) for head in range(8)}
    assert workshop.cut_in_grid() == cut == workshop.cut_in_link(*HEADS)
    evaluation = hv.evaluate(subject, data, hv.Mask.full(subject).with_toggled(*cut))
    flipped = int((evaluation.predictions != whole.predictions).sum())
    main = workshop.page.get_by_test_id("stMain")
    expect(main).to_contain_text(f"Of 1,000 examples {flipped} predictions changed")
    expect(main).to_contain_text("No head is left in L0, L1, L2")
    expect(workshop.chart("Confusion matrix, with this mask")).to_be_visible()
    table = workshop.page.get_by_test_id("stDataFrame").first
    table.scroll_into_view_if_needed()
    box = table.bounding_box()
    assert box is not None
    workshop.page.mouse.click(box["x"] + 18, box["y"] + 52)  # the first row's box: the table is drawn on a canvas
    workshop.settled()
    expect(workshop.chart("Attention map of")).to_be_visible()


def test_suggestion_is_taken_and_a_step_of_history_brought_back(workshop: Visit) -> None:
    before = workshop.cut_in_grid()
    button = workshop.page.get_by_role("button", name=re.compile(r"^Cut L\dH\d \("))
    head = "L" + button.inner_text().partition("L")[2][:3]
    button.click()
    expect(workshop.sidebar).to_contain_text(f"{len(before) + 1} of 32 heads cut")
    assert workshop.settled().cut_in_grid() == before | {head}
    look_at(workshop, "History")
    expect(workshop.chart("Predicted against measured")).to_be_visible()
    table = workshop.page.get_by_test_id("stDataFrame").first
    table.scroll_into_view_if_needed()
    box = table.bounding_box()
    assert box is not None
    workshop.page.mouse.click(box["x"] + 18, box["y"] + 35 + 52)  # the second row: the step before
    press(workshop, re.compile("^Go back to step"))
    expect(workshop.sidebar).to_contain_text(f"{len(before)} of 32 heads cut")
    assert workshop.settled().cut_in_grid() == before


def test_improved_mask_is_used_and_its_final_figure_measured_apart(workshop: Visit) -> None:
    before = workshop.cut_in_grid()
    look_at(workshop, "Improve")
    workshop.page.get_by_test_id("stMain").get_by_text("50", exact=True).click()
    press(workshop.settled(), "Start improving")
    expect(workshop.page.get_by_role("button", name="Use the improved mask")).to_be_visible(timeout=LONG)
    press(workshop.settled(), "Use the improved mask").settled()
    after = workshop.cut_in_grid()
    assert after != before and len(after) == len(before)
    press(workshop, "Measure the final figure")
    expect(workshop.page.get_by_text("Final accuracy", exact=True)).to_be_visible(timeout=LONG)
    expect(workshop.page.get_by_test_id("stMain")).to_contain_text("2,000 examples of demo/reviews (split test)")


def test_two_visitors_editing_one_model_at_once_see_only_their_own(visitor: Callable[..., Visit], demo: Any) -> None:
    subject, data, whole = demo
    visits = [visitor().go("/mask", model=DEMO).opened(DEMO) for _ in range(2)]
    rngs = [np.random.default_rng(seed) for seed in range(2)]
    cut = [visit.cut_in_grid() for visit in visits]
    seen: list[tuple[frozenset[str], tuple[str, ...]]] = []
    for number in range(ROUNDS):
        for who, visit in enumerate(visits):  # nobody waits for the other
            head = f"L{rngs[who].integers(4)}H{rngs[who].integers(8)}"
            visit.head(head).click()
            cut[who] ^= {head}
        for who, visit in enumerate(visits):
            visit.settled()
            assert visit.cut_in_grid() == cut[who] == visit.cut_in_link(*HEADS), f"visitor {who}, edit {number}"
            seen.append((frozenset(cut[who]), figures(visit)))
    for heads, shown in seen:
        mask = hv.Mask.full(subject).with_toggled(*heads)
        assert shown == told(hv.evaluate(subject, data, mask), whole), sorted(heads)


def test_closed_tab_ends_its_background_work(visitor: Callable[..., Visit], serve: Callable[..., Any]) -> None:
    """The workers of a server are two: what two visitors left running would keep a third waiting for minutes."""
    server = serve()
    third = visitor(server).go("/")
    expect(third.page.get_by_role("button", name="Open the demo")).to_be_visible()
    busy = [visitor(server).go("/mask", model=DEMO).opened(DEMO) for _ in range(2)]
    for visit in busy:
        look_at(visit, "Improve")
        visit.page.get_by_test_id("stMain").get_by_text("1000", exact=True).click()
        press(visit.settled(), "Start improving")
        expect(visit.sidebar).to_contain_text("Trying swaps")
    third.page.get_by_role("button", name="Open the demo").click()
    expect(third.page.get_by_text("waiting for other work to end").first).to_be_visible(timeout=LONG)
    for visit in busy:
        visit.page.close()
    expect(third.sidebar).to_contain_text(DEMO, timeout=20_000)
