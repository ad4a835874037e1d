"""The head grid: one cell per head, edited by click, drag and keyboard (components v2, inline, nothing fetched)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from headviz.ui.grid.protocol import Edit, edit_of, numbers_of, picture_of

__all__ = ["Edit", "head_grid", "picture_of"]

_HERE = Path(__file__).parent


@cache
def _component() -> Callable[..., Any]:
    html, css, js = ((_HERE / f"grid.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js"))
    return st.components.v2.component("headviz.head_grid", html=html, css=css, js=js)


def head_grid(
    key: str,
    keep: np.ndarray,
    heads: Sequence[int],
    rev: int = 0,
    *,
    on_edit: Callable[[Edit | None], None] | None = None,
    editable: bool = True,
    locks: Iterable[str] = (),
    hand: Sequence[str] = (),
    rescued: Sequence[str] = (),
    values: np.ndarray | None = None,
    score_title: str = "",
    picked: str | None = None,
    whole: Mapping[str, str] | None = None,
    label: str = "Attention heads, one row per layer",
) -> None:
    """Draw the grid.

    ``keep`` (L, H) bool with the names of locked heads in ``locks`` is the server's picture and ``rev`` its revision,
    to be raised whenever something else than the grid changes the picture. ``on_edit`` gets what the visitor made of
    it, or None for an edit that was refused: raise ``rev`` then. ``hand`` and ``rescued`` name heads that get a mark.
    ``whole`` has the name of each head in the whole model, where this one is pruned.
    ``values`` (L, H), larger = more worth keeping, shade the heads by rank and are told under ``score_title``.
    With ``editable=False`` heads can be read one by one, and nothing is ever sent.
    """

    def changed() -> None:
        event = st.session_state[key].get("edit")
        if event is not None and on_edit is not None:
            on_edit(edit_of(event, rev, heads))

    shown, order = ([], []) if values is None else numbers_of(values, heads)
    data = {
        "heads": list(heads),
        "mask": picture_of(keep, heads, locks),
        "rev": rev,
        "hand": list(hand),
        "rescued": list(rescued),
        "values": shown,
        "places": order,
        "title": score_title,
        "picked": picked,
        "whole": [other if other != own else "" for own, other in (whole or {}).items()],
        "label": label,
        "editable": editable,
    }
    listening: dict[str, Any] = {"on_edit_change": changed} if editable else {}
    _component()(key=key, data=data, **listening)
