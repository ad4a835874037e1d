"""The report as a file to take home: one page of HTML that opens without a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from headviz.ui import report_home
from headviz.ui.controls import help_of
from headviz.ui.page import Page
from headviz.ui.panels.speed import known_speed
from headviz.ui.report import written

if TYPE_CHECKING:
    from headviz.mask import Mask


def report(page: Page, mask: Mask) -> None:
    """What it holds, and the file."""
    st.header("Report", help=help_of("provenance", "evaluation"), anchor=False)
    made = report_home.report_of(page.results, mask, known_speed(page.results, mask))
    figures = "the measured figures" if made.measured else "figures once they are measured"
    st.markdown(
        "One HTML file that opens in any browser without a network, and prints: model, data, criterion, the mask as a "
        f"picture and a list, what each head is worth, {figures}, savings and provenance."
    )
    content = written(made).encode("utf-8")
    st.download_button(
        f"Download report ({len(content) / 1000:,.0f} kB)", content, "report.html", "text/html",
        key="download.html", on_click="ignore", icon=":material/download:",
    )  # fmt: skip
