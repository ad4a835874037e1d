"""``headviz select`` end to end on scores of a tiny model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import headviz as hv
from tests.tiny import save_tiny


@pytest.mark.parametrize(("prune", "cut"), [("6", 6), ("0.5", 6), ("1", 1), ("1.0", 12), ("0.0", 0)])
def test_prune_without_a_point_is_heads_and_with_a_share(
    prune: str, cut: int, run: Callable, scores_file: Path, tmp_path: Path
) -> None:
    target = tmp_path / "mask.json"
    ran = run("select", scores_file, "--criterion", "his", "--prune", prune, "-o", target, "--json")
    assert ran.code == 0
    assert len(ran.data["pruned"]) == cut and ran.data["kept"] == 12 - cut
    assert list(hv.Mask.open(target).pruned) == ran.data["pruned"]


def test_selected_mask_is_the_library_s(run: Callable, scores_file: Path, tmp_path: Path) -> None:
    target = tmp_path / "mask.json"
    assert run("select", scores_file, "--criterion", "hies", "--alpha", "0.97", "--prune", 5, "-o", target).code == 0
    expected = hv.select(hv.open_scores(scores_file).hies(0.97), 5)
    np.testing.assert_array_equal(hv.Mask.open(target).keep, expected.keep)
    written = json.loads(target.read_text("utf-8"))
    assert written["criterion"]["name"] == "hies"
    assert written["criterion"]["options"]["alpha"] == 0.97
    assert written["model"]["heads"] == [4, 4, 4]
    assert written["data"]["examples"] == 24


def test_options_of_a_criterion_are_given_by_name(run: Callable, scores_file: Path) -> None:
    base = ("select", scores_file, "--criterion", "entropy", "--prune", 4, "--json")
    focused, diffuse = run(*base).data, run(*base, "--option", "keep=diffuse").data
    assert diffuse["criterion"]["options"]["keep"] == "diffuse"
    assert set(focused["pruned"]).isdisjoint(diffuse["pruned"])


def test_rules_of_the_selection_are_heeded(run: Callable, scores_file: Path) -> None:
    ran = run(
        "select", scores_file, "--criterion", "his", "--prune", 8, "--json",
        "--least-per-layer", 1, "--always", "L0H0,L1H1", "--never", "L2H3",
    )  # fmt: skip
    pruned = ran.data["pruned"]
    assert {"L0H0", "L1H1"} <= set(pruned) and "L2H3" not in pruned
    assert all(sum(name.startswith(f"L{layer}") for name in pruned) <= 3 for layer in range(3))


def test_seed_decides_a_random_mask(run: Callable, scores_file: Path) -> None:
    base = ("select", scores_file, "--criterion", "random", "--prune", 6, "--json")
    first, again, other = (run(*base, "--seed", seed).data["pruned"] for seed in (1, 1, 2))
    assert first == again != other


def test_criterion_of_model_and_data_gets_them(
    run: Callable, scores_file: Path, model_folder: Path, data_file: Path
) -> None:
    ran = run(
        "select", scores_file, "--criterion", "ablation", "--prune", 3, "--json",
        "--model", model_folder, "--data", data_file, "--limit", 6,
    )  # fmt: skip
    assert ran.code == 0
    values = hv.criteria["ablation"](hv.load(model_folder), hv.load_data(data_file, limit=6))
    assert ran.data["pruned"] == list(hv.select(values, 3).pruned)


def test_criterion_of_weights_needs_the_model_alone(run: Callable, scores_file: Path, model_folder: Path) -> None:
    ran = run("select", scores_file, "--criterion", "weight_l2", "--prune", 3, "--model", model_folder, "--json")
    assert ran.code == 0 and len(ran.data["pruned"]) == 3


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (("--criterion", "ablation"), "add --model and --data"),
        (("--criterion", "weight_l2"), "add --model."),
        (("--criterion", "hiss"), "Did you mean 'his'?"),
        (("--criterion", "hies"), "alpha"),
        (("--criterion", "hies", "--alpha", "1.5"), "from 0 to 1"),
        (("--criterion", "hies", "--alpha", "much"), "'much'"),
        (("--criterion", "his", "--option", "steps=3"), "no option 'steps'"),
        (("--criterion", "his", "--always", "L9H0"), "L9H0"),
        (("--criterion", "his", "--always", "first"), "first"),
        (("--criterion", "his", "--always", "L0H0", "--never", "L0H0"), "L0H0"),
    ],
)
def test_bad_wish_is_one_sentence(extra: tuple[str, ...], said: str, refused: Callable, scores_file: Path) -> None:
    assert said in refused("select", scores_file, "--prune", 4, *extra)


def test_more_heads_than_there_are_is_one_sentence(refused: Callable, scores_file: Path) -> None:
    assert "12" in refused("select", scores_file, "--criterion", "his", "--prune", 13)


def test_file_that_holds_no_scores_is_one_sentence(refused: Callable, tmp_path: Path, data_file: Path) -> None:
    odd = tmp_path / "odd.parquet"
    odd.write_bytes(data_file.read_bytes())
    assert "odd.parquet" in refused("select", odd, "--criterion", "his", "--prune", 4)
    assert "absent.parquet" in refused("select", tmp_path / "absent.parquet", "--criterion", "his", "--prune", 4)


def test_model_of_other_weights_than_the_scores_is_one_sentence(
    refused: Callable, scores_file: Path, tmp_path: Path
) -> None:
    other = save_tiny(tmp_path / "other", "bert", seed=1)
    said = refused("select", scores_file, "--criterion", "weight_l2", "--prune", 4, "--model", other)
    assert "other weights" in said


def test_limit_ranks_by_the_rows_that_score_would_have_drawn(
    run: Callable, scores_file: Path, model_folder: Path, data_file: Path, tmp_path: Path
) -> None:
    few = tmp_path / "few.parquet"
    assert run("score", model_folder, data_file, "--limit", 3, "--seed", 5, "-o", few).code == 0
    wanted = ("--criterion", "his", "--prune", 5, "--json")
    from_few = run("select", few, *wanted).data["pruned"]
    assert run("select", scores_file, *wanted, "--limit", 3, "--seed", 5).data["pruned"] == from_few
    assert run("select", scores_file, *wanted).data["pruned"] != from_few


def test_limit_of_nothing_is_one_sentence(refused: Callable, scores_file: Path) -> None:
    assert "at least 1" in refused("select", scores_file, "--criterion", "his", "--prune", 4, "--limit", 0)
