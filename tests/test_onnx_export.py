"""ONNX files against the masked model in torch, and every refusal with nothing left behind."""

from __future__ import annotations

import errno
import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import torch

import headviz as hv
from headviz import onnx_export
from headviz.onnx_model import OnnxModel, open_onnx
from tests.test_no_trace import state
from tests.tiny import FAMILIES, LABELS, tiny_model, tiny_texts

onnx = pytest.importorskip("onnx", reason="ONNX is not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
TEXTS = [(text,) for text in tiny_texts(12)]


def subject_of(family: str, **config: Any) -> hv.Subject:
    return hv.Subject.wrap(*tiny_model(family, **config), name=f"tiny-{family}")


def mask_of(subject: hv.Subject) -> hv.Mask:
    """One head of the first layer and all of the second; one head of the shared layer where weights carry no more."""
    if subject.family == "albert":
        return hv.Mask.full(subject).with_toggled(*(f"L{layer}H1" for layer in range(subject.layers)))
    return hv.Mask.full(subject).with_toggled("L0H1", *(f"L1H{head}" for head in range(4)))


@torch.no_grad()
def largest_difference(subject: hv.Subject, mask: hv.Mask | None, model: OnnxModel) -> float:
    """From the gated model, over batches of one text, of five and of all: alone, padded, of many lengths."""
    encoded, worst = subject.encode(TEXTS), 0.0
    gates = None if mask is None else subject.gates(mask.keep)
    for size in (1, 5, len(TEXTS)):
        for batch in encoded.batches(batch_size=size):
            ours = subject.forward(batch.inputs, gates=gates).float()
            worst = max(worst, (model.logits(batch.inputs) - ours).abs().max().item())
    return worst


@pytest.fixture(scope="module")
def subject() -> hv.Subject:
    return subject_of("bert")


@pytest.fixture(scope="module")
def exported(subject: hv.Subject, tmp_path_factory: pytest.TempPathFactory) -> Path:
    before = state(subject.model)
    path = hv.export_onnx(subject, tmp_path_factory.mktemp("onnx") / "model.onnx", mask=mask_of(subject))
    assert state(subject.model) == before
    return path


@pytest.fixture
def ready_graph(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The graph of `exported` at once, so that what comes after can be tested in no time."""
    monkeypatch.setattr(onnx_export, "_graph", lambda *_: onnx.load_model(exported))


def test_exported_file_gives_the_masked_logits_at_any_batch_and_length(subject: hv.Subject, exported: Path) -> None:
    mask = mask_of(subject)
    assert largest_difference(subject, mask, open_onnx(exported)) < 2e-5  # float32 rounding: logits are about 3
    assert largest_difference(subject, None, open_onnx(exported)) > 1e-2


def test_exported_file_says_what_it_takes_and_gives(exported: Path) -> None:
    graph = onnx.load_model(exported).graph

    def shapes(values: Any) -> dict[str, list[Any]]:
        dims = {one.name: one.type.tensor_type.shape.dim for one in values}
        return {name: [dim.dim_param or dim.dim_value for dim in each] for name, each in dims.items()}

    names = ["input_ids", "attention_mask", "token_type_ids"]
    assert [one.name for one in graph.input] == names
    assert shapes(graph.input) == {name: ["batch", "length"] for name in names}
    assert shapes(graph.output) == {"logits": ["batch", 3]}


def test_exported_file_carries_its_record_and_nothing_of_the_machine(subject: hv.Subject, exported: Path) -> None:
    record = open_onnx(exported).record
    assert (record["format"], record["version"], record["labels"]) == ("headviz.onnx", 1, list(LABELS))
    assert record["model"]["fingerprint"] == subject.fingerprint and record["model"]["heads"] == [4, 4, 4]
    assert record["pruned_heads"] == {"0": [1], "1": [0, 1, 2, 3]}
    assert 0 < record["check"]["largest_difference"] < 2e-5 < record["check"]["largest_logit"]
    content = exported.read_bytes()
    assert b"site-packages" not in content and b".py" not in content and str(exported.parent).encode() not in content


def test_pruned_model_with_an_empty_layer_gives_its_logits(subject: hv.Subject, tmp_path: Path) -> None:
    pruned = hv.prune(subject, mask_of(subject))
    assert pruned.heads == (3, 0, 4)
    model = open_onnx(hv.export_onnx(pruned, tmp_path / "model.onnx"))
    assert largest_difference(pruned, None, model) < 2e-5
    assert largest_difference(subject, mask_of(subject), model) < 2e-5
    assert model.record["model"]["heads"] == [3, 0, 4]


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_whole_masked_and_pruned_gives_its_logits(family: str, tmp_path: Path) -> None:
    whole = subject_of(family)
    pruned = hv.prune(whole, mask_of(whole))
    for subject, mask in ((whole, None), (whole, mask_of(whole)), (pruned, None)):
        model = open_onnx(hv.export_onnx(subject, tmp_path / "model.onnx", mask=mask))
        assert ("token_type_ids" in model.inputs) == subject.segments
        assert largest_difference(subject, mask, model) < 2e-5


@pytest.mark.slow
@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_decoders_in_memory_give_their_logits(family: str, tmp_path: Path) -> None:
    subject = subject_of(family, layers=2)
    assert largest_difference(subject, None, open_onnx(hv.export_onnx(subject, tmp_path / "model.onnx"))) < 2e-5


@pytest.mark.slow
def test_half_precision_becomes_float32_and_answers_within_its_rounding(tmp_path: Path) -> None:
    model, tokenizer = tiny_model("bert")
    whole = hv.Subject.wrap(model.to(torch.bfloat16), tokenizer, name="half")
    model = open_onnx(hv.export_onnx(whole, tmp_path / "model.onnx"))
    assert largest_difference(whole, None, model) < 0.2  # bfloat16 has 8 bits, and logits are about 3
    assert next(whole.model.parameters()).dtype == torch.bfloat16


# Refusals, each with nothing written


@pytest.mark.parametrize("error", [0.1, float("nan")])
@pytest.mark.usefixtures("ready_graph")
def test_file_that_answers_otherwise_is_not_kept(
    error: float, subject: hv.Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = OnnxModel.logits
    monkeypatch.setattr(OnnxModel, "logits", lambda model, inputs: right(model, inputs) + error)
    with pytest.raises(hv.ExportError, match="answers otherwise in onnxruntime: a logit differs by"):
        hv.export_onnx(subject, tmp_path / "model.onnx", mask=mask_of(subject))
    assert os.listdir(tmp_path) == []


@pytest.mark.usefixtures("ready_graph")
def test_file_of_another_mask_is_not_kept(subject: hv.Subject, tmp_path: Path) -> None:
    with pytest.raises(hv.ExportError, match="answers otherwise"):
        hv.export_onnx(subject, tmp_path / "model.onnx")
    assert os.listdir(tmp_path) == []


@pytest.mark.usefixtures("ready_graph")
def test_full_disk_leaves_the_file_that_was_there(
    subject: hv.Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "model.onnx").write_bytes(b"before")
    monkeypatch.setattr("headviz.files.os.fsync", full)
    with pytest.raises(hv.ExportError, match="the disk is full"):
        hv.export_onnx(subject, tmp_path / "model.onnx", mask=mask_of(subject))
    assert os.listdir(tmp_path) == ["model.onnx"] and (tmp_path / "model.onnx").read_bytes() == b"before"


@pytest.mark.usefixtures("ready_graph")
def test_progress_is_told_and_a_cancel_leaves_nothing(subject: hv.Subject, tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    stop = threading.Event()

    def on_progress(*step: Any) -> None:
        told.append(step)
        if step[0] == 2:
            stop.set()

    with pytest.raises(hv.Cancelled):
        hv.export_onnx(subject, tmp_path / "model.onnx", mask=mask_of(subject), on_progress=on_progress, cancel=stop)
    assert sorted(set(told)) == [(done, 3, "writing the ONNX file") for done in (0, 1, 2)]
    assert os.listdir(tmp_path) == []


def test_exporter_that_fails_is_one_sentence(
    subject: hv.Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError("advice on how to report this") from ValueError("no such operator\nand much more")

    monkeypatch.setattr(torch.onnx, "export", fails)
    with pytest.raises(hv.ExportError, match=r"torch says ValueError: no such operator\. Save a folder"):
        hv.export_onnx(subject, tmp_path / "model.onnx")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("package", ["onnx", "onnxscript", "onnxruntime"])
def test_missing_package_is_told_with_the_command_that_installs_it(
    package: str, subject: hv.Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(hv.ExportError, match=rf"package {package}, .*pip install 'headviz\[onnx\]'"):
        hv.export_onnx(subject, tmp_path / "model.onnx")


@pytest.mark.parametrize(
    ("name", "said"),
    [("model.bin", r"end in \.onnx"), ("absent/model.onnx", "folder does not exist"), ("folder.onnx", "is a folder")],
)
def test_path_that_will_not_do_is_refused_before_the_work(
    name: str, said: str, subject: hv.Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder.onnx").mkdir()
    monkeypatch.setattr(onnx_export, "_graph", lambda *_: pytest.fail("the work had begun"))
    with pytest.raises(hv.ExportError, match=said):
        hv.export_onnx(subject, tmp_path / name)


def test_mask_that_does_not_fit_is_a_mask_error(subject: hv.Subject, tmp_path: Path) -> None:
    with pytest.raises(hv.MaskError, match="mask is for heads"):
        hv.export_onnx(subject, tmp_path / "model.onnx", mask=hv.Mask([[1, 0], [1, 1]]))
    shared = subject_of("albert")
    with pytest.raises(hv.MaskError, match="L0H2 is cut but L1H2 is kept"):
        hv.export_onnx(shared, tmp_path / "model.onnx", mask=hv.Mask.full(shared).with_toggled("L0H2"))


def test_model_beyond_two_gibibytes_is_refused_with_its_size(
    subject: hv.Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_export, "_LARGEST", 4 * subject.parameters - 1)
    with pytest.raises(hv.ExportError, match=r"GiB of weights in float32, and one ONNX file holds at most 2 GiB"):
        hv.export_onnx(subject, tmp_path / "model.onnx")


@pytest.mark.parametrize("family", ["bert", "distilbert", "gpt2"])
def test_layer_without_heads_leaves_no_matrix_without_numbers_and_shapes_can_be_inferred(
    family: str, tmp_path: Path
) -> None:
    """Other tools stumble over a graph with tensors of size 0: onnxruntime's optimiser fuses nothing in it."""
    pytest.importorskip("sympy", reason="onnxruntime infers shapes with sympy")
    from onnxruntime.tools.symbolic_shape_infer import SymbolicShapeInference

    subject = subject_of(family)
    mask = hv.Mask.full(subject).with_toggled(*(f"L1H{head}" for head in range(4)))
    path = hv.export_onnx(hv.prune(subject, mask), tmp_path / "model.onnx")
    graph = onnx.load_model(path)
    assert [one.name for one in graph.graph.initializer if 0 in one.dims] == []
    assert SymbolicShapeInference.infer_shapes(graph, auto_merge=True) is not None
    assert largest_difference(subject, mask, open_onnx(path)) < 2e-5
