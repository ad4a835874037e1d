"""Whole or not at all: what is left in the folder after success, refusal, and an error half-way."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import BinaryIO

import pytest

from headviz import files
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


# -- what killed processes leave ---------------------------------------------------------------------------------------

_KILLED = """
import os, signal, sys
from pathlib import Path
from headviz.files import write_folder, write_whole
if sys.argv[1] == "file":
    write_whole(sys.argv[2], lambda file: os.kill(os.getpid(), signal.SIGKILL))
else:
    write_folder(sys.argv[2], lambda folder: ((folder / "half").write_text("x"), os.kill(os.getpid(), signal.SIGKILL)))
"""


@pytest.mark.skipif(os.name != "posix", reason="processes are asked after by signals")
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_killed_process_left_goes_when_the_folder_is_written_to_next(kind: str, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", _KILLED, kind, str(tmp_path / "target")], check=False)
    assert len(list(tmp_path.glob(".headviz-*.part"))) == 1
    write_whole(tmp_path / "next", writes(b"content"))
    assert os.listdir(tmp_path) == ["next"]
    subprocess.run([sys.executable, "-c", _KILLED, kind, str(tmp_path / "target")], check=False)
    write_folder(tmp_path / "other", fills("a"))
    assert sorted(os.listdir(tmp_path)) == ["next", "other"]


def test_sweeping_leaves_what_is_being_written_and_what_is_not_ours(tmp_path: Path) -> None:
    an_hour_ago = time.time() - 3700
    names = [
        f".headviz-{files._machine()}-{os.getpid()}-0123456789abcdef.part",  # this very process
        f".headviz-{files._machine()}-1-0123456789abcdef.part",  # one that runs, and is not ours to ask
        ".headviz-00000000-1-0123456789abcdef.part",  # another machine's, fresh
        ".headviz-0123456789abcdef.part", ".headviz-0123456789abcdef.old",
    ]  # fmt: skip
    others = [".headviz-notes.part", "mine.part", "headviz-0123456789abcdef.part", ".headviz-0123456789abcdef.part.txt"]
    for name in [*names, *others]:
        (tmp_path / name).write_text("x")
    for name in [names[0], names[4], *others]:
        os.utime(tmp_path / name, (an_hour_ago, an_hour_ago))
    files.sweep(tmp_path)
    assert sorted(os.listdir(tmp_path)) == sorted([*names, *others])


def test_what_nobody_can_vouch_for_goes_once_it_is_an_hour_old(tmp_path: Path) -> None:
    an_hour_ago = time.time() - 3700
    (tmp_path / ".headviz-00000000-1-0123456789abcdef.part").write_text("x")
    folders = [tmp_path / f".headviz-{number:016x}.part" for number in range(2)]
    for folder in folders:
        folder.mkdir()
        (folder / "half").write_text("x")
    os.utime(folders[0] / "half", (an_hour_ago, an_hour_ago))
    for path in (tmp_path / ".headviz-00000000-1-0123456789abcdef.part", *folders):
        os.utime(path, (an_hour_ago, an_hour_ago))
    files.sweep(tmp_path)
    assert list(tmp_path.iterdir()) == [folders[1]]  # something in it is fresh


def test_sweeping_follows_no_link_and_stops_nobody(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("x")
    link = tmp_path / ".headviz-0123456789abcdef.part"
    link.symlink_to(kept)
    an_hour_ago = time.time() - 3700
    os.utime(link, (an_hour_ago, an_hour_ago), follow_symlinks=False)
    files.sweep(tmp_path)
    assert not link.is_symlink() and (kept / "file").exists()
    files.sweep(tmp_path / "missing")


def test_write_folder_that_misses_a_file_of_its_own_blames_no_folder(tmp_path: Path) -> None:
    def fill(temporary: Path) -> None:
        (temporary / "config.json").read_text()

    with pytest.raises(RuntimeError, match=r"config\.json was to be made first, and was not"):
        write_folder(tmp_path / "model", fill)
    assert list(tmp_path.iterdir()) == []
