"""``headviz export`` end to end on a tiny model, and each refusal as its one sentence."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headviz as hv
from headviz.onnx_model import open_onnx
from tests.cli.conftest import CUT


def test_every_kind_is_written_proved_and_told(
    run: Callable, model_folder: Path, mask_file: Path, data_file: Path, tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    targets = {"pruned": tmp_path / "pruned", "masked": tmp_path / "masked", "onnx": tmp_path / "model.onnx"}
    flags = [part for kind, target in targets.items() for part in (f"--{kind}", target)]
    ran = run("export", model_folder, mask_file, *flags, "--verify", data_file, "--limit", 8, "--json")
    assert ran.code == 0, ran.err
    found = ran.data
    assert found["pruned"] == list(CUT) and found["layers"] == [3, 0, 4]
    assert found["parameters"]["before"] == hv.load(model_folder).parameters > found["parameters"]["after"]
    assert [(one["kind"], one["path"]) for one in found["files"]] == [(k, str(t)) for k, t in targets.items()]
    for one in found["files"]:
        assert one["bytes"] > 0 and one["proof"]["holds"] and one["proof"]["examples"] == 8
    # the ONNX file is that of the smaller weights
    assert found["files"][2]["bytes"] == targets["onnx"].stat().st_size
    assert open_onnx(targets["onnx"]).record["model"]["heads"] == [3, 0, 4]
    assert hv.load(targets["pruned"]).heads == (3, 0, 4) and hv.load(targets["masked"]).heads == (4, 4, 4)
    for proof in (
        tmp_path / "pruned" / "proof.json",
        tmp_path / "masked" / "proof.json",
        tmp_path / "model.proof.json",
    ):
        assert json.loads(proof.read_text("utf-8"))["equal_predictions"] == 8


def test_masked_folder_alone_is_the_library_s(
    run: Callable, model_folder: Path, mask_file: Path, data_file: Path, tmp_path: Path
) -> None:
    ran = run("export", model_folder, mask_file, "--masked", tmp_path / "masked")
    assert ran.code == 0, ran.err
    whole, data = hv.load(model_folder), hv.load_data(data_file)
    np.testing.assert_allclose(
        hv.evaluate(hv.load(tmp_path / "masked"), data).logits,
        hv.evaluate(whole, data, hv.Mask.open(mask_file, whole)).logits,
        rtol=0,
        atol=1e-6,
    )
    assert os.listdir(tmp_path) == ["masked"] and not (tmp_path / "masked" / "proof.json").exists()
    lines = ran.out.splitlines()
    assert lines[0] == f"{model_folder}: 5 of 12 heads are cut."
    assert lines[-1].startswith(f"Saved the masked folder to {tmp_path / 'masked'} (")
    # zeroed heads are still there: nothing is saved, and nothing may say so
    assert "A masked folder has the size of the whole model." in lines and "less" not in ran.out
    found = run("export", model_folder, mask_file, "--masked", tmp_path / "again", "--json").data
    assert found["parameters"] == {"before": whole.parameters, "after": whole.parameters}
    assert found["layers"] == [4, 4, 4] and found["heads"] == {"before": 12, "after": 12}


def test_masked_folder_of_a_pruned_model_is_refused_before_anything_is_written(
    run: Callable, refused: Callable, model_folder: Path, mask_file: Path, tmp_path: Path
) -> None:
    run("export", model_folder, mask_file, "--pruned", tmp_path / "once")
    hv.Mask.full(hv.load(tmp_path / "once")).save(tmp_path / "full.json")
    flags = ("--pruned", tmp_path / "p", "--masked", tmp_path / "m")
    said = refused("export", tmp_path / "once", tmp_path / "full.json", *flags)
    assert said.endswith("is pruned, and a masked folder holds a whole model; leave out --masked.")
    assert sorted(os.listdir(tmp_path)) == ["full.json", "once"]


def test_missing_package_is_one_sentence_with_its_command(
    refused: Callable, model_folder: Path, mask_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    said = refused("export", model_folder, mask_file, "--onnx", tmp_path / "model.onnx", "--masked", tmp_path / "m")
    assert "pip install 'headviz[onnx]'" in said
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ((), "Nothing is asked for; add --onnx FILE, --masked FOLDER or --pruned FOLDER."),
        (("--onnx", "model.bin"), "should end in .onnx"),
        (("--onnx", "absent/model.onnx"), "no folder absent"),
        (("--masked", "full"), "full is not empty"),
        (("--pruned", "full/thesis.tex"), "is a file"),
        (("--pruned", "new", "--masked", "../{here}/new"), "Two outputs have one name"),
        (("--pruned", "new/inner", "--masked", "new"), "new/inner lies in new, which is another output"),
        (("--masked", "new/a/b", "--pruned", "new"), "new/a/b lies in new, which is another output"),
        (("--onnx", "model.onnx", "--dtype", "float16"), "--dtype is for folders"),
    ],
)
def test_bad_wish_is_refused_before_anything_is_opened(
    flags: tuple[str, ...], said: str, refused: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("three years of work")
    flags = tuple(flag.format(here=tmp_path.name) for flag in flags)
    assert said in refused("export", "absent-model", "absent-mask.json", *flags)
    assert os.listdir(tmp_path) == ["full"]


def test_folders_hold_the_dtype_that_is_asked_for_and_an_onnx_file_float32(
    run: Callable, model_folder: Path, mask_file: Path, data_file: Path, tmp_path: Path
) -> None:
    places = ("--pruned", tmp_path / "p", "--masked", tmp_path / "m", "--onnx", tmp_path / "o.onnx")
    ran = run("export", model_folder, mask_file, *places, "--dtype", "bfloat16", "--verify", data_file, "--json")
    assert ran.code == 0, ran.err
    assert {one["kind"]: one["dtype"] for one in ran.data["files"]} == {
        "pruned": "bfloat16",
        "masked": "bfloat16",
        "onnx": "float32",
    }
    assert all(one["proof"]["holds"] for one in ran.data["files"])
    assert hv.load(tmp_path / "p").stored == hv.load(tmp_path / "m").stored == ("bfloat16",)


def test_mask_of_another_model_is_one_sentence_and_nothing_is_written(
    refused: Callable, model_folder: Path, tmp_path: Path
) -> None:
    hv.Mask([[1, 0], [1, 1]]).save(tmp_path / "mask.json")
    said = refused("export", model_folder, tmp_path / "mask.json", "--masked", tmp_path / "masked")
    assert "2 layers of 2 heads" in said and os.listdir(tmp_path) == ["mask.json"]


def test_interrupt_leaves_nothing_half_written(
    run: Callable, model_folder: Path, mask_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("headviz.files._take_the_place", interrupted)
    ran = run("export", model_folder, mask_file, "--masked", tmp_path / "masked")
    assert ran.code == 130 and os.listdir(tmp_path) == []
