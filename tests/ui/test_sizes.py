"""One size, one figure: what a cut saves is told alike on Export, on Mask, in the report and on the command line."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import headviz as hv
from headviz.cli import main
from headviz.cost import cost, pruned_bytes, weight_bytes
from headviz.ui.report.content import Report
from headviz.ui.report.tables import savings
from headviz.units import in_bytes
from tests.tiny import save_tiny

CUT = ("L0H1", "L1H0", "L2H3")
# Of the model below: a head of size 512 / 4 in a width of 512 has four projections and three biases. In float32 the
# three save 3.2 million bytes, which megabytes of 2**20 would call 3.0.
SAVED = 3 * (4 * 512 * 128 + 3 * 128)


@pytest.fixture(scope="module")
def wide_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("wide") / "model", hidden=512)


@pytest.mark.parametrize(("dtype", "saved"), [("float32", "3.2 MB"), ("float16", "1.6 MB")])
def test_saving_is_one_figure_on_the_page_in_the_report_and_on_the_command_line(
    app: Callable[..., Any],
    wide_folder: Path,
    tiny_file: Path,
    dtype: str,
    saved: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from headviz.ui.taken import Taken
    from tests.ui.conftest import send

    assert saved == in_bytes(SAVED * {"float32": 4, "float16": 2}[dtype])
    subject = hv.load(wide_folder)
    mask = hv.Mask.full(subject).with_toggled(*CUT)
    at = app()
    send(at, model_source=str(wide_folder))
    send(at, data_source=str(tiny_file))
    at.session_state["headviz"].choice.taken = Taken("earlier", mask)
    at.switch_page("pages/export.py").run()
    at.segmented_control(key="model_form").set_value("pruned").run()
    at.segmented_control(key=f"dtype {subject.fingerprint}").set_value(dtype).run()
    assert not at.exception
    (below,) = [metric.delta for metric in at.metric if metric.label == "Smaller by"]
    assert below == f"{saved} in {dtype}"

    mask.save(tmp_path / "mask.json")
    call = ["prune", str(wide_folder), str(tmp_path / "mask.json"), "-o", str(tmp_path / "pruned"), "--dtype", dtype]
    assert main(call) == 0
    (weights,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("weights ")]
    assert weights.endswith(f"% less, {saved} in {dtype})")
    before, after = weight_bytes(subject, dtype), pruned_bytes(subject, mask, dtype=dtype)
    assert re.split(r"\s{2,}", weights)[1] == f"{in_bytes(before)} -> {in_bytes(after)}"

    if dtype == "float32":  # what the model was opened in, and what these two speak of
        at.switch_page("pages/mask.py").run().segmented_control(key="view").set_value("Cost and layers").run()
        (memory,) = [one for one in at.metric if one.label == "Memory saved"]
        assert (memory.value, memory.delta) == (saved, f"of {in_bytes(before)} of weights, {dtype}")
        report = Report(mask, subject, {}, savings=cost(subject, mask))
        assert dict(savings(report))["Weights saved"] == f"{saved} in {dtype}"
