"""The masks of this visit, step by step with their quality, and how well the predictions of their effects held."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from headviz.spreadsheet import csv_of
from headviz.ui import charts, numbers, steps
from headviz.ui.controls import help_of
from headviz.ui.draw import draw
from headviz.ui.page import Page
from headviz.ui.taken import Taken

if TYPE_CHECKING:
    from headviz.mask import Mask

_FEWEST = 3  # measured edits, before their order is compared with that of the predictions


def history(page: Page, mask: Mask) -> None:
    """A table of steps to go back to, and predicted against measured."""
    table = steps.frame(page)
    left, right = st.columns([3, 2], gap="large")
    with left:
        _steps(page, table)
    with right:
        _trust(table)


def _steps(page: Page, table: pd.DataFrame) -> None:
    st.subheader("Steps", help=help_of("paired_difference"), anchor=False)
    metric = table.attrs["metric"]
    key = f"steps {len(table)}"  # another table, another selection
    shown = pd.DataFrame(
        {
            "Step": table["step"],
            "Change": table["what"],
            "Kept": table["kept"],
            "Predicted": table["predicted"].map(_nats),
            "Measured": [
                _with_interval(_nats(row.measured), _nats(row.low), _nats(row.high)) for row in table.itertuples()
            ],
            numbers.title_of(metric): [
                _with_interval(*("" if pd.isna(end) else numbers.quantity(end, metric) for end in ends))
                for ends in table[[metric, f"{metric}_low", f"{metric}_high"]].itertuples(index=False)
            ],
        }
    ).iloc[::-1]
    chosen = st.dataframe(
        shown, key=key, hide_index=True, on_select="rerun", selection_mode="single-row",
        alt="The masks of this visit, the newest first", height=min(380, 40 + 35 * len(shown)),
        column_config={
            "Predicted": st.column_config.TextColumn(help=help_of("predicted_change")),
            "Measured": st.column_config.TextColumn(help="Change of the mean loss from the step before."),
        },
    )  # fmt: skip
    rows = chosen.selection.rows
    with st.container(horizontal=True, key="history_actions"):
        if rows:
            number = int(shown.iloc[rows[0]]["Step"])
            st.button(
                f"Go back to step {number}", key="go_back", icon=":material/history:", on_click=_go_back,
                args=(page, number),
            )  # fmt: skip
        else:
            st.markdown("Choose a row to go back to its mask. Predicted and measured: change of the loss, in nats.")
        st.download_button(
            "Download CSV", lambda: csv_of(table), "steps.csv", "text/csv", key="download_steps",
            on_click="ignore", icon=":material/download:",
        )  # fmt: skip


def _go_back(page: Page, number: int) -> None:
    page.results.take(Taken("earlier", page.session.steps[number].mask, f"step {number}"))


def _trust(table: pd.DataFrame) -> None:
    """Whether the predictions of this visit's edits can be trusted, by what was measured of them."""
    st.subheader("Predicted against measured", help=help_of("predicted_change"), anchor=False)
    edits = table.dropna(subset=["predicted", "measured"])[["what", "predicted", "measured", "low", "high"]]
    if edits.empty:
        st.markdown("Each edit adds a mark here once it is measured, to show how far predictions can be trusted.")
        return
    drawing = charts.predictions(edits.assign(newest=edits.index == edits.index[-1]).round(6))
    draw(drawing, key="predictions", alt="Predicted against measured change of the loss, a mark per edit")
    st.markdown(_how_well(edits))


def _how_well(edits: pd.DataFrame) -> str:
    clear = edits[(edits["low"] > 0) | (edits["high"] < 0)]
    right = int((clear["predicted"] * clear["measured"] > 0).sum())
    text = "Dashed: predicted and measured alike; diamond: the last edit; whiskers: 95 % intervals. "
    if clear.empty:
        return text + "No edit so far changed the loss by more than noise."
    text += (
        f"Of {len(clear)} edits that changed the loss beyond noise, the prediction had the right direction for {right}."
    )
    if len(edits) >= _FEWEST and edits[["predicted", "measured"]].nunique().min() > 1:
        ranks = edits[["predicted", "measured"]].rank().to_numpy()
        correlation = numbers.signed(float(pd.DataFrame(ranks).corr().iloc[0, 1]), 2)
        text += f" Rank correlation over all {len(edits)}: {correlation}."
    return text


def _nats(value: float) -> str:
    return "" if pd.isna(value) else numbers.signed(value, 4)


def _with_interval(value: str, low: str, high: str) -> str:
    return f"{value} ({low} to {high})" if value else ""
