"""``headviz evaluate`` end to end on a tiny model."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import headviz as hv
from tests.cli.conftest import ROWS
from tests.tiny import save_tiny


@pytest.fixture
def mask_file(run: Callable, scores_file: Path, tmp_path: Path) -> Path:
    target = tmp_path / "mask.json"
    assert run("select", scores_file, "--criterion", "his", "--prune", 6, "-o", target).code == 0
    return target


def test_json_has_the_shape_that_is_promised(
    run: Callable, model_folder: Path, data_file: Path, mask_file: Path
) -> None:
    data = run("evaluate", model_folder, data_file, "--mask", mask_file, "--json").data
    assert list(data)[:6] == ["examples", "metrics", "loss", "constant", "agreement", "mask"]
    assert list(data["metrics"]) == ["accuracy", "macro_f1", "matthews"]
    for estimate in (*data["metrics"].values(), data["agreement"]):
        assert list(estimate) == ["value", "low", "high"]
        assert estimate["low"] <= estimate["value"] <= estimate["high"]
    assert data["examples"] == ROWS
    assert data["constant"] == pytest.approx(1 / 3)  # the file has the three labels in turn
    assert data["mask"]["pruned"] == list(hv.Mask.open(mask_file).pruned)


def test_numbers_are_the_library_s(run: Callable, model_folder: Path, data_file: Path, mask_file: Path) -> None:
    subject, data = hv.load(model_folder), hv.load_data(data_file)
    whole, masked = hv.evaluate(subject, data), hv.evaluate(subject, data, hv.Mask.open(mask_file, subject))
    found = run("evaluate", model_folder, data_file, "--mask", mask_file, "--json").data
    assert found["metrics"]["accuracy"]["value"] == masked.metrics["accuracy"].value
    assert found["loss"] == pytest.approx(float(masked.loss.mean()), rel=1e-12)
    assert found["agreement"]["value"] == masked.agreement(whole).value
    assert not np.array_equal(masked.logits, whole.logits)


def test_without_a_mask_nothing_is_pruned_and_nothing_to_agree_with(
    run: Callable, model_folder: Path, data_file: Path
) -> None:
    data = run("evaluate", model_folder, data_file, "--json").data
    assert data["mask"] == {"pruned": []}
    assert data["agreement"] is data["unpruned"] is data["difference"] is None


def test_json_holds_every_figure_of_the_table(
    run: Callable, model_folder: Path, data_file: Path, mask_file: Path
) -> None:
    call = ("evaluate", model_folder, data_file, "--mask", mask_file)
    data, out = run(*call, "--json").data, run(*call).out

    def numbers(value: object) -> Iterator[float]:
        if isinstance(value, dict):
            for inner in value.values():
                yield from numbers(inner)
        elif isinstance(value, int | float):
            yield float(value)

    told = {f"{number:.4f}" for number in numbers(data)}
    printed = re.findall(r"-?\d+\.\d{4}", out)
    assert len(printed) == 3 * 4 + 2 + 1 + 3 + 3  # metrics with their intervals, losses, constant, two more intervals
    assert set(printed) <= told
    assert data["difference"]["value"] == pytest.approx(
        data["metrics"]["accuracy"]["value"] - data["unpruned"]["metrics"]["accuracy"]["value"]
    )


def test_table_shows_both_models_and_the_constant_answer(
    run: Callable, model_folder: Path, data_file: Path, mask_file: Path
) -> None:
    out = run("evaluate", model_folder, data_file, "--mask", mask_file).out
    assert f"{ROWS} examples, 6 of 12 heads pruned" in out
    for word in ("accuracy", "macro_f1", "matthews", "loss", "constant", "agreement", "difference", "unpruned"):
        assert word in out


def test_mask_of_other_weights_opens_with_a_note(
    run: Callable, data_file: Path, mask_file: Path, tmp_path: Path
) -> None:
    other = save_tiny(tmp_path / "other", "bert", seed=1)
    ran = run("evaluate", other, data_file, "--mask", mask_file)
    assert ran.code == 0
    assert any(line.startswith("Note: ") and "mask" in line.lower() for line in ran.err.splitlines())


def test_mask_of_another_shape_is_one_sentence(
    refused: Callable, data_file: Path, mask_file: Path, tmp_path: Path
) -> None:
    other = save_tiny(tmp_path / "other", "bert", layers=2)
    assert "4" in refused("evaluate", other, data_file, "--mask", mask_file)


@pytest.mark.parametrize("content", ["", "{", '{"format": "other"}', '{"format": "headviz.mask", "version": 99}'])
def test_mask_file_that_is_none_is_one_sentence(
    content: str, refused: Callable, model_folder: Path, data_file: Path, tmp_path: Path
) -> None:
    odd = tmp_path / "odd.json"
    odd.write_text(content, encoding="utf-8")
    assert "odd.json" in refused("evaluate", model_folder, data_file, "--mask", odd)


def test_mask_file_that_is_not_there_is_one_sentence(
    refused: Callable, model_folder: Path, data_file: Path, tmp_path: Path
) -> None:
    assert "absent.json" in refused("evaluate", model_folder, data_file, "--mask", tmp_path / "absent.json")
