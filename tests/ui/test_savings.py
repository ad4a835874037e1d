"""The cost panel: figures worked out by hand for a tiny model, and sentences where there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import headviz as hv
from headviz.mask import Mask
from headviz.ui.results import Results
from headviz.ui.state import OpenedModel
from headviz.ui.taken import Taken
from tests.tiny import MAX_LENGTH, tiny_model
from tests.ui.conftest import said

A_HEAD = 4 * 32 * 8 + 3 * 8  # parameters of a head of size 8 in a width of 32: four projections, three biases


def panel() -> None:
    """A page of this panel alone."""
    from headviz.ui.page import current
    from headviz.ui.panels.savings import savings

    page = current()
    mask = page.results.mask()
    assert mask is not None
    savings(page, mask)


@pytest.fixture
def shown(made: Results, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """The panel for a mask that cuts some heads: ``shown("L1H2")``."""
    from streamlit.testing.v1 import AppTest

    monkeypatch.setattr("headviz.ui.page._jobs", lambda: made.jobs)
    monkeypatch.setattr("headviz.ui.page._shelf", lambda: made.shelf)

    def show(*heads: str) -> Any:
        assert made.session.subject is not None
        made.session.choice.taken = Taken("earlier", Mask.full(made.session.subject).with_toggled(*heads))
        at = AppTest.from_function(panel, default_timeout=60)
        at.session_state["headviz"] = made.session
        at.run()
        assert not at.exception
        return at

    return show


def figures(at: Any) -> dict[str, tuple[str, str]]:
    return {metric.label: (metric.value, metric.delta) for metric in at.metric}


def text_of(at: Any) -> str:
    return "\n".join(block.value for block in at.markdown)


def charts_of(at: Any) -> int:
    return len(at.get("vega_lite_chart"))


def test_figures_of_one_head_are_worked_out_by_hand(shown: Callable[..., Any], made: Results) -> None:
    found = figures(shown("L1H2"))
    subject = made.session.subject
    assert subject is not None
    attention = 12 * A_HEAD + 3 * 32  # and the bias of each layer's output projection
    flops = 8 * 32 * 8 + 4 * MAX_LENGTH * 8
    value, below = found["Parameters saved"]
    assert value == "1.05 k" and below.startswith(f"{100 * A_HEAD / attention:.1f} % of attention, ")
    assert f"{100 * A_HEAD / subject.parameters:.1f} % of the model's" in below
    value, below = found["FLOPs saved per token"]
    assert value == f"{flops / 1000:.2f} k" and below == "8.3 % of attention's 39.9 k, at 40 tokens"
    value, below = found["Memory saved"]
    assert value == "4.2 kB" and below == f"of {4 * subject.parameters / 1000:.1f} kB of weights, float32"


def test_longer_texts_take_more_flops_and_no_more_memory(shown: Callable[..., Any]) -> None:
    at = shown("L1H2")
    before = figures(at)
    at.number_input(key=f"cost_tokens {MAX_LENGTH}").set_value(10).run()
    after = figures(at)
    assert after["FLOPs saved per token"][0] == f"{(8 * 32 * 8 + 4 * 10 * 8) / 1000:.2f} k"
    assert [after[name] == before[name] for name in ("Parameters saved", "Memory saved")] == [True, True]


def test_text_is_no_longer_than_the_model_takes(shown: Callable[..., Any]) -> None:
    field = shown("L1H2").number_input(key=f"cost_tokens {MAX_LENGTH}")
    assert (field.min, field.max, field.value) == (1, MAX_LENGTH, MAX_LENGTH)


def test_page_says_that_a_mask_alone_saves_nothing(shown: Callable[..., Any]) -> None:
    text = text_of(shown("L1H2"))
    assert "A mask alone saves nothing" in text and "not from a clock" in text
    assert "same weights in several layers" not in text


def test_no_head_cut_saves_nothing(shown: Callable[..., Any]) -> None:
    found = figures(shown())
    assert [found[name][0] for name in ("Parameters saved", "FLOPs saved per token", "Memory saved")] == [
        "0", "0", "0 bytes",
    ]  # fmt: skip


def test_bars_follow_the_unit(shown: Callable[..., Any]) -> None:
    at = shown("L1H2")
    assert charts_of(at) == 2
    at.segmented_control(key="cost_unit").set_value("flops").run()
    assert not at.exception
    assert "FLOPs of attention per token" in str(at.get("vega_lite_chart")[0].proto)


def test_shared_layers_say_when_their_parameters_are_saved(shown: Callable[..., Any], made: Results) -> None:
    albert = hv.Subject.wrap(*tiny_model("albert"), name="tiny")
    made.session.open_model(OpenedModel(albert, "albert", albert.fingerprint))
    at = shown("L1H2")
    assert "saved only for heads that are cut in every use" in text_of(at)
    assert figures(at)["Parameters saved"][0] == "0" != figures(at)["FLOPs saved per token"][0]
    assert figures(shown("L0H2", "L1H2", "L2H2"))["Parameters saved"][0] == "1.05 k"


def test_family_outside_the_table_gets_a_sentence_and_its_layers(
    shown: Callable[..., Any], made: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert made.session.subject is not None
    monkeypatch.setattr(made.session.subject.model.config, "model_type", "unheard-of")
    at = shown("L1H2")
    assert "does not know where a model of the family 'unheard-of' keeps" in said(at)
    assert charts_of(at) == 1 and not figures(at)
