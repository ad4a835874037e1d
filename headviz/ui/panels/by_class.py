"""A figure of each class: in the sentence where classes are few, else its range, with a table to open."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from headviz.ui.errors import plain

MOST = 12  # classes that a sentence names


def in_sentence(values: Mapping[str, Any], form: Callable[[Any], str]) -> str:
    """Each class with its value as ``form`` writes it; of many, how many there are, and the least and the most."""
    if len(values) <= MOST:
        return ", ".join(f"{plain(name)} {form(value)}" for name, value in values.items())
    least, most = (found(values, key=lambda name: values[name]) for found in (min, max))
    return (
        f"{len(values):,} classes, from {form(values[least])} ({plain(_short(least))}) to {form(values[most])} "
        f"({plain(_short(most))})"
    )


def table(values: Mapping[str, Any], column: str, *, key: str) -> None:
    """All values of many classes, behind a click; nothing where the sentence has named them all."""
    if len(values) <= MOST:
        return
    import pandas as pd

    with st.expander(f"{column} of all {len(values):,} classes"):
        rows = pd.DataFrame({"Class": list(values), column: list(values.values())})
        st.dataframe(rows, hide_index=True, height=320, key=key)


def _short(name: str) -> str:
    return name if len(name) <= 40 else f"{name[:39]}…"
