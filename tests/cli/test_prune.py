"""``headviz prune`` end to end on a tiny model, and each refusal as its one sentence."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import headviz as hv
from headviz.cli import cutting, prune
from headviz.families.layout import GQA
from headviz.saving import DTYPES
from headviz.units import in_bytes
from tests.cli.conftest import CUT, ROWS
from tests.tiny import save_tiny, tiny_model

HEAD = 4 * 32 * 8 + 3 * 8
"""Parameters of one head of the tiny model: its rows of query, key and value with their biases, its output columns."""


def test_folder_holds_the_pruned_model(
    run: Callable, model_folder: Path, mask_file: Path, data_file: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "pruned"
    ran = run("prune", model_folder, mask_file, "-o", folder)
    assert ran.code == 0, ran.err
    whole, pruned = hv.load(model_folder), hv.load_pruned(folder)
    assert pruned.heads == (3, 0, 4)
    mask, data = hv.Mask.open(mask_file, whole), hv.load_data(data_file)
    np.testing.assert_allclose(
        hv.evaluate(pruned, data).logits, hv.evaluate(whole, data, mask).logits, rtol=0, atol=2e-5
    )
    assert "layer 1 has none" in ran.err
    lines = ran.out.splitlines()
    assert lines[0] == f"{model_folder}: 5 of 12 heads are cut out."
    assert f"heads{'12':>25} -> 7  (41.7 % less)" in lines
    assert lines[-1].startswith(f"Saved to {folder} (")


def test_json_has_sizes_before_and_after(run: Callable, model_folder: Path, mask_file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pruned"
    found = run("prune", model_folder, mask_file, "-o", folder, "--json").data
    whole = hv.load(model_folder)
    assert found["model"] == {"name": whole.name, "fingerprint": whole.fingerprint}
    assert found["pruned"] == list(CUT) and found["layers"] == [3, 0, 4]
    assert found["heads"] == {"before": 12, "after": 7}
    assert found["parameters"] == {"before": whole.parameters, "after": whole.parameters - 5 * HEAD}
    assert found["bytes"] == {name: 4 * count for name, count in found["parameters"].items()}
    assert found["flops_tokens"] == 40 == whole.max_length
    # a head of size 8 in a width of 32, on texts of 40 tokens
    assert found["flops"]["before"] - found["flops"]["after"] == pytest.approx(5 * (8 * 32 * 8 + 4 * 40 * 8))
    assert found["folder"] == str(folder) and found["proof"] is None
    assert found["folder_bytes"] == sum((folder / name).stat().st_size for name in os.listdir(folder))


def test_proof_is_told_and_lies_in_the_folder_that_still_opens(
    run: Callable, model_folder: Path, mask_file: Path, data_file: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "pruned"
    base = ("prune", model_folder, mask_file, "-o", folder, "--verify", data_file, "--limit", 10)
    ran = run(*base)
    assert ran.code == 0, ran.err
    proof = json.loads((folder / "proof.json").read_text("utf-8"))
    assert proof["holds"] and proof["examples"] == proof["equal_predictions"] == 10 and proof["differing"] == []
    assert proof["sentence"] in ran.out.splitlines() and "comparing logits: 10 of 10" in ran.err
    assert hv.load(folder).heads == (3, 0, 4)
    again = run(*base[:-2], "--overwrite", "--json")
    assert again.code == 0 and again.data["proof"]["examples"] == ROWS


def test_proof_that_fails_is_one_sentence(
    refused: Callable,
    model_folder: Path,
    mask_file: Path,
    data_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever is loaded again is the whole model: as if the folder held the wrong weights."""
    monkeypatch.setattr("headviz.proof.load", lambda *_, **__: hv.load(model_folder))
    sentence = refused("prune", model_folder, mask_file, "-o", tmp_path / "pruned", "--verify", data_file)
    assert "does not answer like the masked model" in sentence and sentence.endswith(f"Do not use {tmp_path}/pruned.")
    assert not (tmp_path / "pruned" / "proof.json").exists()


def test_pruned_folder_can_be_pruned_further(
    run: Callable, model_folder: Path, mask_file: Path, tmp_path: Path
) -> None:
    run("prune", model_folder, mask_file, "-o", tmp_path / "once")
    once = hv.load(tmp_path / "once")
    hv.Mask.full(once).with_toggled("L2H0").save(tmp_path / "more.json")
    ran = run("prune", tmp_path / "once", tmp_path / "more.json", "-o", tmp_path / "twice", "--json")
    assert ran.code == 0, ran.err
    assert ran.data["heads"] == {"before": 7, "after": 6} and hv.load(tmp_path / "twice").heads == (3, 0, 3)


@pytest.mark.parametrize("way", GQA)
def test_way_to_cut_shared_keys_is_asked_for_and_the_bytes_of_each_are_told(
    way: str, run: Callable, tmp_path: Path
) -> None:
    """Of a Llama that was pruned before: two keys and values in each layer, each of two heads of size 8; width 32."""
    subject = hv.Subject.wrap(*tiny_model("llama"), name="llama")
    once = hv.save_pruned(hv.prune(subject, hv.Mask.full(subject)), tmp_path / "once")
    hv.Mask.full(subject).with_toggled("L0H0", "L0H1", "L1H0").save(tmp_path / "mask.json")
    base = ("prune", once, tmp_path / "mask.json", "-o", tmp_path / "pruned", "--gqa", way)
    found = run(*base, "--json").data
    whole, part = found["bytes"]["before"], 4 * 32 * 8  # bytes of one head of one projection
    # L0 loses a key, a value and two heads' query and output; L1 one head's, exactly, and one key and value comes twice
    expected = {"groups": whole - 6 * part, "exact": whole - 6 * part - 2 * part + 2 * part, "folded": whole}
    zeroed = {"groups": ["L1H0"], "exact": [], "folded": ["L0H0", "L0H1", "L1H0"]}
    assert found["gqa"] == {"way": way, "bytes": expected, "zeroed": zeroed[way]}
    assert found["bytes"]["after"] == expected[way]
    ran = run(*base, "--overwrite")
    sizes = ", ".join(f"{one} {in_bytes(size)}" for one, size in expected.items())
    assert f"Heads share keys and values. Weights by --gqa: {sizes}; this is {way}." in ran.out.splitlines()
    assert ("still there as zeros" in ran.err) == bool(zeroed[way])


def test_ways_are_those_of_the_library_and_a_model_without_shared_keys_does_not_ask(
    run: Callable, refused: Callable, model_folder: Path, mask_file: Path, tmp_path: Path
) -> None:
    assert prune.GQA == GQA
    found = run("prune", model_folder, mask_file, "-o", tmp_path / "pruned", "--gqa", "folded", "--json").data
    assert found["gqa"] is None and found["heads"] == {"before": 12, "after": 7}
    assert "--gqa" in refused("prune", model_folder, mask_file, "-o", tmp_path / "other", "--gqa", "whole")


@pytest.mark.parametrize("dtype", DTYPES)
def test_folder_holds_the_dtype_that_is_asked_for_and_proves_it(
    dtype: str, run: Callable, model_folder: Path, mask_file: Path, data_file: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "pruned"
    base = ("prune", model_folder, mask_file, "-o", folder, "--dtype", dtype, "--verify", data_file)
    found = run(*base, "--json").data
    assert found["dtype"] == dtype and found["proof"]["holds"]
    assert hv.load_pruned(folder).stored == (dtype,)
    last = run(*base, "--overwrite").out.splitlines()[-1]
    assert last.endswith(f"({in_bytes(found['folder_bytes'])}, {dtype})")


def test_dtypes_are_those_of_the_library_and_another_is_refused(
    run: Callable, refused: Callable, model_folder: Path, mask_file: Path, tmp_path: Path
) -> None:
    assert cutting.DTYPES == DTYPES
    assert run("prune", model_folder, mask_file, "-o", tmp_path / "pruned", "--json").data["dtype"] == "float32"
    assert "--dtype" in refused("prune", model_folder, mask_file, "-o", tmp_path / "other", "--dtype", "int8")
    assert "--dtype float16" in run("prune", "--help").out


def test_mask_of_other_weights_is_a_note(run: Callable, mask_file: Path, tmp_path: Path) -> None:
    other = save_tiny(tmp_path / "other", "bert", seed=1)
    ran = run("prune", other, mask_file, "-o", tmp_path / "pruned")
    assert ran.code == 0 and "Note: mask.json was made for other weights" in ran.err


def test_mask_of_another_model_is_one_sentence_and_nothing_is_written(
    refused: Callable, mask_file: Path, tmp_path: Path
) -> None:
    other = save_tiny(tmp_path / "other", "bert", layers=2)
    assert "3 layers of 4 heads" in refused("prune", other, mask_file, "-o", tmp_path / "pruned")
    assert not (tmp_path / "pruned").exists()


def test_mask_that_cuts_everything_is_one_sentence(refused: Callable, model_folder: Path, tmp_path: Path) -> None:
    full = hv.Mask.full(hv.load(model_folder))
    full.with_toggled(*full.kept).save(tmp_path / "all.json")
    assert "cuts every head" in refused("prune", model_folder, tmp_path / "all.json", "-o", tmp_path / "pruned")


def test_cut_in_some_uses_of_a_shared_layer_names_the_head(refused: Callable, tmp_path: Path) -> None:
    model = save_tiny(tmp_path / "albert", "albert")
    hv.Mask.full(hv.load(model)).with_toggled("L0H2").save(tmp_path / "mask.json")
    assert "L0H2 is cut but L1H2 is kept" in refused("prune", model, tmp_path / "mask.json", "-o", tmp_path / "pruned")


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("full", "is not empty; choose another folder, or add --overwrite"),
        ("full/thesis.tex", "is a file; give the name of a folder"),
        ("full/thesis.tex/below", "is a file, so there can be no folder"),
    ],
)
def test_folder_that_will_not_do_is_refused_before_anything_is_opened(
    where: str, said: str, refused: Callable, tmp_path: Path
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("three years of work")
    assert said in refused("prune", "absent-model", "absent-mask.json", "-o", tmp_path / where)


def test_folder_where_one_may_not_write_is_refused_before_anything_is_opened(
    refused: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cutting.os, "access", lambda *_: False)
    sentence = refused("prune", "absent-model", "absent-mask.json", "-o", tmp_path / "a" / "b")
    assert f"you may not write in {tmp_path}. Choose another folder." in sentence


def test_overwrite_spares_what_headviz_did_not_write(
    refused: Callable, model_folder: Path, mask_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "thesis.tex").write_text("three years of work")
    said = refused("prune", model_folder, mask_file, "-o", tmp_path, "--overwrite")
    assert "holds 'thesis.tex'" in said and os.listdir(tmp_path) == ["thesis.tex"]


def test_mask_that_is_not_there_is_told_before_the_model_is_loaded(refused: Callable, tmp_path: Path) -> None:
    said = refused("prune", "absent-model", tmp_path / "absent.json", "-o", tmp_path / "pruned")
    assert "absent.json" in said and "There is no file" in said


def test_wrong_data_of_verify_is_told_before_anything_is_written(
    refused: Callable, model_folder: Path, mask_file: Path, tmp_path: Path
) -> None:
    assert "absent.csv" in refused(
        "prune", model_folder, mask_file, "-o", tmp_path / "pruned", "--verify", tmp_path / "absent.csv"
    )
    assert os.listdir(tmp_path) == []


def test_interrupt_leaves_nothing_half_written(
    run: Callable, model_folder: Path, mask_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("headviz.files._take_the_place", interrupted)
    ran = run("prune", model_folder, mask_file, "-o", tmp_path / "pruned")
    assert ran.code == 130 and os.listdir(tmp_path) == []


def test_texts_without_labels_do_for_a_proof(
    run: Callable, model_folder: Path, mask_file: Path, tmp_path: Path
) -> None:
    texts = pd.DataFrame({"text": ["a good film", "a dull plot"]})
    texts.to_csv(tmp_path / "texts.csv", index=False)
    ran = run("prune", model_folder, mask_file, "-o", tmp_path / "pruned", "--verify", tmp_path / "texts.csv", "--json")
    assert ran.code == 0, ran.err
    assert ran.data["proof"]["equal_predictions"] == 2
