"""Proofs against plain arithmetic on the logits of two evaluations."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import headviz as hv
from tests.tiny import LABELS, save_tiny, tiny_labels, tiny_model, tiny_texts

TABLE = pd.DataFrame({"text": tiny_texts(40), "label": tiny_labels(40)})
DATA = hv.load_data(TABLE, limit=25)  # ids with gaps


def subject_of(family: str = "bert", **config: Any) -> hv.Subject:
    return hv.Subject.wrap(*tiny_model(family, **config), name=f"tiny-{family}")


@pytest.fixture(scope="module")
def subject() -> hv.Subject:
    return subject_of(seed=3)  # one whose predictions differ between texts, and between masked and whole


@pytest.fixture(scope="module")
def mask(subject: hv.Subject) -> hv.Mask:
    return hv.Mask.full(subject).with_toggled("L0H1", "L1H0", "L1H1", "L1H2", "L1H3", "L2H2")


def proof_of(**values: Any) -> hv.Proof:
    given: dict[str, Any] = {"kind": "folder", "name": "pruned", "examples": 2210, "largest_difference": 0.0}
    given |= {"largest_logit": 4.0, "equal_predictions": 2210, "differing": (), "allowed": 1e-5, "provenance": {}}
    return hv.Proof(**(given | values))


def test_masked_folder_answers_like_the_mask(subject: hv.Subject, mask: hv.Mask, tmp_path: Path) -> None:
    folder = hv.save_masked(subject, mask, tmp_path / "masked")
    for other, kind in ((folder, "folder"), (str(folder), "folder"), (hv.load(folder), "subject")):
        proof = hv.verify(subject, mask, other, DATA)
        assert proof.holds and proof.kind == kind and proof.name == "masked"
        assert proof.equal_predictions == proof.examples == len(DATA) == 25 and proof.differing == ()
        assert proof.provenance["other"]["fingerprint"] == hv.load(folder).fingerprint
        assert proof.provenance["options"] == {"pruned": list(mask.pruned)}


def test_numbers_are_those_of_two_evaluations(subject: hv.Subject, mask: hv.Mask) -> None:
    """The whole model does not answer like the masked one; by how much is plain arithmetic."""
    ours, theirs = hv.evaluate(subject, DATA, mask).logits, hv.evaluate(subject, DATA).logits
    differ = ours.argmax(1) != theirs.argmax(1)
    assert 0 < differ.sum() < 25
    for size in (None, 1, 7):
        proof = hv.verify(subject, mask, subject, DATA, batch_size=size)
        assert not proof.holds
        assert proof.largest_difference == pytest.approx(np.abs(ours - theirs).max(), abs=1e-5)
        assert proof.largest_logit == pytest.approx(np.abs(ours).max(), abs=1e-5)
        assert proof.differing == tuple(DATA.ids[differ]) and proof.equal_predictions == 25 - differ.sum()


def test_without_a_mask_a_model_answers_like_itself(subject: hv.Subject) -> None:
    proof = hv.verify(subject, None, subject, DATA)
    assert proof.holds and proof.largest_difference == 0


def test_pruned_model_answers_like_the_mask(subject: hv.Subject, mask: hv.Mask) -> None:
    proof = hv.verify(subject, mask, hv.prune(subject, mask), DATA)
    assert proof.holds and proof.equal_predictions == 25


def test_onnx_file_of_the_mask_holds_and_of_another_does_not(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    small = subject_of(layers=1)
    cut = hv.Mask.full(small).with_toggled("L0H1", "L0H2")
    path = hv.export_onnx(small, tmp_path / "model.onnx", mask=cut)
    proof = hv.verify(small, cut, path, DATA)
    assert (proof.kind, proof.name, proof.allowed) == ("onnx", "model.onnx", 1e-4)
    assert proof.holds and proof.equal_predictions == 25 and proof.largest_difference < 2e-5
    assert not hv.verify(small, None, path, DATA).holds
    assert not hv.verify(small, cut.with_toggled("L0H1"), path, DATA).holds


def test_bfloat16_is_allowed_its_own_rounding(mask: hv.Mask) -> None:
    model, tokenizer = tiny_model("bert")
    half = hv.Subject.wrap(model.to(torch.bfloat16), tokenizer, name="half")
    whole = subject_of()  # of the same weights
    proof = hv.verify(whole, mask, half, DATA)
    assert proof.allowed == 2e-2 and proof.largest_difference > 1e-4
    assert hv.verify(half, mask, half, DATA).allowed == 2e-2


def test_folder_is_allowed_the_rounding_of_its_numbers_but_none_that_its_model_had_before(
    mask: hv.Mask, tmp_path: Path
) -> None:
    """Of a float32 file, a bfloat16 folder is rounded. Of a float16 file, a float16 folder is exact, and is held to
    what float32 arithmetic allows."""
    whole = hv.load(save_tiny(tmp_path / "float32"))
    rounded = hv.verify(whole, mask, hv.save_masked(whole, mask, tmp_path / "rounded", dtype="bfloat16"), DATA)
    assert rounded.allowed == 2e-2 and rounded.holds and rounded.largest_difference > 1e-5
    half = hv.load(save_tiny(tmp_path / "float16", dtype="float16"))
    exact = hv.verify(half, mask, hv.save_masked(half, mask, tmp_path / "exact", dtype="float16"), DATA)
    assert exact.allowed == 1e-5 and exact.holds


# What a proof says


@pytest.mark.parametrize(
    ("difference", "logit", "holds"),
    [
        (4e-5, 4.0, True),
        (4.1e-5, 4.0, False),
        (1e-5, 0.2, True),  # logits below 1 count as 1
        (1.1e-5, 0.2, False),
        (float("nan"), 4.0, False),
        (float("inf"), 4.0, False),
    ],
)
def test_bound_is_a_share_of_the_largest_logit_and_at_least_of_one(
    difference: float, logit: float, holds: bool
) -> None:
    proof = proof_of(largest_difference=difference, largest_logit=logit)
    assert proof.bound == pytest.approx(1e-5 * max(1, logit))
    assert proof.holds is holds


def test_sentence_says_what_was_found() -> None:
    assert proof_of(largest_difference=3.14e-6).sentence == (
        "The saved folder answers like the masked model on 2,210 examples: all predictions are equal, and no logit "
        "differs by more than 3.1e-06 (4e-05 is allowed)."
    )
    assert proof_of(largest_difference=0.0).sentence.endswith("predictions are equal, and all logits are equal, too.")
    assert proof_of(kind="onnx", largest_difference=0.5, equal_predictions=2208, differing=(17, 40)).sentence == (
        "The ONNX file does not answer like the masked model on 2,210 examples: 2 predictions differ (first row 17), "
        "and no logit differs by more than 0.5 (4e-05 is allowed)."
    )
    assert ": 1 prediction differs (first row 17), and" in proof_of(equal_predictions=2209, differing=(17,)).sentence


def test_record_is_fit_for_json(subject: hv.Subject, mask: hv.Mask) -> None:
    proof = hv.verify(subject, mask, subject, DATA)
    record = json.loads(json.dumps(proof.record()))
    assert record["holds"] is False and record["differing"] == list(proof.differing)
    assert record["bound"] == proof.bound and record["sentence"] == proof.sentence


def test_saved_proof_is_its_record_and_what_is_no_number_is_null(tmp_path: Path) -> None:
    proof_of(largest_difference=float("nan"), differing=(3,)).save(tmp_path / "proof.json")
    saved = json.loads((tmp_path / "proof.json").read_text("utf-8"))
    assert saved["largest_difference"] is None and saved["holds"] is False and saved["differing"] == [3]
    with pytest.raises(hv.ExportError, match="its folder does not exist"):
        proof_of().save(tmp_path / "absent" / "proof.json")


# Refusals


@pytest.mark.parametrize(
    ("other", "kind", "said"),
    [
        ("absent", hv.ExportError, "neither a folder nor an .onnx file"),
        ("rows.csv", hv.ExportError, "neither a folder nor an .onnx file"),
        ("broken.onnx", hv.ExportError, "cannot be opened by onnxruntime"),
        ("empty", hv.LoadError, "folder empty is empty"),
    ],
)
def test_other_that_cannot_be_used_is_one_sentence(
    other: str, kind: type[Exception], said: str, subject: hv.Subject, tmp_path: Path
) -> None:
    (tmp_path / "rows.csv").write_text("text\n")
    (tmp_path / "broken.onnx").write_bytes(b"no protobuf")
    (tmp_path / "empty").mkdir()
    with pytest.raises(kind, match=said):
        hv.verify(subject, None, tmp_path / other, DATA)


def test_other_of_another_kind_or_other_labels_is_refused(subject: hv.Subject) -> None:
    with pytest.raises(hv.ExportError, match="Got a BertForSequenceClassification"):
        hv.verify(subject, None, subject.model, DATA)  # type: ignore[arg-type]
    other = subject_of(labels=tuple(reversed(LABELS)))
    with pytest.raises(hv.ExportError, match="has the labels good, fine, bad, and tiny-bert bad, fine, good"):
        hv.verify(subject, None, other, DATA)


def test_other_of_another_task_is_refused_by_the_task_and_not_by_a_vocabulary(subject: hv.Subject) -> None:
    writer = hv.Subject.wrap(*tiny_model("gpt2", auto="AutoModelForCausalLM"), name="writer")
    told = r"^writer is for causal-lm, and .* for text-classification\. Compare models of one task\.$"
    with pytest.raises(hv.ExportError, match=told):
        hv.verify(subject, None, writer, DATA)


def test_many_labels_are_told_by_the_first_of_them_and_their_number(subject: hv.Subject) -> None:
    many = hv.Subject.wrap(*tiny_model("bert", labels=[f"class {i}" for i in range(99)]), name="many")
    with pytest.raises(
        hv.ExportError, match=r"many has the labels class 0, .*, class 7 and 91 more, and .* bad, fine,"
    ):
        hv.verify(subject, None, many, DATA)


def test_mask_and_data_that_do_not_fit_are_refused(subject: hv.Subject) -> None:
    with pytest.raises(hv.MaskError, match="mask is for heads"):
        hv.verify(subject, hv.Mask([[1, 0], [1, 1]]), subject, DATA)
    with pytest.raises(hv.DataError, match="data must be what"):
        hv.verify(subject, None, subject, TABLE)  # type: ignore[arg-type]


def test_progress_and_cancel_come_with_each_batch(subject: hv.Subject) -> None:
    told: list[tuple[int, int, str]] = []
    hv.verify(subject, None, subject, DATA, batch_size=10, on_progress=lambda *step: told.append(step))
    assert sorted(set(told)) == [(done, 25, "comparing logits") for done in (0, 10, 20, 25)]
    stop = threading.Event()
    with pytest.raises(hv.Cancelled):
        hv.verify(
            subject, None, subject, DATA, batch_size=10, cancel=stop, on_progress=lambda done, *_: done and stop.set()
        )


def test_proof_of_a_mask_that_moves_no_logit_shows_nothing_and_says_so(subject: hv.Subject, mask: hv.Mask) -> None:
    model, tokenizer = tiny_model("bert", seed=3)
    for layer in model.bert.encoder.layer:
        layer.attention.output.dense.weight.data.zero_()
    idle = hv.Subject.wrap(model, tokenizer, name="idle")
    proof = hv.verify(idle, mask, idle, DATA)
    assert proof.holds and proof.unmoved and proof.record()["unmoved"] is True
    assert proof.sentence.endswith("The mask itself moved no logit on these examples, so they show nothing of the cut.")
    for one in (hv.verify(subject, mask, subject, DATA), hv.verify(idle, None, idle, DATA)):
        assert not one.unmoved and "moved no logit" not in one.sentence
