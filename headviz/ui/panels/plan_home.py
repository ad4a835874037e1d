"""Taking a plan along: its mask to the Mask page, the plan and its signatures as files."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import streamlit as st

from headviz.complementarity.plan import Plan
from headviz.ui import controls, numbers
from headviz.ui.controls import emphasis
from headviz.ui.page import Page
from headviz.ui.panels.plan_settings import PARTS
from headviz.ui.plans import Plans
from headviz.ui.shell import NAVIGATION
from headviz.ui.taken import Taken


def take_home(page: Page, plan: Plan) -> None:
    mask, session = plan.mask, page.session
    signatures = Plans(page.results).signatures()
    in_hand = (taken := session.choice.taken) is not None and taken.kind == "plan" and taken.mask == mask

    def use() -> None:
        page.results.take(Taken("plan", mask))
        controls.draw_again((NAVIGATION, PARTS[1]))  # the address first: the link below carries it

    with st.container(horizontal=True, vertical_alignment="center", key="take_plan"):
        st.button(
            f"Use this mask ({numbers.many(len(mask.pruned), 'head')} cut)", key="use_plan", type=emphasis(),
            icon=":material/content_cut:", disabled=in_hand, on_click=use,
            help="It becomes the current mask on the Mask and Export pages, in the criterion's place. Undo on the Mask "
            "page takes that back.",
        )  # fmt: skip
        st.download_button(
            "Download the plan", lambda: _content(plan), "plan.parquet", "application/vnd.apache.parquet",
            key="download_plan", on_click="ignore", icon=":material/download:", help="hv.open_plan reads it back.",
        )  # fmt: skip
        if signatures is not None:
            st.download_button(
                "Download the signatures", lambda: _content(signatures, ".npz"), "signatures.npz",
                "application/octet-stream", key="download_signatures", on_click="ignore", icon=":material/download:",
                help="hv.open_signatures reads them back.",
            )  # fmt: skip
        if in_hand:
            st.page_link(
                "pages/mask.py", label="It is the current mask: go on to Mask", icon=":material/arrow_forward:",
                query_params=session.written or None,
            )  # fmt: skip


def _content(thing: Any, suffix: str = ".parquet") -> bytes:
    with tempfile.TemporaryDirectory(prefix="headviz-") as folder:
        path = Path(folder) / f"thing{suffix}"
        thing.save(path)
        return path.read_bytes()
