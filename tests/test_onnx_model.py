"""ONNX files that other programs wrote, or nobody should have."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import headviz as hv
from headviz.onnx_model import OnnxModel, open_onnx

onnx = pytest.importorskip("onnx", reason="ONNX is not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
CHECKOUT = Path(__file__).resolve().parent.parent
INPUTS = {"input_ids": torch.tensor([[1, 2], [3, 4]]), "attention_mask": torch.ones(2, 2, dtype=torch.int64)}


def written(path: Path, *, takes: tuple[str, ...] = ("input_ids",), gives: str = "logits", record: str = "{}") -> Path:
    """A model whose logits are its first input's ids as floats."""
    helper, of = onnx.helper, onnx.TensorProto
    inputs = [helper.make_tensor_value_info(name, of.INT64, ["batch", "length"]) for name in takes]
    output = helper.make_tensor_value_info(gives, of.FLOAT, ["batch", "length"])
    nodes = [helper.make_node("Cast", [takes[0]], [gives], to=of.FLOAT)]
    model = helper.make_model(
        helper.make_graph(nodes, "made", inputs, [output]), opset_imports=[helper.make_opsetid("", 20)], ir_version=10
    )
    model.metadata_props.add(key="headviz", value=record)
    onnx.save_model(model, path)
    return path


def test_logits_are_what_the_file_computes_of_the_inputs_it_takes(tmp_path: Path) -> None:
    model = open_onnx(written(tmp_path / "made.onnx", record='{"format": "headviz.onnx"}'))
    assert model.inputs == ("input_ids",) and model.name == "made.onnx" and len(model.fingerprint) == 16
    assert model.record == {"format": "headviz.onnx"}
    assert torch.equal(model.logits(INPUTS), torch.tensor([[1.0, 2.0], [3.0, 4.0]]))


@pytest.mark.parametrize("record", ["", "no JSON", "[1]"])
def test_record_that_is_none_of_ours_is_empty(record: str, tmp_path: Path) -> None:
    assert open_onnx(written(tmp_path / "made.onnx", record=record)).record == {}


@pytest.mark.parametrize(
    ("parts", "said"),
    [({"takes": ("pixels",)}, "does not turn input_ids into logits"), ({"gives": "scores"}, "does not turn input_ids")],
)
def test_file_that_is_no_classifier_is_refused(parts: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(hv.ExportError, match=said):
        open_onnx(written(tmp_path / "made.onnx", **parts))


def test_input_that_the_texts_do_not_have_is_named(tmp_path: Path) -> None:
    model = open_onnx(written(tmp_path / "made.onnx", takes=("input_ids", "bbox")))
    with pytest.raises(hv.ExportError, match="asks for 'bbox', which this model's texts do not have"):
        model.logits(INPUTS)


def test_broken_or_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(hv.ExportError, match="cannot be opened by onnxruntime"):
        OnnxModel(b"no protobuf", "broken.onnx")
    with pytest.raises(hv.ExportError, match="cannot be read: No such file"):
        open_onnx(tmp_path / "absent.onnx")


def test_opening_a_file_leaves_no_id_of_the_machine_at_home_and_so_sends_none(tmp_path: Path) -> None:
    path, home = written(tmp_path / "made.onnx"), tmp_path / "home"
    home.mkdir()
    values = {key: value for key, value in os.environ.items() if not key.startswith(("ORT_", "XDG_"))}
    code = "import sys; from headviz.onnx_model import open_onnx; print(open_onnx(sys.argv[1]).name)"
    told = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        env={**values, "HOME": str(home), "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == "made.onnx"
    assert [file for file in home.rglob("*") if "onnxruntime" in str(file)] == []
