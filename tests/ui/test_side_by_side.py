"""Named masks side by side: names that are refused lose nothing, figures are those of the library, and masks are
measured one after another."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

import headviz as hv
from headviz.mask import Mask
from headviz.ui import numbers
from headviz.ui.jobs import Job, Jobs, Pool
from headviz.ui.measured import Measured
from headviz.ui.panels import side_by_side
from headviz.ui.panels.side_by_side import LONGEST, MOST, file_name, in_words, suggested_name, trouble_with
from headviz.ui.results import Results
from headviz.ui.taken import Taken
from tests.ui.conftest import said

Show = Callable[..., Any]


def panel() -> None:
    """A page of this panel alone, with the mask in hand being measured as the Mask page does."""
    from headviz.ui.measured import Measured
    from headviz.ui.page import current
    from headviz.ui.panels.side_by_side import side_by_side

    page = current()
    mask = page.results.mask()
    assert mask is not None
    Measured(page.results).ask(mask)
    side_by_side(page, mask)


class Held(Pool):
    """A pool whose jobs wait until a test runs them."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[Job] = []

    def submit(self, owner: int, job: Job) -> None:
        self.waiting.append(job)

    def run(self) -> str:
        """Do the one job that waits; which mask it was for does not show, so its title comes back."""
        (job,) = self.waiting
        self.waiting.clear()
        job.run()
        return job.state


@pytest.fixture
def show(made: Results, monkeypatch: pytest.MonkeyPatch) -> Show:
    """The panel with a mask in hand that cuts some heads, and named masks: ``show("L1H2", first=["L0H0"])``."""
    from streamlit.testing.v1 import AppTest

    monkeypatch.setattr("headviz.ui.page._jobs", lambda: made.jobs)
    monkeypatch.setattr("headviz.ui.page._shelf", lambda: made.shelf)

    def run(*heads: str, **named: list[str]) -> Any:
        made.session.named = {name: cutting(made, *cut) for name, cut in named.items()}
        made.session.choice.taken = Taken("earlier", cutting(made, *heads))
        at = AppTest.from_function(panel, default_timeout=60)
        at.session_state["headviz"] = made.session
        return again(at)

    return run


def cutting(made: Results, *heads: str) -> Mask:
    assert made.session.subject is not None
    return Mask.full(made.session.subject).with_toggled(*heads)


def again(at: Any) -> Any:
    at.run()
    assert not at.exception
    return at


def press(at: Any, label: str) -> Any:
    next(button for button in at.button if button.label == label).click()
    return again(at)


def figures(at: Any) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.metric}


def labels(at: Any) -> set[str]:
    return {button.label for button in at.button}


def text_of(at: Any) -> str:
    return "\n".join(block.value for block in at.markdown)


# -- names -------------------------------------------------------------------------------------------------------------


def test_without_names_the_page_says_what_to_do(show: Show) -> None:
    at = show("L1H2")
    assert "No mask is named yet." in text_of(at) and not at.error
    assert not at.selectbox and labels(at) == {"Save under this name"}


def test_mask_is_put_aside_under_the_suggested_name(show: Show, made: Results) -> None:
    at = show("L1H2")
    suggested = at.text_input[0].value
    press(at, "Save under this name")
    assert made.session.named == {suggested: cutting(made, "L1H2")}
    assert (at.selectbox(key="side_a").value, at.selectbox(key="side_b").value) == (suggested, "")
    assert "A and B cut the same heads" in text_of(at)
    assert at.text_input[0].value == f"{suggested} (2)"


def test_suggested_name_follows_the_mask_and_a_typed_one_stays(show: Show, made: Results) -> None:
    at = show("L1H2")
    made.session.choice.taken = Taken("earlier", cutting(made, "L1H2", "L1H3"))
    assert again(at).text_input[0].value.endswith("2 cut")
    at.text_input[0].input("mine")
    made.session.choice.taken = Taken("earlier", cutting(made, "L1H2"))
    assert again(at).text_input[0].value == "mine"


def test_suggested_name_follows_the_mask_after_a_run_that_never_came_to_the_field(show: Show, made: Results) -> None:
    at = show("L1H2")
    first = at.text_input[0].value
    made.session.choice.taken = Taken("earlier", cutting(made, "L1H2", "L1H3"))
    again(at)
    at.text_input[0].input(first)  # broken off before the field, the browser still holds and sends the name before
    made.session.choice.taken = Taken("earlier", cutting(made, "L1H2", "L1H3", "L0H0"))
    assert again(at).text_input[0].value.endswith("3 cut")


def test_name_that_is_there_gets_a_sentence_and_nothing_is_lost(show: Show, made: Results) -> None:
    at = show("L1H2", mine=["L0H0"])
    at.text_input[0].input("mine")
    press(at, "Save under this name")
    assert "There is a mask named mine already" in said(at)
    assert made.session.named == {"mine": cutting(made, "L0H0")}
    assert at.text_input[0].value == "mine"
    assert not again(at).error, "it is said once"


def test_names_are_shown_letter_by_letter(show: Show) -> None:
    name = "*a* :red[b] $c$"
    at = show("L1H2", **{name: ["L0H0"]})
    at.text_input[0].input(name)
    press(at, "Save under this name")
    assert not re.search(r"(?<!\\)[*$\[]", at.error[0].value)
    assert name not in text_of(at)
    assert at.selectbox(key="side_a").options == [name, "Current mask"]


def test_no_more_than_twenty_masks_are_named(show: Show, made: Results) -> None:
    at = show("L1H2", **{f"mask {number}": ["L0H0"] for number in range(MOST)})
    assert f"{MOST} masks are named, which is the most" in text_of(at) and not at.text_input
    press(at, "Delete A")
    assert len(made.session.named) == MOST - 1 and len(at.text_input) == 1


def test_deleting_a_name_leaves_the_others_and_the_mask_in_hand(show: Show, made: Results) -> None:
    at = show("L1H2", first=["L0H0"], last=["L0H1"])
    assert at.selectbox(key="side_a").value == "last"
    press(at, "Delete A")
    assert list(made.session.named) == ["first"] and at.selectbox(key="side_a").value == "first"
    assert made.mask() == cutting(made, "L1H2")


@pytest.mark.parametrize(
    ("name", "named", "trouble"),
    [
        ("", [], "The name is empty"),
        ("a" * (LONGEST + 1), [], f"has {LONGEST + 1} characters"),
        ("current mask", [], "is what the mask in the grid is called"),
        ("a", ["a"], "There is a mask named a already"),
        ("a", [str(number) for number in range(MOST)], f"{MOST} masks are named"),
    ],
)
def test_name_that_cannot_be_says_why(name: str, named: list[str], trouble: str) -> None:
    assert trouble in str(trouble_with(name, named))


def test_name_of_the_greatest_length_is_a_good_one() -> None:
    assert trouble_with("a" * LONGEST, ["b"]) is None


@pytest.mark.parametrize(
    ("criterion", "name"),
    [
        (None, "Mask, 1 cut"),
        ({"name": "hies", "options": {"alpha": 0.97}}, "HIES 0.970, 1 cut"),
        ({"name": "random", "by_hand": ["L0H1"]}, "Random, 1 by hand, 1 cut"),
        ({"name": "</b> of a file", "options": {"alpha": "x"}}, "Mask, 1 cut"),
    ],
)
def test_suggested_name_says_how_the_mask_came_about(criterion: dict[str, Any] | None, name: str) -> None:
    mask = Mask([[True, False]], provenance={"criterion": criterion})
    assert suggested_name(mask, []) == name
    assert suggested_name(mask, [name, f"{name} (2)"]) == f"{name} (3)"


@pytest.mark.parametrize(
    ("name", "file"),
    [("HIES 0.970, 22 cut", "HIES-0.970-22-cut.json"), ("../a/b", "a-b.json"), ("...", "mask.json")],
)
def test_file_of_a_mask_is_named_after_it(name: str, file: str) -> None:
    assert file_name(name) == file


# -- the two -----------------------------------------------------------------------------------------------------------


def test_heads_in_words_are_those_of_counting() -> None:
    a, b = Mask([[1, 1, 1, 0, 0]]), Mask([[0, 1, 1, 1, 0]])
    text = in_words(a, b)
    assert "Kept in both (no letter): 2. Only in A (A): 1. Only in B (B): 1. Cut in both (×): 1." in text
    assert "share 2 of the 4 heads that either keeps: Jaccard index 0.50." in text
    assert "share 1.8 on average and 1 to 3 in 95 % of cases, so that is within what chance gives" in text


def test_heads_shared_beyond_chance_are_called_so() -> None:
    half = Mask([[1] * 20 + [0] * 20])
    assert "so that is more than chance gives" in in_words(half, half)
    assert "so that is fewer than chance gives" in in_words(half, Mask([[0] * 20 + [1] * 20]))


def test_masks_that_keep_nothing_are_told_apart_by_nothing() -> None:
    text = in_words(Mask([[0, 0]]), Mask([[0, 0]]))
    assert "share 0 of the 0 heads" in text and "Jaccard index 1.00" in text


def test_used_mask_is_in_hand_and_undo_takes_it_back(show: Show, made: Results) -> None:
    at = show("L1H2", mine=["L0H0", "L2H1"])
    press(at, "Use A")
    assert made.mask() == cutting(made, "L0H0", "L2H1")
    made.session.undo()
    assert made.mask() == cutting(made, "L1H2")


def test_locks_that_stand_otherwise_are_told(show: Show, made: Results) -> None:
    made.session.choice.locks = {"L0H0": True, "L0H1": True}
    text = text_of(show("L1H2", mine=["L0H0"]))
    assert text.count("locked head") == 1 and "1 locked head differs here" in text


# -- measured ----------------------------------------------------------------------------------------------------------


def test_figures_are_those_of_evaluations_made_anew(show: Show, made: Results) -> None:
    at = press(show("L0H0", mine=["L1H2", "L2H3"]), "Measure both")
    assert made.session.subject is not None and made.session.data is not None
    data = made.session.data.selection
    a = hv.evaluate(made.session.subject, data, cutting(made, "L1H2", "L2H3"))
    b = hv.evaluate(made.session.subject, data, cutting(made, "L0H0"))
    change = (b.predictions == b.labels).mean() - (a.predictions == a.labels).mean()
    found = figures(at)
    assert found["Accuracy of A"] == numbers.share(float((a.predictions == a.labels).mean()))
    assert found["Accuracy of B"] == numbers.share(float((b.predictions == b.labels).mean()))
    assert found["Accuracy: B less A"] == f"{numbers.signed(100 * change, 1)} pts"
    assert found["Loss: B less A"] == f"{numbers.signed(float((b.loss - a.loss).mean()), 4)} nats"
    assert found["Agreement of A and B"] == numbers.share(float((a.predictions == b.predictions).mean()))
    assert f"On {len(data)} examples of" in text_of(at)


@pytest.mark.parametrize(
    ("low", "high", "noise"), [(-0.1, 0.2, True), (0.0, 0.2, True), (0.1, 0.2, False), (0.0, 0.0, False)]
)
def test_difference_whose_interval_holds_zero_could_be_noise(low: float, high: float, noise: bool) -> None:
    told = side_by_side._noise(hv.Estimate((low + high) / 2, low, high))
    assert told == (": could be noise" if noise else "")


def test_masks_are_measured_one_after_another(show: Show, made: Results) -> None:
    pool = Held()
    made.jobs = Jobs(pool)
    at = show("L0H0", first=["L1H2"], second=["L2H3"])
    at.selectbox(key="side_b").set_value("first")
    again(at)
    press(at, "Measure both")
    assert "The current mask is measured first" in text_of(at)
    states = []
    while pool.waiting:  # each run finds one job more at most, and none that stops another
        states.append(pool.run())
        again(at)
        again(at)
    assert states == ["done"] * 3
    assert "Accuracy: B less A" in figures(at)


def test_edit_meanwhile_is_measured_first_and_what_it_stopped_again(show: Show, made: Results) -> None:
    pool = Held()
    made.jobs = Jobs(pool)
    at = show("L0H0", mine=["L1H2"])
    press(at, "Measure both")
    assert pool.run() == "done"
    again(at)
    (stopped,) = pool.waiting
    made.session.choice.taken = Taken("earlier", cutting(made, "L0H1"))
    again(at)
    assert stopped.gave_way and len(pool.waiting) == 2
    pool.waiting.remove(stopped)
    stopped.run()
    assert pool.run() == "done"
    again(at)
    assert pool.run() == "done"
    assert "Accuracy: B less A" in figures(again(at))
    assert Measured(made).evaluation(cutting(made, "L1H2")) is not None


def test_measured_masks_need_no_button(show: Show, made: Results) -> None:
    at = press(show("L0H0", mine=["L1H2"]), "Measure both")
    assert "Measure both" not in labels(at)
    made.session.named["other"] = cutting(made, "L2H3")
    again(at).selectbox(key="side_a").set_value("other")
    assert "Measure both" in labels(again(at))
    at.selectbox(key="side_a").set_value("mine")
    assert "Accuracy: B less A" in figures(again(at))
