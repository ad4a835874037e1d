"""The cost of a mask as it is: what cutting its heads out would save, by layer, and how many heads each layer keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from headviz.ui import charts, numbers
from headviz.ui.controls import help_of
from headviz.ui.draw import draw
from headviz.ui.errors import shown
from headviz.ui.page import Page
from headviz.ui.panels import cut
from headviz.ui.panels.figures import figure, places
from headviz.units import in_bytes

if TYPE_CHECKING:
    import pandas as pd

    from headviz.mask import Mask
    from headviz.subject import Subject

_TOKENS = 128
_UNITS = {"parameters": "Parameters", "flops": "FLOPs per token"}


def savings(page: Page, mask: Mask) -> None:
    """Parameters, FLOPs and memory of the heads that ``mask`` cuts, and what is left per layer."""
    st.header("Cost of the mask as it is", help=help_of("pruning", "flops"), anchor=False)
    with shown():  # a family whose weights headviz does not know still has layers to look at
        _cost(page, mask)
    cut.per_layer(page, mask)


def _cost(page: Page, mask: Mask) -> None:
    from headviz.cost import cost

    subject = page.session.subject
    assert subject is not None
    st.markdown(
        "A mask alone saves nothing: the weights of cut heads stay and are still computed. The figures are what "
        "physical pruning saves, once the heads are cut out of the weights. FLOPs are counted from shapes, not from a "
        "clock. Embeddings and feed-forward parts stay as they are."
    )
    tokens = _text_length(subject.max_length)
    table = cost(subject, mask, tokens=tokens)
    _figures(subject, table, tokens)
    if (table["parameters"] == 0).any():
        st.markdown(
            "This model uses the same weights in several layers. They count once, in their first use, and are saved "
            "only for heads that are cut in every use; FLOPs count in each use."
        )
    _by_layer(table, tokens)


def _text_length(longest: int) -> int:
    key = f"cost_tokens {longest}"  # another limit, another field
    return int(
        st.number_input(
            f"Length of a text, 1 to {longest:,} tokens", 1, longest, min(_TOKENS, longest), key=key, step=1,
            persist_state="session", width=260,
            help="Attention compares each token with every other, so longer texts take more FLOPs per token. It "
            "changes neither parameters nor memory.",
        )
    )  # fmt: skip


def _figures(subject: Subject, table: pd.DataFrame, tokens: int) -> None:
    from headviz.cost import weight_bytes

    whole, saved = table.sum(), int(table["parameters_saved"].sum())
    columns = places(3, "savings")
    figure(
        columns[0],
        "Parameters saved",
        numbers.count(saved),
        f"{_of(saved, whole['parameters'])} of attention, {_of(saved, subject.parameters)} of the model's "
        f"{numbers.count(subject.parameters)}",
        "pruning",
    )
    flops = int(whole["flops_saved"])
    figure(
        columns[1],
        "FLOPs saved per token",
        numbers.count(flops),
        f"{_of(flops, whole['flops'])} of attention's {numbers.count(int(whole['flops']))}, at {tokens:,} tokens",
        "flops",
    )
    figure(
        columns[2],
        "Memory saved",
        in_bytes(int(whole["bytes_saved"])),
        f"of {in_bytes(weight_bytes(subject))} of weights, {subject.dtype}",
        explained="Bytes of the weights that would be gone, estimated from shapes and the precision that the model "
        "was opened in. What a run needs on top is not counted.",
    )


def _by_layer(table: pd.DataFrame, tokens: int) -> None:
    unit = st.segmented_control(
        "By layer", list(_UNITS), key="cost_unit", default="parameters", required=True, persist_state="session",
        format_func=lambda name: _UNITS[name],
    ) or "parameters"  # fmt: skip
    layers = table[["layer", unit, f"{unit}_saved"]].rename(columns={unit: "all", f"{unit}_saved": "saved"})
    title = "Parameters of attention" if unit == "parameters" else f"FLOPs of attention per token, at {tokens:,} tokens"
    draw(
        charts.savings(layers, title=title), key="savings_chart", alt=f"{title}: what stays and what is saved by layer"
    )


def _of(part: float, whole: float) -> str:
    return numbers.share(float(part) / float(whole)) if whole else "none"
