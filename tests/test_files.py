"""Whole or not at all: what is left in the folder after success, refusal, and an error half-way."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

import pytest

from headviz.errors import Cancelled, ExportError
from headviz.files import write_folder, write_whole


def writes(content: bytes, then: BaseException | None = None):  # type: ignore[no-untyped-def]
    def write(file: BinaryIO) -> None:
        file.write(content)
        if then is not None:
            raise then

    return write


def fills(name: str, then: BaseException | None = None):  # type: ignore[no-untyped-def]
    def fill(folder: Path) -> None:
        (folder / name).write_text(name)
        if then is not None:
            raise then

    return fill


def test_write_whole_makes_the_file_with_ordinary_permissions_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "ordinary").write_bytes(b"")
    write_whole(tmp_path / "new", writes(b"content"))
    assert (tmp_path / "new").read_bytes() == b"content"
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("ordinary", "new")}
    assert len(modes) == 1 and sorted(os.listdir(tmp_path)) == ["new", "ordinary"]


@pytest.mark.parametrize("error", [Cancelled(), KeyboardInterrupt(), ZeroDivisionError()])
def test_write_whole_when_stopped_half_way_leaves_the_old_file(tmp_path: Path, error: BaseException) -> None:
    (tmp_path / "mask").write_bytes(b"old")
    with pytest.raises(type(error)):
        write_whole(tmp_path / "mask", writes(b"half", then=error))
    assert (tmp_path / "mask").read_bytes() == b"old" and os.listdir(tmp_path) == ["mask"]


@pytest.mark.parametrize(
    ("number", "sentence"),
    [(errno.ENOSPC, "disk is full"), (errno.EACCES, "may not write"), (errno.EIO, "the system says")],
)
def test_write_whole_when_the_system_refuses_says_why(tmp_path: Path, number: int, sentence: str) -> None:
    with pytest.raises(ExportError, match=f"mask.*cannot be written: .*{sentence}") as caught:
        write_whole(tmp_path / "mask", writes(b"half", then=OSError(number, os.strerror(number))))
    assert isinstance(caught.value.__cause__, OSError) and os.listdir(tmp_path) == []


def test_write_whole_where_the_folder_is_missing_says_so(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="folder does not exist"):
        write_whole(tmp_path / "missing" / "mask", writes(b""))


def test_write_whole_onto_a_folder_or_through_a_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ExportError, match="is a folder"):
        write_whole(tmp_path, writes(b""))
    with pytest.raises(ExportError, match="not a folder"):
        write_whole(tmp_path / "file" / "mask", writes(b""))


def test_write_whole_of_the_longest_name_works_and_of_a_longer_one_says_so(tmp_path: Path) -> None:
    write_whole(tmp_path / ("x" * 255), writes(b"content"))
    with pytest.raises(ExportError, match="name is too long"):
        write_whole(tmp_path / ("x" * 256), writes(b"content"))


def test_write_whole_through_a_link_changes_what_it_points_to(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    write_whole(tmp_path / "link", writes(b"new"))
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real").read_bytes() == b"new"


def test_write_whole_to_a_pipe_leaves_the_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_whole(tmp_path / "pipe", writes(b"content"))
        assert os.read(reader, 100) == b"content"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


@pytest.mark.parametrize("before", ["missing", "empty", "full"])
def test_write_folder_holds_what_was_filled_in_and_nothing_else(tmp_path: Path, before: str) -> None:
    folder = tmp_path / "parent" / "model"
    if before != "missing":
        folder.mkdir(parents=True)
    if before == "full":
        (folder / "old").write_text("old")
    write_folder(folder, fills("new"))
    assert os.listdir(folder) == ["new"] and os.listdir(folder.parent) == ["model"]


@pytest.mark.parametrize("there", [True, False])
def test_write_folder_when_stopped_half_way_leaves_things_as_they_were(tmp_path: Path, there: bool) -> None:
    if there:
        (tmp_path / "model").mkdir()
        (tmp_path / "model" / "old").write_text("old")
    with pytest.raises(Cancelled):
        write_folder(tmp_path / "model", fills("new", then=Cancelled()))
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == (
        ["model", "model/old"] if there else []
    )


def test_write_folder_when_the_last_step_fails_puts_the_old_one_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "old").write_text("old")
    rename, calls = Path.rename, []

    def fail_second(self: Path, target: Path) -> Path:
        calls.append(self)
        if len(calls) == 2:
            raise PermissionError(errno.EACCES, "no")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_second)
    with pytest.raises(ExportError, match="may not write"):
        write_folder(tmp_path / "model", fills("new"))
    assert os.listdir(tmp_path) == ["model"] and os.listdir(tmp_path / "model") == ["old"]


def test_write_folder_onto_a_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "model").write_text("a file")
    with pytest.raises(ExportError, match="is a file, not a folder"):
        write_folder(tmp_path / "model", fills("new"))
    assert (tmp_path / "model").read_text() == "a file"
