"""Files and folders that are written whole or not at all, whatever happens half-way."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
import shutil
import socket
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import BinaryIO

from headviz.errors import ExportError

# What a person can do about it, by the reason that the system gives.
_REASONS = {
    errno.ENOSPC: "the disk is full. Make room or choose another folder",
    errno.EDQUOT: "your share of the disk is used up. Make room or choose another folder",
    errno.EACCES: "you may not write there. Choose another folder or change its permissions",
    errno.EPERM: "you may not write there. Choose another folder or change its permissions",
    errno.EROFS: "that disk can only be read. Choose another folder",
    errno.ENOENT: "its folder does not exist. Make the folder first",
    errno.ENOTDIR: "part of the path is a file, not a folder. Choose another name",
    errno.EISDIR: "it is a folder. Choose another name",
    errno.ENAMETOOLONG: "the name is too long. Choose a shorter one",
}


def write_whole(path: str | os.PathLike[str], write: Callable[[BinaryIO], None]) -> None:
    """Make the file ``path`` of what ``write(file)`` writes; one that was there is replaced only once all is written.

    The content goes to a temporary file in the same folder, which then takes the name. Whatever ``write`` raises leaves
    things as they were. Raises ExportError with one sentence where the system refuses. A link is followed; what is
    neither file nor folder (a pipe, /dev/stdout) is written directly.
    """
    target = Path(os.path.realpath(path))
    with _refusals(path):
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, "is a folder")
        if target.exists() and not target.is_file():
            with open(target, "wb") as stream:
                write(stream)
            return
        sweep(target.parent)
        temporary = _beside(target)
        try:
            # "x" and not mkstemp: the file gets the permissions that an ordinary new file gets.
            with open(temporary, "xb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """`write_whole` for ``text``, in UTF-8."""

    def write(file: BinaryIO) -> None:
        file.write(text.encode("utf-8"))

    write_whole(path, write)


def write_folder(folder: str | os.PathLike[str], fill: Callable[[Path], None]) -> None:
    """Make ``folder`` of what ``fill(temporary folder)`` puts there, under the same promise as `write_whole`.

    A folder that is there already is replaced as a whole; who calls decides before whether it may be. Parents are made.
    """
    target = Path(os.path.realpath(folder))
    with _refusals(folder):
        if target.exists() and not target.is_dir():
            raise ExportError(f"{str(folder)!r} is a file, not a folder. Choose another name.")
        target.parent.mkdir(parents=True, exist_ok=True)
        sweep(target.parent)
        temporary = _beside(target)
        try:
            temporary.mkdir()
            _fill(temporary, fill)
            _take_the_place(temporary, target)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise


def _fill(temporary: Path, fill: Callable[[Path], None]) -> None:
    """``fill(temporary)``. A file that it misses in a folder that is there is a fault of ours, not of the folder."""
    try:
        fill(temporary)
    except FileNotFoundError as error:
        if temporary.is_dir():
            raise RuntimeError(f"{error.filename} was to be made first, and was not") from error
        raise


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder; 0 where there is neither."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def zip_folder(folder: Path, file: str | os.PathLike[str] | BinaryIO) -> None:
    """Put ``folder`` and all that it holds into the archive ``file``, as it is: weights do not pack."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for inner in sorted(folder.rglob("*")):
            archive.write(inner, Path(folder.name) / inner.relative_to(folder))


def _take_the_place(temporary: Path, target: Path) -> None:
    """Rename ``temporary`` to ``target``; a folder of that name steps aside first and comes back if that fails."""
    if not target.exists():
        temporary.rename(target)
        return
    aside = _beside(target).with_suffix(".old")  # not swept: should the process end here, it is all there is
    target.rename(aside)
    try:
        temporary.rename(target)
    except BaseException:
        aside.rename(target)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _beside(target: Path) -> Path:
    """A name that nothing has, in the folder of ``target``, which says who writes; short, since names have a greatest
    length."""
    return target.parent / f".headviz-{_machine()}-{os.getpid()}-{secrets.token_hex(8)}.part"


_PART = re.compile(r"\.headviz-(?:([0-9a-f]{8})-(\d+)-)?[0-9a-f]{16}\.part")
_ABANDONED = 3600.0  # seconds without a change, after which nobody writes any more


def sweep(folder: Path) -> None:
    """Remove what processes that were killed left half-written in ``folder``: those of this machine that are gone, and
    what has not changed for an hour where nobody can say. What a running process writes stays, and so does whatever
    cannot be removed."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            found = _PART.fullmatch(entry.name)
            if found is not None and _is_left_over(entry, found):
                _remove(Path(entry.path))


def _is_left_over(entry: os.DirEntry[str], found: re.Match[str]) -> bool:
    if os.name == "posix" and found[1] == _machine():
        try:
            os.kill(int(found[2]), 0)
        except ProcessLookupError:
            return True
        except (OSError, OverflowError):
            return False
        return False
    inside = Path(entry.path).rglob("*") if entry.is_dir(follow_symlinks=False) else ()
    changed = [entry.stat(follow_symlinks=False).st_mtime, *(one.lstat().st_mtime for one in inside)]
    return time.time() - max(changed) > _ABANDONED


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


@cache
def _machine() -> str:
    """Eight hex digits of this machine, or container: processes of others have numbers of their own."""
    numbers = ""
    with contextlib.suppress(OSError):  # on Linux; containers may share a name and a network card
        numbers = os.readlink("/proc/self/ns/pid")
    return hashlib.sha256(f"{socket.gethostname()} {uuid.getnode()} {numbers}".encode()).hexdigest()[:8]


@contextlib.contextmanager
def _refusals(path: str | os.PathLike[str]) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = _REASONS.get(error.errno or 0, f"the system says: {error.strerror or error}")
        raise ExportError(f"{os.fspath(path)!r} cannot be written: {reason}.") from error
