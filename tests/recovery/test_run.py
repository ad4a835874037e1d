"""The record of a run: it goes on with the same, and with nothing else."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from headviz.errors import RunError
from headviz.recovery.run import Run

ASKED: dict[str, Any] = {
    "method": "safe",
    "seed": 0,
    "settings": {"lr": 1e-3},
    "model": {"fingerprint": "a", "heads": [1, 2]},
    "train": {"fingerprint": "b"},
    "validation": {"fingerprint": "c"},
}


def test_new_run_makes_its_folder_and_goes_on_with_the_same(tmp_path: Path) -> None:
    made = Run.enter(tmp_path / "a" / "run", ASKED)
    assert not made.is_done and json.loads((tmp_path / "a" / "run" / "run.json").read_text())["settings"] == {
        "lr": 1e-3
    }
    # a tuple is a list once it was in a file
    again = Run.enter(tmp_path / "a" / "run", {**ASKED, "model": {"fingerprint": "a", "heads": (1, 2)}})
    assert again.record == made.record


def test_empty_folder_will_do(tmp_path: Path) -> None:
    assert Run.enter(tmp_path, ASKED).folder == tmp_path


def test_finished_run_keeps_what_was_asked_and_its_outcome(tmp_path: Path) -> None:
    Run.enter(tmp_path, ASKED).finish({"best": 4})
    opened = Run.open(tmp_path)
    assert opened.is_done and opened.record["best"] == 4 and ASKED.items() <= opened.record.items()


def test_folder_that_cannot_be_locked_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Run.enter(tmp_path / "run", ASKED)

    def refuse(lock: FileLock, **_: Any) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), lock.lock_file)

    monkeypatch.setattr(FileLock, "acquire", refuse)
    with pytest.raises(RunError, match=r"cannot be worked in: Permission denied\. Choose another folder"), made.alone():
        pytest.fail("nobody may be in")


def test_folder_is_free_again_after_a_run_also_where_its_lock_cannot_be_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Run.enter(tmp_path / "run", ASKED)

    def refuse(path: Path, **_: Any) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    for _ in range(2):
        with monkeypatch.context() as patch, made.alone():
            patch.setattr(Path, "unlink", refuse)


def test_record_tells_the_versions_and_a_run_of_other_versions_goes_on(tmp_path: Path) -> None:
    made = Run.enter(tmp_path, ASKED)
    versions = made.record["versions"]
    assert set(versions) == {"headviz", "torch", "transformers", "peft"} and all(versions.values())
    (tmp_path / "run.json").write_text(json.dumps({**made.record, "versions": {"headviz": "0.0.9"}}))
    assert Run.enter(tmp_path, ASKED).record["versions"] == {"headviz": "0.0.9"}


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("method", "the method"),
        ("seed", "the seed"),
        ("settings", "the settings"),
        ("model", "the model"),
        ("train", "the training split"),
        ("validation", "the validation split"),
    ],
)
def test_other_run_is_refused_and_says_where_it_differs(part: str, words: str, tmp_path: Path) -> None:
    Run.enter(tmp_path, ASKED)
    before = (tmp_path / "run.json").read_bytes()
    with pytest.raises(RunError, match=f"holds a run that differs in {words}\\. Choose another folder"):
        Run.enter(tmp_path, {**ASKED, part: "another"})
    assert (tmp_path / "run.json").read_bytes() == before


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "holds no run that can be read"),
        ('{"format": 1, "met', "holds no run that can be read"),
        ("[]", "is not the record of a run"),
        ('{"method": "safe"}', "is not the record of a run"),
        ('{"format": true, "method": "safe"}', "is not the record of a run"),
        ('{"format": 2, "method": "safe"}', "is of a later version of headviz. Update headviz"),
    ],
)
def test_record_that_cannot_be_read_is_told_and_left_alone(content: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(content)
    for attempt in (lambda: Run.open(tmp_path), lambda: Run.enter(tmp_path, ASKED)):
        with pytest.raises(RunError, match=sentence):
            attempt()
    assert (tmp_path / "run.json").read_text() == content


def test_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(RunError, match="is not empty and holds no run"):
        Run.enter(tmp_path, ASKED)
    with pytest.raises(RunError, match="is not empty and holds no run"):
        Run.enter(tmp_path / "letter.txt", ASKED)
    with pytest.raises(RunError, match="cannot be made: Not a directory"):
        Run.enter(tmp_path / "letter.txt" / "run", ASKED)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"holds no run that can be read\. Start one with hv.recover"):
        Run.open(tmp_path / "none")
