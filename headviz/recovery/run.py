"""The folder of a run: what was asked, so that it goes on only with the same, and what came of it."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from headviz import __version__
from headviz.errors import RunError
from headviz.files import write_text
from headviz.recovery.settings import COUNTS_FROM

RUN_FILE = "run.json"
_LOCK_FILE = ".lock"
MODEL_FOLDER, ADAPTER_FOLDER = "model", "adapter"
_FORMAT = 1
_SAME = {"method": "the method", "seed": "the seed", "settings": "the settings", "model": "the model",
         "train": "the training split", "validation": "the validation split"}  # fmt: skip


@dataclass(frozen=True)
class Run:
    """``folder`` of a run and the ``record`` of what was asked: method, seed, settings, model, train, validation."""

    folder: Path
    record: dict[str, Any]

    @classmethod
    def enter(cls, folder: Path, record: dict[str, Any]) -> Run:
        """The run that ``folder`` holds, if it is of the same record, or a new one there.

        Raises RunError where the folder holds another run, or something else.
        """
        if (folder / RUN_FILE).is_file():
            known = cls.open(folder)
            for name, words in _SAME.items():
                if known.record.get(name) != json.loads(json.dumps(record[name])):
                    raise RunError(
                        f"{str(folder)!r} holds a run that differs in {words}. Choose another folder, or start it as "
                        "it was."
                    )
            return known
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise RunError(f"{str(folder)!r} is not empty and holds no run. Choose a new folder.")
        run = cls(folder, {"format": _FORMAT, **record, "versions": _versions(), "state": "running"})
        run._write()
        return run

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> Run:
        """The run in ``folder``. Raises RunError where there is none that can be read."""
        folder = Path(folder).expanduser()
        try:
            record = json.loads((folder / RUN_FILE).read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise RunError(f"{str(folder)!r} holds no run that can be read. Start one with hv.recover.") from error
        if not isinstance(record, dict) or type(record.get("format")) is not int or "method" not in record:
            raise RunError(f"{str(folder / RUN_FILE)!r} is not the record of a run. Start one with hv.recover.")
        if record["format"] > _FORMAT:
            raise RunError(f"{str(folder)!r} is of a later version of headviz. Update headviz to go on with it.")
        return cls(folder, record)

    @property
    def is_done(self) -> bool:
        return self.record.get("state") == "done"

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keeps other processes, and other runs of this one, out of the folder within the block. Raises RunError where
        one is at work in it, and where the system allows no lock there."""
        lock = FileLock(self.folder / _LOCK_FILE)
        try:
            lock.acquire(blocking=False)
        except Timeout as error:
            raise RunError(
                f"Another recovery is at work in {str(self.folder)!r}. Wait for its end, or choose another folder."
            ) from error
        except OSError as error:
            raise RunError(
                f"{str(self.folder)!r} cannot be worked in: {error.strerror or error}. Choose another folder."
            ) from error
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # a file that stays locks nothing
                Path(lock.lock_file).unlink(missing_ok=True)
            lock.release()

    @property
    def portable(self) -> dict[str, Any]:
        """The record without the path of another run, which says nothing elsewhere."""
        settings = {name: value for name, value in self.record["settings"].items() if name != COUNTS_FROM}
        return {**self.record, "settings": settings}

    def finish(self, outcome: dict[str, Any]) -> Run:
        """The run with its outcome written."""
        done = Run(self.folder, {**self.record, **outcome, "state": "done"})
        done._write()
        return done

    def _write(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(
                f"{str(self.folder)!r} cannot be made: {error.strerror or error}. Choose another folder."
            ) from error
        content = json.dumps(self.record, indent=1, ensure_ascii=False)
        write_text(self.folder / RUN_FILE, content)


def _versions() -> dict[str, str]:
    return {"headviz": __version__, **{name: version(name) for name in ("torch", "transformers", "peft")}}
