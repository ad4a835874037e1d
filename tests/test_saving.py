"""Masked folders: what transformers alone makes of them, and that nothing else is touched, there or here."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

import headviz as hv
from headviz.families import family_of
from headviz.saving import cuts_of_weights
from tests.tiny import FAMILIES, LABELS, save_tiny, tiny_model, tiny_texts

TEXTS = tiny_texts(12)


def subject_of(family: str, **config: Any) -> hv.Subject:
    return hv.Subject.wrap(*tiny_model(family, **config), name=f"tiny-{family}")


def mask_of(subject: hv.Subject) -> hv.Mask:
    """Two heads of different layers, where weights can carry that; two heads of the shared layer else."""
    if subject.family == "albert":
        names = [f"L{layer}H{head}" for layer in range(subject.layers) for head in (1, 3)]
        return hv.Mask.full(subject).with_toggled(*names)
    return hv.Mask.full(subject).with_toggled("L0H1", "L0H2", "L2H3")


@pytest.fixture
def subject() -> hv.Subject:
    return subject_of("bert")


@pytest.mark.parametrize("family", FAMILIES)
def test_saved_folder_in_transformers_alone_gives_the_masked_logits(family: str, tmp_path: Path) -> None:
    subject = subject_of(family)
    mask = mask_of(subject)
    folder = hv.save_masked(subject, mask, tmp_path / "masked")
    model, tokenizer = AutoModelForSequenceClassification.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    inputs = dict(tokenizer(TEXTS, padding=True, truncation=True, max_length=subject.max_length, return_tensors="pt"))
    with torch.no_grad():
        logits = model(**inputs).logits
        masked = subject.forward(inputs, gates=subject.gates(mask.keep))
        whole = subject.forward(inputs)
    torch.testing.assert_close(logits, masked, rtol=0, atol=1e-6)  # float32 rounding: logits are about 1
    assert (masked - whole).abs().max() > 1e-3


@pytest.mark.parametrize("family", FAMILIES)
def test_saved_folder_evaluates_like_the_mask(family: str, tmp_path: Path) -> None:
    subject = subject_of(family)
    mask = mask_of(subject)
    data = hv.load_data(pd.DataFrame({"text": TEXTS, "label": [LABELS[i % 3] for i in range(len(TEXTS))]}))
    loaded = hv.load(hv.save_masked(subject, mask, tmp_path / "masked"))
    np.testing.assert_allclose(
        hv.evaluate(loaded, data).logits, hv.evaluate(subject, data, mask).logits, rtol=0, atol=1e-6
    )
    assert loaded.labels == subject.labels and loaded.heads == subject.heads


@pytest.mark.parametrize("family", FAMILIES)
def test_saved_folder_differs_in_the_columns_of_cut_heads_alone(family: str, tmp_path: Path) -> None:
    subject = subject_of(family)
    mask = mask_of(subject)
    hv.save_masked(subject, mask, tmp_path / "masked")
    subject.model.save_pretrained(tmp_path / "whole")
    masked, whole = (load_file(tmp_path / name / "model.safetensors") for name in ("masked", "whole"))
    assert masked.keys() == whole.keys()
    uses = family_of(subject.model).uses(subject.model)
    names = {id(parameter): name for name, parameter in subject.model.named_parameters()}
    expected = {name: tensor.clone() for name, tensor in whole.items()}
    for layer, head in np.argwhere(~mask.keep):
        weight = names[id(uses[layer].output.weight)]
        assert whole[weight][:, uses[layer].columns(head)].all()
        expected[weight][:, uses[layer].columns(head)] = 0
    for name in expected:
        assert torch.equal(masked[name], expected[name]), name
    assert (tmp_path / "masked" / "config.json").read_text() == (tmp_path / "whole" / "config.json").read_text()


def state_of(model: torch.nn.Module) -> dict[str, Any]:
    return {
        "tensors": {name: (p.data_ptr(), p.clone(), p.requires_grad, p.grad) for name, p in model.named_parameters()},
        "modes": [module.training for module in model.modules()],
        "hooks": sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules()),
        "config": model.config.to_dict(),  # type: ignore[union-attr, operator]
        "attention": model.config._attn_implementation,  # type: ignore[union-attr]
    }


def same(before: dict[str, Any], after: dict[str, Any]) -> bool:
    tensors = zip(before.pop("tensors").items(), after.pop("tensors").items(), strict=True)
    return before == after and all(
        a == b and p[0] == q[0] and torch.equal(p[1], q[1]) and p[2:] == q[2:] for (a, p), (b, q) in tensors
    )


@pytest.mark.parametrize("end", ["success", "an error half-way", "cancelled half-way"])
def test_saving_leaves_the_subject_as_it_was(tmp_path: Path, end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, tokenizer = tiny_model("bert")
    model.train()
    subject = hv.Subject.wrap(model, tokenizer, name="tiny")
    before, cancel = state_of(model), threading.Event()
    if end == "success":
        hv.save_masked(subject, mask_of(subject), tmp_path / "masked")
    elif end == "an error half-way":
        monkeypatch.setattr(type(tokenizer), "save_pretrained", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
        with pytest.raises(hv.ExportError, match="disk is full"):
            hv.save_masked(subject, mask_of(subject), tmp_path / "masked")
    else:
        with pytest.raises(hv.Cancelled):
            hv.save_masked(
                subject,
                mask_of(subject),
                tmp_path / "masked",
                cancel=cancel,
                on_progress=lambda done, *_: done and cancel.set(),
            )
    assert same(before, state_of(model))
    assert os.listdir(tmp_path) == (["masked"] if end == "success" else [])


def test_saved_mask_opens_for_the_subject_without_a_warning(subject: hv.Subject, tmp_path: Path) -> None:
    mask = hv.Mask(
        mask_of(subject).keep, provenance={"criterion": {"name": "his"}, "measured": {"accuracy": {"value": 1}}}
    )
    hv.save_masked(subject, mask, tmp_path / "masked")
    opened = hv.Mask.open(tmp_path / "masked" / "head_mask.json", subject)
    assert opened == mask and opened.warnings == ()
    assert opened.provenance["measured"] == {"accuracy": {"value": 1}}
    assert opened.provenance["model"]["fingerprint"] == subject.fingerprint


def test_saved_mask_of_other_weights_leaves_out_what_was_measured_on_them(subject: hv.Subject, tmp_path: Path) -> None:
    other = subject_of("bert", seed=1)
    mask = hv.Mask(mask_of(other).keep, subject=other, provenance={"measured": {"accuracy": {"value": 1}}})
    hv.save_masked(subject, mask, tmp_path / "masked")
    record = json.loads((tmp_path / "masked" / "head_mask.json").read_text("utf-8"))
    assert record["model"]["fingerprint"] == subject.fingerprint and "measured" not in record


def test_saving_a_full_mask_saves_the_model_and_one_of_nothing_a_silent_one(
    subject: hv.Subject, tmp_path: Path
) -> None:
    full = hv.Mask.full(subject)
    hv.save_masked(subject, full, tmp_path / "full")
    assert hv.load(tmp_path / "full").fingerprint == subject.fingerprint
    nothing = hv.load(hv.save_masked(subject, full.with_toggled(*full.kept), tmp_path / "nothing"))
    assert all(not use.output.weight.any() for use in family_of(nothing.model).uses(nothing.model))


def test_saved_folder_of_a_half_precision_model_keeps_the_precision_in_memory(tmp_path: Path) -> None:
    subject = hv.load(save_tiny(tmp_path / "half", "bert", dtype="float16"))
    hv.save_masked(subject, mask_of(subject), tmp_path / "masked")
    assert {tensor.dtype for tensor in load_file(tmp_path / "masked" / "model.safetensors").values()} == {torch.float32}


# Shared layers


def test_saving_a_cut_in_only_some_uses_of_a_shared_layer_names_the_head(tmp_path: Path) -> None:
    subject = subject_of("albert")
    mask = hv.Mask.full(subject).with_toggled("L0H2", "L2H2")
    with pytest.raises(hv.MaskError, match=r"L0H2 is cut but L1H2 is kept.*Cut L0H2, L1H2, L2H2 together"):
        hv.save_masked(subject, mask, tmp_path / "masked")
    assert os.listdir(tmp_path) == []


def test_cuts_of_weights_of_groups_of_shared_layers_ask_only_for_the_group() -> None:
    model, _ = tiny_model("albert", layers=4, num_hidden_groups=2)
    keep = np.ones((4, 4), dtype=bool)
    keep[2:, 1] = False
    assert cuts_of_weights(model, hv.Mask(keep)) == [(2, [1])]
    keep[0, 3] = False
    with pytest.raises(hv.MaskError, match="L0H3 is cut but L1H3 is kept"):
        cuts_of_weights(model, hv.Mask(keep))


def test_cuts_of_weights_of_separate_layers_are_those_of_the_mask(subject: hv.Subject) -> None:
    assert cuts_of_weights(subject.model, mask_of(subject)) == [(0, [1, 2]), (2, [3])]


# Refusals


def test_saving_a_mask_of_other_head_counts_names_both(subject: hv.Subject, tmp_path: Path) -> None:
    with pytest.raises(hv.MaskError, match="mask is for 2 layers of 2 heads, but the model has 3 layers of 4 heads"):
        hv.save_masked(subject, hv.Mask([[1, 0], [1, 1]]), tmp_path / "masked")


def test_saving_a_pruned_model_masked_says_to_prune_further(subject: hv.Subject, tmp_path: Path) -> None:
    pruned = hv.prune(subject, mask_of(subject))
    with pytest.raises(hv.ExportError, match=r"is pruned.*hv\.save_pruned\(hv\.prune\(subject, mask\), folder\)"):
        hv.save_masked(pruned, hv.Mask.full(pruned), tmp_path / "masked")
    assert os.listdir(tmp_path) == []


def test_saving_into_a_folder_that_is_not_empty_is_refused(subject: hv.Subject, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("three years of work")
    for overwrite, says in ((False, "is not empty"), (True, "holds 'thesis.tex'")):
        with pytest.raises(hv.ExportError, match=says):
            hv.save_masked(subject, mask_of(subject), tmp_path, overwrite=overwrite)
    assert os.listdir(tmp_path) == ["thesis.tex"]


def test_saving_over_a_model_that_save_masked_did_not_write_is_refused(subject: hv.Subject, tmp_path: Path) -> None:
    save_tiny(tmp_path / "model", "bert")
    before = (tmp_path / "model" / "model.safetensors").read_bytes()
    with pytest.raises(hv.ExportError, match=r"has no head_mask\.json"):
        hv.save_masked(subject, mask_of(subject), tmp_path / "model", overwrite=True)
    assert (tmp_path / "model" / "model.safetensors").read_bytes() == before


def test_saving_over_an_earlier_masked_folder_needs_overwrite(subject: hv.Subject, tmp_path: Path) -> None:
    folder = tmp_path / "masked"
    hv.save_masked(subject, mask_of(subject), folder)
    with pytest.raises(hv.ExportError, match=r"is not empty.*overwrite=True"):
        hv.save_masked(subject, hv.Mask.full(subject), folder)
    hv.save_masked(subject, hv.Mask.full(subject), folder, overwrite=True)
    assert hv.load(folder).fingerprint == subject.fingerprint
    assert os.listdir(tmp_path) == ["masked"]


def test_saving_onto_a_file_is_refused(subject: hv.Subject, tmp_path: Path) -> None:
    (tmp_path / "masked").write_text("a file")
    with pytest.raises(hv.ExportError, match="is a file, not a folder"):
        hv.save_masked(subject, mask_of(subject), tmp_path / "masked")
    assert (tmp_path / "masked").read_text() == "a file"


def test_saving_tells_how_far_it_is(
    subject: hv.Subject, tmp_path: Path, progress_log: tuple[list[tuple[int, int, str]], Any]
) -> None:
    calls, on_progress = progress_log
    hv.save_masked(subject, mask_of(subject), tmp_path / "masked", on_progress=on_progress)
    assert [call[:2] for call in calls] == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_saving_prints_nothing_of_its_own(
    subject: hv.Subject, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers.utils import logging as library

    monkeypatch.setattr(library, "_tqdm_active", True)  # bars are off in tests
    hv.save_masked(subject, mask_of(subject), tmp_path / "masked")
    hv.save_pruned(hv.prune(subject, mask_of(subject)), tmp_path / "pruned")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_numbers_are_written_in_the_dtype_asked_for_and_the_model_is_left_alone(dtype: str, tmp_path: Path) -> None:
    subject = subject_of("bert")
    before = {name: (weight.dtype, weight.clone()) for name, weight in subject.model.state_dict().items()}
    folder = hv.save_masked(subject, mask_of(subject), tmp_path / "masked", dtype=dtype)
    written = load_file(folder / "model.safetensors")
    wanted = getattr(torch, dtype)
    assert {weight.dtype for weight in written.values()} == {wanted}
    for name in (name for name in written if "attention.output.dense" not in name):  # the cut heads' columns are zero
        assert torch.equal(written[name], before[name][1].to(wanted)), name
    assert json.loads((folder / "config.json").read_text())["dtype"] == dtype
    for name, weight in subject.model.state_dict().items():
        assert weight.dtype == before[name][0] and torch.equal(weight, before[name][1]), name
    assert hv.load(folder).stored == (dtype,)


def test_tied_weights_stay_tied_in_another_dtype(tmp_path: Path) -> None:
    """ALBERT's layers are one and the same, and are written once."""
    subject = subject_of("albert")
    whole = hv.save_masked(subject, mask_of(subject), tmp_path / "whole")
    half = hv.save_masked(subject, mask_of(subject), tmp_path / "half", dtype="float16")
    names = [set(load_file(folder / "model.safetensors")) for folder in (whole, half)]
    assert names[0] == names[1]


def test_dtype_that_is_none_or_too_narrow_is_one_sentence_and_writes_nothing(tmp_path: Path) -> None:
    subject = subject_of("bert")
    with pytest.raises(hv.ExportError, match="dtype 'int8' is not one of float32, bfloat16, float16"):
        hv.save_masked(subject, mask_of(subject), tmp_path / "masked", dtype="int8")
    weight = family_of(subject.model).uses(subject.model)[0].weight("query")
    with torch.no_grad():
        weight[0, 0] = 1e6  # float16 ends at 65,504
    with pytest.raises(hv.ExportError, match=r"query.*weight holds numbers too large for float16"):
        hv.save_masked(subject, mask_of(subject), tmp_path / "masked", dtype="float16")
    assert not (tmp_path / "masked").exists()


def test_home_folder_is_written_as_it_is_read(
    subject: hv.Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """hv.load takes "~/model"; what hv.save_masked is told must be the same place, and no folder of the name "~"."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    mask = mask_of(subject)
    pruned = hv.prune(subject, mask)
    data = hv.load_data(pd.DataFrame({"text": TEXTS[:2], "label": ["good", "bad"]}))
    assert hv.save_masked(subject, mask, "~/masked") == tmp_path / "masked"
    assert hv.save_pruned(pruned, "~/pruned") == tmp_path / "pruned"
    assert hv.export_onnx(pruned, "~/pruned.onnx") == tmp_path / "pruned.onnx"
    for other in ("~/masked", "~/pruned", "~/pruned.onnx"):
        assert hv.verify(subject, mask, other, data).holds
    assert sorted(os.listdir(tmp_path)) == ["masked", "pruned", "pruned.onnx"]
