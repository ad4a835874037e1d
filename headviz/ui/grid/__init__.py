"""The head grid: one button per head, edited by click, drag and keyboard (components v2, inline code, nothing
fetched)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from headviz.ui.grid.protocol import keep_of_edit, rows_of

_HERE = Path(__file__).parent
_HINT = "Click a head to cut or restore it; drag over several; or arrow keys and space."


@cache
def _component() -> Callable[..., Any]:
    html, css, js = ((_HERE / f"grid.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js"))
    return st.components.v2.component("headviz.head_grid", html=html, css=css, js=js)


def head_grid(
    key: str,
    keep: np.ndarray,
    heads: Sequence[int],
    rev: int,
    *,
    on_edit: Callable[[np.ndarray | None, str | None], None],
    hand: Sequence[str] = (),
    notes: Sequence[str] = (),
    shade: Sequence[float] = (),
    picked: str | None = None,
) -> None:
    """Draw the grid. ``keep`` (L, H) bool and ``rev`` are the server's picture; ``on_edit(keep, last)`` gets the
    mask the visitor made and the head touched last, or ``(None, None)`` for an edit to refuse. ``notes`` and
    ``shade`` go by heads in reading order: a few words and a darkness from 0 to 1."""

    def changed() -> None:
        event = st.session_state[key].get("edit")
        if event is None:
            return
        made = keep_of_edit(event, rev, heads)
        on_edit(made, _last(event) if made is not None else None)

    _component()(
        key=key,
        data={
            "heads": list(heads),
            "mask": rows_of(keep, heads),
            "rev": rev,
            "hand": list(hand),
            "notes": list(notes),
            "shade": list(shade),
            "picked": picked,
            "label": "Attention heads: one row per layer, pressed means kept",
            "hint": _HINT,
        },
        on_edit_change=changed,
    )


def _last(event: Mapping[str, Any]) -> str | None:
    last = event.get("last")
    return last if isinstance(last, str) and len(last) < 12 else None
