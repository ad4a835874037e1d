"""Everything that touches the network. One repository of the hub: what it holds, what of it is cached, its download.

huggingface_hub does the talking and keeps the user's cache. It waits and retries as long as it likes, so it runs in
threads of its own here, and whoever asked is answered in time whatever becomes of them.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from headviz.errors import DataError, HeadvizError, LoadError
from headviz.progress import OnProgress

PATIENCE = 7.0  # seconds
_STAGE = "megabytes downloaded"
_TICK = 0.25  # seconds between two looks at a download
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)
_ON = ("1", "true", "yes", "on")

Answer = TypeVar("Answer")


class Unreachable(LoadError, DataError):
    """The hub gave no answer at all."""


@dataclass(frozen=True)
class Listing:
    """The state of a repository: its ``commit``, and its ``files`` with their sizes in bytes."""

    commit: str
    files: dict[str, int]


def is_offline() -> bool:
    """Whether the environment forbids the hub, now or when huggingface_hub was imported."""
    if any(os.environ.get(name, "").lower() in _ON for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")):
        return True
    from huggingface_hub import is_offline_mode

    return is_offline_mode()


@dataclass(frozen=True)
class Repository:
    """A model or data set of the hub, by its ``id`` and ``revision`` (None: the main branch).

    ``error`` is the type of what is raised; ``endpoint`` and ``cache`` None are the environment's.
    """

    id: str
    revision: str | None
    kind: str
    error: type[HeadvizError]
    endpoint: str | None
    cache: Path | None
    patience: float

    @property
    def what(self) -> str:
        return "data set" if self.kind == "dataset" else "model"

    @property
    def at(self) -> str:
        """The address of the hub. Read now: huggingface_hub reads it once, when it is imported."""
        return (self.endpoint or os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")

    @property
    def host(self) -> str:
        return urlsplit(self.at).netloc or self.at

    def cached(self, patterns: tuple[str, ...]) -> Path | None:
        """The cached snapshot, as far as can be told complete in the files that match ``patterns``. No network."""
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import LocalEntryNotFoundError

        try:
            found = snapshot_download(
                self.id,
                repo_type=self.kind,
                revision=self.revision,
                cache_dir=_cache_folder(self.cache),
                allow_patterns=list(patterns),
                local_files_only=True,
            )
        except (LocalEntryNotFoundError, OSError, ValueError):
            return None
        held = (path for pattern in patterns for path in Path(found).rglob(pattern))
        return Path(found) if any(path.is_file() for path in held) else None

    def listing(self) -> Listing:
        """What the hub says it holds. One request, answered or given up within ``patience`` seconds."""
        try:
            return _in_time(self._ask, self.patience)
        except Exception as error:  # sockets, TLS, proxies, JSON: whatever it was, it becomes a sentence
            raise self._explained(error) from error

    def _ask(self) -> Listing:
        from huggingface_hub import HfApi

        hub = HfApi(endpoint=self.at, library_name="headviz")
        ask: Callable[..., Any] = hub.dataset_info if self.kind == "dataset" else hub.model_info
        told = ask(self.id, revision=self.revision, timeout=self.patience, files_metadata=True)
        files = {file.rfilename: file.size or 0 for file in told.siblings or [] if _is_inside(file.rfilename)}
        if not told.sha:
            raise ValueError("no commit in the answer")
        return Listing(told.sha, files)

    def download(self, listing: Listing, files: list[str], on_progress: OnProgress | None) -> Path:
        """Bring ``files`` of ``listing`` into the cache; the folder of the snapshot.

        ``on_progress`` hears of megabytes. When nothing has come for half of ``patience``, the hub is asked whether it
        is still there: a slow network is waited for, a lost one is not.
        """
        meter = _Meter(sum(listing.files[name] for name in files))
        answer: queue.Queue[Path | Exception] = queue.Queue()
        threading.Thread(target=_put, args=(answer, lambda: self._fetch(listing, files, meter)), daemon=True).start()
        heard = time.monotonic()
        seen = (-1, -1)
        try:
            while True:
                if (meter.done, meter.received) != seen:
                    seen, heard = (meter.done, meter.received), time.monotonic()
                if on_progress is not None:
                    on_progress(*meter.megabytes(), _STAGE)
                with contextlib.suppress(queue.Empty):
                    return self._downloaded(answer.get(timeout=_TICK), meter, on_progress)
                if time.monotonic() - heard > self.patience / 2:
                    self._still_there()
                    heard = time.monotonic()
        finally:
            meter.stop.set()

    def _downloaded(self, got: Path | Exception, meter: _Meter, on_progress: OnProgress | None) -> Path:
        if isinstance(got, Exception):
            raise self._explained(got) from got
        if on_progress is not None:
            total = meter.megabytes()[1]
            on_progress(total, total, _STAGE)
        return got

    def _still_there(self) -> None:
        try:
            _in_time(self._ask, self.patience / 2)
        except Exception as error:
            raise self.error(
                f"The connection to {self.host} was lost while {self.id} was downloaded. "
                "Try again; what has come already is kept."
            ) from error

    def _fetch(self, listing: Listing, files: list[str], meter: _Meter) -> Path:
        from huggingface_hub import hf_hub_download, snapshot_download

        cache = _cache_folder(self.cache)
        place: dict[str, Any] = {"repo_type": self.kind, "endpoint": self.at, "cache_dir": cache}
        folder = None
        for name in files:
            path = hf_hub_download(
                self.id,
                name,
                revision=listing.commit,
                etag_timeout=self.patience,
                library_name="headviz",
                tqdm_class=meter.bar(),
                **place,
            )
            folder = Path(path.removesuffix(name.replace("/", os.sep)))
            meter.finish(listing.files[name])
        # Everything is there: this only notes in the cache which commit the branch is at and what belongs to it.
        with contextlib.suppress(Exception):
            snapshot_download(
                self.id, revision=self.revision, allow_patterns=[glob.escape(name) for name in files], **place
            )
        if folder is None:
            raise FileNotFoundError(self.id)
        return folder

    def sentence_offline(self, incomplete: bool) -> str:
        what = "is only in part" if incomplete else "is not"
        where = f"{self.id}{f' at revision {self.revision}' if self.revision else ''}"
        return (
            f"{where} {what} in the Hugging Face cache, and the network may not be asked (offline). "
            f"Go online once to download it, or give a {'file or ' if self.kind == 'dataset' else ''}folder."
        )

    def _explained(self, error: BaseException) -> HeadvizError:
        """What went wrong between here and the hub, as a sentence."""
        from huggingface_hub import errors as hub

        if isinstance(error, hub.LocalEntryNotFoundError) and error.__cause__ is not None:
            error = error.__cause__  # huggingface_hub's "not in the cache either"
        status = getattr(getattr(error, "response", None), "status_code", None)
        if isinstance(error, hub.OfflineModeIsEnabled):
            return self.error(self.sentence_offline(incomplete=False))
        if isinstance(error, hub.GatedRepoError):
            return self.error(
                f"{self.id} is gated: its owner gives access on request. Ask for it on {self.at}/{self._page}, "
                "then log in with 'hf auth login'."
            )
        if isinstance(error, hub.RevisionNotFoundError) or (status == 404 and self.revision is not None):
            return self.error(f"{self.id} has no revision {self.revision!r}. Check its name, or leave it out.")
        if isinstance(error, hub.RepositoryNotFoundError) or status in (401, 403, 404):
            return self.error(
                f"There is no {self.what} {self.id!r} on {self.host} that you may read, and no such folder here. "
                "Check the spelling; for a private one log in with 'hf auth login'."
            )
        if status == 429:
            return self.error(f"{self.host} asks for fewer requests just now. Try again in a few minutes.")
        if status is not None:
            return self.error(f"{self.host} has a problem of its own (it answered {status}). Try again later.")
        if isinstance(error, OSError) and error.errno in _DISK:
            return self.error(f"{self.id} cannot be kept in {_cache_folder(self.cache)}: {error.strerror}. Make room.")
        return Unreachable(
            f"{self.host} does not answer, and {self.id!r} is neither a folder here nor in the Hugging Face cache. "
            "Check the network, or give a folder."
        )

    @property
    def _page(self) -> str:
        return f"datasets/{self.id}" if self.kind == "dataset" else self.id


class _Meter:
    """Bytes of a download so far, counted by the bars that huggingface_hub would draw."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.received = 0  # bytes that came over the network: where files come in pieces, these run ahead
        self.stop = threading.Event()
        self._finished = 0
        self._current = 0

    @property
    def done(self) -> int:
        return self._finished + self._current

    def megabytes(self) -> tuple[int, int]:
        total = max(1, -(-self.total // 1_000_000))
        return min(self.done // 1_000_000, total), total

    def finish(self, size: int) -> None:
        """One more file is there, downloaded or found in the cache."""
        self._finished += size
        self._current = 0
        self._check()

    def _check(self) -> None:
        if self.stop.is_set():
            raise InterruptedError("nobody waits for this download any more")

    def bar(self) -> type:
        from huggingface_hub.utils import tqdm

        meter = self

        class Bar(tqdm):
            """Both bars that huggingface_hub draws of a file: of what is written, and of what is received."""

            def __init__(self, *args: Any, **options: Any) -> None:
                super().__init__(*args, **{**options, "disable": True})

            def update(self, n: float | None = 1) -> None:
                meter._current += int(n or 0)
                meter._check()

            def update_transfer(self, n: float | None = 1) -> None:
                meter.received += int(n or 0)
                meter._check()

            def set_transfer_postfix_str(self, *_: Any, **__: Any) -> None:
                pass

        return Bar


def _cache_folder(given: Path | None) -> Path:
    """Where huggingface_hub keeps downloads, by the environment as it is now."""
    if given is not None:
        return given
    from huggingface_hub import constants

    if folder := os.environ.get("HF_HUB_CACHE"):
        return Path(folder).expanduser()
    if folder := os.environ.get("HF_HOME"):
        return Path(folder).expanduser() / "hub"
    return Path(constants.HF_HUB_CACHE)


def _is_inside(name: str) -> bool:
    return not name.startswith("/") and "\\" not in name and ".." not in name.split("/")


def _in_time(work: Callable[[], Answer], seconds: float) -> Answer:
    """The answer of ``work``, or TimeoutError after ``seconds``, wherever it hangs (name look-ups know no time-out)."""
    answer: queue.Queue[Answer | Exception] = queue.Queue()
    threading.Thread(target=_put, args=(answer, work), daemon=True).start()
    try:
        got = answer.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"no answer within {seconds:g} s") from None
    if isinstance(got, Exception):
        raise got
    return got


def _put(answer: queue.Queue[Any], work: Callable[[], Any]) -> None:
    try:
        answer.put(work())
    except BaseException as error:  # noqa: BLE001 - handed to whoever waits, who would wait for ever otherwise
        answer.put(error if isinstance(error, Exception) else RuntimeError(f"{type(error).__name__}: {error}"))
