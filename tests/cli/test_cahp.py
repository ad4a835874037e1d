"""``headviz cahp`` end to end on a tiny model, and each refusal as its one sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import headviz as hv
from tests.cli.conftest import ROWS
from tests.tiny import LABELS, save_tiny, tiny_texts

HEADS = 12


def library_plan(model_folder: Path, data_file: Path, preset: str = "headviz", **options: object) -> hv.Plan:
    signatures = hv.signatures(hv.load(model_folder), hv.load_data(data_file), preset=preset)
    return hv.cahp(signatures, preset=preset, **options)


def test_mask_and_plan_are_the_library_s(run: Callable, model_folder: Path, data_file: Path, tmp_path: Path) -> None:
    mask, plan = tmp_path / "mask.json", tmp_path / "plan.parquet"
    ran = run("cahp", model_folder, data_file, "--count", 5, "--degree", 3, "-o", mask, "--plan", plan)
    assert ran.code == 0, ran.err
    expected = library_plan(model_folder, data_file, degree=3).with_count(5)
    np.testing.assert_array_equal(hv.Mask.open(mask).keep, expected.mask.keep)
    opened = hv.open_plan(plan)
    assert opened.k == 5 and opened.degree == 3
    np.testing.assert_array_equal(opened.mask.keep, expected.mask.keep)
    assert json.loads(mask.read_text("utf-8"))["criterion"]["name"] == "cahp"
    assert ran.out.splitlines()[-2:] == [f"Saved to {mask}", f"Saved to {plan}"]


def test_json_says_what_was_found(run: Callable, model_folder: Path, data_file: Path) -> None:
    found = run("cahp", model_folder, data_file, "--count", 4, "--json").data
    expected = library_plan(model_folder, data_file).with_count(4)
    assert found["k"] == 4 and found["degree"] == 6 and found["preset"] == "headviz"
    assert found["knee"] == expected.silhouettes.k
    assert found["heads"] == [4, 4, 4] and found["classes"] == dict.fromkeys(LABELS, ROWS // 3)
    assert found["kept_heads"] == list(expected.mask.kept) and found["kept"] == len(found["kept_heads"])
    assert set(found["kept_heads"]) | set(found["pruned"]) == set(expected.names)
    assert set(found["rescued"]) <= set(found["kept_heads"]) and found["kept"] == 4 + len(found["rescued"])
    assert found["notes"] == list(expected.notes)
    assert len(found["noise"]["knees"]) == 3


def test_noise_is_compared_in_one_sentence_unless_told_not_to(
    run: Callable, model_folder: Path, data_file: Path
) -> None:
    from headviz.complementarity.noise import compared

    plan = library_plan(model_folder, data_file, degree=2)
    sentence = compared(plan.k, HEADS, 2, [plan.noise_curve(seed) for seed in range(3)])
    base = ("cahp", model_folder, data_file, "--degree", 2, "--count", 4)
    assert sentence in run(*base).out.splitlines()
    without = run(*base, "--no-noise", "--json")
    assert without.data["noise"] is None and "matched noise" not in without.err


def test_preset_and_what_differs_from_it_are_told(run: Callable, model_folder: Path, data_file: Path) -> None:
    base = ("cahp", model_folder, data_file, "--count", 4, "--no-noise", "--preset", "reference")
    pure = run(*base, "--json").data
    assert pure["preset"] == "reference" and pure["differs"] == {} and pure["grid"] == 32
    own = ("--grid", 8, "--space", "pca", "--degree", "none", "--representative", "medoid", "--no-guard", "--seed", 3)
    found = run(*base, *own, "--json").data
    expected = {"grid": 8, "space": "pca", "degree": None, "representative": "medoid", "guard": False, "seed": 3}
    assert found["differs"] == expected
    assert "Preset reference, but grid 8" in run(*base, *own).out


def test_result_is_on_stdout_and_notes_and_progress_on_stderr(
    run: Callable, model_folder: Path, data_file: Path
) -> None:
    ran = run("cahp", model_folder, data_file, "--count", 3)
    assert "Few examples of bad (8)" in ran.err and f"{ROWS} of {ROWS}" in ran.err
    assert "Note" not in ran.out and "3 groups: " in ran.out
    assert all(f"{label} 8" in ran.out for label in LABELS) and "grid " in ran.out


def test_cka_takes_the_head_outputs_that_it_needs(run: Callable, model_folder: Path, data_file: Path) -> None:
    ran = run("cahp", model_folder, data_file, "--count", 3, "--distance", "cka", "--json")
    assert ran.code == 0, ran.err
    assert ran.data["differs"]["distance"] == "cka" and ran.data["differs"]["probe"] == 256


def test_rescued_heads_are_named(run: Callable, model_folder: Path, data_file: Path) -> None:
    """One group in three layers: at least two layers get their best head back."""
    base = ("cahp", model_folder, data_file, "--count", 1, "--no-noise")
    found = run(*base, "--json").data
    assert found["kept"] == 3 and len(found["rescued"]) == 2
    assert f"Rescued: {' '.join(found['rescued'])}" in run(*base).out
    assert run(*base, "--no-guard", "--json").data["kept"] == 1


def test_predicted_classes_need_no_labels(run: Callable, refused: Callable, tmp_path: Path) -> None:
    model = save_tiny(tmp_path / "model", "distilbert", seed=1)
    texts = tmp_path / "texts.txt"
    texts.write_text("\n".join(tiny_texts(ROWS)), encoding="utf-8")
    assert "CAHP compares classes" in refused("cahp", model, texts, "--count", 3)
    ran = run("cahp", model, texts, "--count", 3, "--classes", "predicted", "--no-noise", "--json")
    assert ran.code == 0 and "model's own predictions" in ran.err
    predicted = hv.evaluate(hv.load(model), labelled(tiny_texts(ROWS))).predictions
    assert list(ran.data["classes"].values()) == np.bincount(predicted, minlength=3).tolist()


def labelled(texts: list[str]) -> hv.Data:
    """Any labels will do: only predictions are asked for."""
    return hv.load_data(pd.DataFrame({"text": texts, "label": LABELS[0]}))


def test_plan_without_a_knee_is_one_sentence_and_writes_nothing(
    refused: Callable, model_folder: Path, data_file: Path, tmp_path: Path
) -> None:
    mask, plan = tmp_path / "mask.json", tmp_path / "plan.parquet"
    sentence = refused("cahp", model_folder, data_file, "--degree", 1, "-o", mask, "--plan", plan)
    assert sentence == (
        "At degree 1 the curve has no knee (a straight line has none); choose another degree, or a number of heads."
    )
    assert not mask.exists() and not plan.exists()


def test_count_stands_where_there_is_no_knee(run: Callable, model_folder: Path, data_file: Path) -> None:
    ran = run("cahp", model_folder, data_file, "--degree", 1, "--count", 4)
    assert ran.code == 0
    assert "no knee at degree 1" in ran.out and "At degree 1 there is no knee on this model." in ran.out


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("text,label\na good film,good\na dull film,good\n", "two examples; this data has one (good: 2)"),
        ("text,label\na good film,good\na dull film,bad\n", "two examples; this data has none (bad: 1, good: 1)"),
    ],
)
def test_missing_classes_are_one_sentence(
    content: str, said: str, refused: Callable, model_folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(content, encoding="utf-8")
    assert said in refused("cahp", model_folder, path)


def test_heads_that_are_all_alike_are_one_sentence(refused: Callable, data_file: Path, tmp_path: Path) -> None:
    """Without queries every head attends to all tokens alike."""
    from safetensors.torch import load_file, save_file

    model = Path(save_tiny(tmp_path / "model", "bert"))
    weights = load_file(model / "model.safetensors")
    for name, tensor in weights.items():
        if ".query." in name:
            tensor.zero_()
    save_file(weights, model / "model.safetensors", metadata={"format": "pt"})
    assert "All heads behave alike" in refused("cahp", model, data_file)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--preset", "paper"), "--preset paper is not one of headviz, reference"),
        (("--degree", "9"), "from 1 to 8"),
        (("--degree", "six"), "'six' is neither a degree from 1 to 8 nor 'none'"),
        (("--grid", "1"), "grid must be"),
        (("--grid", "wide"), "'wide' is not a whole number"),
        (("--space", "plain"), "no space 'plain'"),
        (("--distance", "jmm"), "Did you mean 'jm'?"),
        (("--representative", "best"), "one of salience, medoid, random"),
        (("--classes", "gold"), "one of labels, predicted, bins"),
        (("--seed", str(2**32)), "seed must be"),
        (("-o", "mask.txt"), ".json or .npz"),
        (("--plan", "plan.json"), ".parquet"),
    ],
)
def test_bad_wish_is_refused_before_anything_is_loaded(flags: tuple[str, ...], said: str, refused: Callable) -> None:
    assert said in refused("cahp", "absent-model", "absent-data", *flags)


@pytest.mark.parametrize("count", [0, HEADS + 1])
def test_count_outside_the_heads_is_one_sentence(
    count: int, refused: Callable, model_folder: Path, data_file: Path
) -> None:
    assert f"from 1 to {HEADS}" in refused("cahp", model_folder, data_file, "--count", count)


def test_limit_and_seed_draw_as_load_data_does(run: Callable, model_folder: Path, data_file: Path) -> None:
    drawn = hv.load_data(data_file, limit=15, seed=3)
    found = run("cahp", model_folder, data_file, "--count", 3, "--limit", 15, "--seed", 3, "--no-noise", "--json").data
    labels = [example.label for example in drawn]
    assert found["classes"] == {label: labels.count(label) for label in LABELS}
    assert found["differs"]["seed"] == 3
