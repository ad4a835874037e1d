"""Checkpoints: one counts only when every part of it is there and whole, its best step's weights included."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from headviz.errors import Cancelled
from headviz.recovery.checkpoints import (
    is_whole,
    latest_whole,
    read_outputs,
    read_state,
    steps_of,
    write_outputs,
    write_state,
)
from tests.recovery.runs import pruned, run

PARTS = (
    *("headviz.json", "trainer_state.json", "optimizer.pt", "scheduler.pt", "rng_state.pth"),
    "adapter_model.safetensors",
)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was stopped after step 5, with checkpoints of that step and at least one before."""
    folder, cancel = tmp_path_factory.mktemp("runs") / "run", threading.Event()

    def on_progress(done: int, total: int, stage: str) -> None:
        if done == 5:
            cancel.set()

    with pytest.raises(Cancelled):
        run("lora", folder, subject=pruned(), on_progress=on_progress, cancel=cancel)
    return folder


@pytest.fixture
def folder(stopped: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(stopped, tmp_path / "run"))


def test_checkpoints_are_listed_by_step_the_latest_first_and_nothing_else(folder: Path) -> None:
    for name in ("checkpoint-10", "checkpoint-x", "other-3"):
        (folder / "checkpoints" / name).mkdir()
    steps = [step for step, _ in steps_of(folder)]
    assert steps[:2] == [10, 5] and steps == sorted(steps, reverse=True)
    assert list(steps_of(folder / "none")) == [] and latest_whole(folder / "none") is None


def test_latest_whole_checkpoint_is_taken(folder: Path) -> None:
    (folder / "checkpoints" / "checkpoint-10").mkdir()  # as a kill leaves it
    assert latest_whole(folder) == folder / "checkpoints" / "checkpoint-5"


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("how", ["missing", "empty", "cut off"])
def test_checkpoint_with_a_part_that_is_missing_or_cut_off_is_passed_over(part: str, how: str, folder: Path) -> None:
    latest = folder / "checkpoints" / "checkpoint-5"
    assert is_whole(latest)
    path = latest / part
    content = path.read_bytes()
    path.unlink()
    if how != "missing":
        path.write_bytes(b"" if how == "empty" else content[: len(content) // 2])
    assert not is_whole(latest)
    taken = latest_whole(folder)
    assert taken is not None and taken.name in ("checkpoint-2", "checkpoint-4")


def test_torch_file_with_a_flipped_byte_is_passed_over(folder: Path) -> None:
    path = folder / "checkpoints" / "checkpoint-5" / "optimizer.pt"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)
    assert not is_whole(path.parent)


def test_checkpoint_whose_best_step_is_gone_is_passed_over(folder: Path) -> None:
    latest = folder / "checkpoints" / "checkpoint-5"
    best = json.loads((latest / "trainer_state.json").read_text())["best_global_step"]
    assert best in (2, 4)
    shutil.rmtree(folder / "checkpoints" / f"checkpoint-{best}")
    assert is_whole(latest) and latest_whole(folder) != latest


def test_nothing_is_unpickled_to_look_at_a_checkpoint(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pickle

    import torch

    def never(*_: object, **__: object) -> None:
        raise AssertionError("unpickled")

    for module, name in ((torch, "load"), (pickle, "load"), (pickle, "loads"), (pickle, "Unpickler")):
        monkeypatch.setattr(module, name, never)
    assert latest_whole(folder) is not None


def test_own_state_is_an_object_and_comes_back(tmp_path: Path) -> None:
    write_state(tmp_path, {"checks": [{"step": 1}]})
    assert read_state(tmp_path) == {"checks": [{"step": 1}]}
    (tmp_path / "headviz.json").write_text("[]")
    with pytest.raises(ValueError, match="is no object"):
        read_state(tmp_path)


@pytest.mark.parametrize("how", ["missing", "cut off"])
def test_checkpoint_without_the_outputs_that_it_needs_is_passed_over(how: str, tmp_path: Path, folder: Path) -> None:
    latest = folder / "checkpoints" / "checkpoint-5"
    write_outputs(latest, [np.ones((2, 3), dtype=np.float32)])
    write_state(latest, {**read_state(latest), "outputs": True})
    assert is_whole(latest)
    path = latest / "outputs.safetensors"
    content = path.read_bytes()
    path.unlink()
    if how == "cut off":
        path.write_bytes(content[:-4])
    assert not is_whole(latest)


def test_outputs_come_back_in_their_order(tmp_path: Path) -> None:
    outputs = [np.full((2, 3), unit, dtype=np.float32).T for unit in range(12)]  # more than nine: "10" is before "2"
    write_outputs(tmp_path, outputs)
    again = read_outputs(tmp_path)
    assert len(again) == 12 and all(np.array_equal(*pair) for pair in zip(again, outputs, strict=True))
