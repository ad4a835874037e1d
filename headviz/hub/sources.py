"""What a name means: a demo, a folder of this machine, or an id of the hub, in this order."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from headviz.checkpoint.configuration import read_config
from headviz.checkpoint.contents import instead_of_weights
from headviz.checkpoint.files import SINGLE, weight_files
from headviz.checkpoint.pruned import MASK_FILE, is_pruned
from headviz.checkpoint.tokenizer import has_tokenizer
from headviz.demo import reviews
from headviz.errors import DataError, HeadvizError, LoadError
from headviz.hub import remote
from headviz.hub.remote import Repository
from headviz.progress import OnProgress
from headviz.readers.folder import KNOWN, SUFFIXES

Kind = Literal["model", "dataset"]
DEMO_MODELS = {"demo/reviews": reviews.MODEL_FOLDER}

_PART = r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?"
_ID = re.compile(rf"{_PART}(?:/{_PART})?")
_REVISION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/-]{0,199}")
_MODEL_TEXTS = (".json", ".txt", ".model")
_SHARD = re.compile(r"model-\d+-of-\d+\.safetensors")
_DATA = SUFFIXES
_MOST_DATA_BYTES = 4_000_000_000


@dataclass(frozen=True)
class Resolved:
    """Where something lies: its ``folder``, the ``name`` that results carry, and the hub's commit as ``revision``."""

    folder: Path
    name: str
    revision: str | None


def resolve(
    source: str | os.PathLike[str],
    *,
    revision: str | None = None,
    offline: bool = False,
    kind: Kind = "model",
    on_progress: OnProgress | None = None,
    endpoint: str | None = None,
    cache: Path | None = None,
    patience: float = remote.PATIENCE,
) -> Resolved:
    """The folder of a model (or of a data set, ``kind="dataset"``): a demo name, a local path, or a hub id.

    What exists as a local path wins over an id. A model that lies complete in the user's Hugging Face cache is taken
    from there without asking the network; to have a newer one, name its commit as ``revision``. For a data set the hub
    is asked first and the cache serves when there is no network. Only text, safetensors and table files are downloaded.
    ``offline`` (or HF_HUB_OFFLINE) asks no network; ``endpoint`` and ``cache`` are the environment's (HF_ENDPOINT,
    HF_HOME) unless given; no answer of a hub that is not there is waited for longer than ``patience`` seconds.

    LoadError (DataError for data sets), in one or two sentences: no such folder, unknown id or revision, no access, no
    network, nothing that may be opened.
    """
    error: type[HeadvizError] = DataError if kind == "dataset" else LoadError
    text = os.fspath(source) if isinstance(source, str | os.PathLike) else None
    if not isinstance(text, str) or not text.strip() or "\0" in text:
        what = "a model: a demo name, a folder or a Hugging Face id" if kind == "model" else "a data set"
        raise error(f"{source!r} does not name {what}.")
    if kind == "model" and text in DEMO_MODELS:
        if revision is not None:
            raise error(f"{text} is part of headviz and has no revisions. Leave revision out.")
        return Resolved(DEMO_MODELS[text], text, None)
    path = Path(os.path.expanduser(text))
    if _exists(path):
        return _local(path, revision, kind, error)
    if not isinstance(source, str) or not _ID.fullmatch(text) or ".." in text or "--" in text:
        raise error(f"There is no folder {text!r}. {_hint(text)}")
    if text.startswith("demo/"):
        raise error(f"There is no demo {text!r}. Known are {', '.join(DEMO_MODELS)}.")
    if revision is not None and (not _REVISION.fullmatch(revision) or ".." in revision):
        raise error(f"{revision!r} cannot be a revision of {text}; give a branch, a tag or a commit.")
    there = Repository(text, revision, kind, error, endpoint, cache, patience)
    return (_model if kind == "model" else _dataset)(there, offline or remote.is_offline(), on_progress)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name too long for the file system, or a folder that may not be read
        return False


def _local(path: Path, revision: str | None, kind: Kind, error: type[HeadvizError]) -> Resolved:
    if revision is not None:
        raise error(f"{path} is a local path, which has no revisions. Leave revision out.")
    if kind == "model" and not path.is_dir():
        raise error(f"{path} is a file, not a folder. Give the folder that holds config.json and model.safetensors.")
    full = Path(os.path.abspath(path))  # a link keeps its name
    return Resolved(full, full.name or str(full), None)


def _hint(text: str) -> str:
    looks_like_a_path = text.startswith(("/", "\\", ".", "~")) or text.count("/") > 1 or "\\" in text
    if looks_like_a_path:
        return "Check the path."
    return "Nor can it be a Hugging Face id, which is a name or owner/name of letters, digits, '-', '_' and '.'."


def _model(there: Repository, offline: bool, on_progress: OnProgress | None) -> Resolved:
    folder = there.cached(("config.json",))
    if folder is not None and (_is_complete(folder) or (offline and _has_weights(folder))):
        return Resolved(folder, there.id, folder.name)
    if offline:
        raise LoadError(there.sentence_offline(incomplete=folder is not None))
    listing = there.listing()
    files = _model_files(listing.files, there)
    return Resolved(there.download(listing, files, on_progress), there.id, listing.commit)


def _has_weights(folder: Path) -> bool:
    try:
        return bool(weight_files(folder, folder.name))
    except LoadError:
        return False


def _is_complete(folder: Path) -> bool:
    return _has_weights(folder) and has_tokenizer(folder) and _has_mask(folder)


def _has_mask(folder: Path) -> bool:
    """Whether a pruned model's mask is there, which transformers does not download for itself."""
    try:
        raw = read_config(folder, folder.name)
    except LoadError:
        return True  # opening it says what is wrong
    return not is_pruned(raw) or (folder / MASK_FILE).is_file()


def _model_files(files: dict[str, int], there: Repository) -> list[str]:
    """The files at the top of the repository that a model needs. LoadError when it holds none that may be opened."""
    top = [name for name in files if "/" not in name and not name.startswith(".")]
    if "adapter_config.json" in top:
        raise LoadError(
            f"{there.id} is an adapter, not a whole model. "
            "Merge it into its base model (peft's merge_and_unload), save that and open the folder."
        )
    if "config.json" not in top:
        below = sorted(name.removesuffix("/config.json") for name in files if name.endswith("/config.json"))
        where = f" at its top, but in {below[0]}. Download that folder and give it" if below else ""
        raise LoadError(
            f"{there.id} has no config.json{where or ', so it is no transformers model. Choose another one'}."
        )
    weights = [name for name in top if name == SINGLE] or [name for name in top if _SHARD.fullmatch(name)]
    if not weights:
        raise LoadError(
            f"{there.id} {instead_of_weights([*top, *(set(files) - set(top))], single=SINGLE)}. Or look for a copy of "
            "the model, or for a revision such as 'refs/pr/1', with safetensors."
        )
    return [name for name in top if name.endswith(_MODEL_TEXTS)] + weights


def _dataset(there: Repository, offline: bool, on_progress: OnProgress | None) -> Resolved:
    patterns = ("README.md", *(f"*{suffix}" for suffix in _DATA))
    if offline:
        folder = there.cached(patterns)
        if folder is None:
            raise DataError(there.sentence_offline(incomplete=False))
        return Resolved(folder, there.id, folder.name)
    try:
        listing = there.listing()
    except remote.Unreachable as error:
        folder = there.cached(patterns)
        if folder is None:
            raise DataError(str(error)) from error
        return Resolved(folder, there.id, folder.name)
    files = _data_files(listing.files, there)
    return Resolved(there.download(listing, files, on_progress), there.id, listing.commit)


def _data_files(files: dict[str, int], there: Repository) -> list[str]:
    wanted = [name for name in files if name == "README.md" or name.lower().endswith(_DATA)]
    tables = [name for name in wanted if name != "README.md"]
    if not tables:
        by_script = any(name.endswith(".py") for name in files)
        why = "is made by a script, which headviz does not run" if by_script else "has no table files"
        raise DataError(f"{there.id} {why}. Download the data yourself and give a file ({KNOWN}).")
    size = sum(files[name] for name in wanted)
    if size > _MOST_DATA_BYTES:
        raise DataError(
            f"{there.id} holds {size / 1e9:.0f} GB of data files; headviz downloads at most "
            f"{_MOST_DATA_BYTES / 1e9:.0f} GB. Download the file that you need and give its path."
        )
    return wanted
