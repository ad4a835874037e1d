"""Folders: which splits lie in them, in which files, and what their card says of the labels.

Two kinds are known: what ``datasets.save_to_disk`` writes, and data files whose names tell their split (``train.tsv``,
``data/test-00000-of-00002.parquet``, ``mrpc/validation.csv``), as on the hub. Loading scripts are never run.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from headviz.errors import DataError
from headviz.readers.arrow import names_in_features
from headviz.readers.table import ChoiceError

KINDS = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet", ".xlsx", ".txt")
PACKED = ".gz"
SUFFIXES = (*KINDS, *(kind + PACKED for kind in KINDS if kind not in (".parquet", ".xlsx")))
KNOWN = f"{', '.join(KINDS)}, texts also with {PACKED} behind"
_NOT_DATA = {"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json", "config.json"}
_NOT_DATA |= {"requirements.txt", "license.txt", "readme.txt", "notice.txt", "robots.txt", "croissant.json"}
_ALIASES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev", "development"), "validation"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), "test"),
}
_ORDER = ("train", "validation", "test")
_DEPTH = 3
_PART = re.compile(r"(?P<stem>.*?)[-_.]?(?P<part>\d+)-of-(?P<parts>\d+)(?:-[0-9a-f]{16})?")
_NUMBERED = re.compile(r"(?:part|data|shard|chunk)?[-_]?\d+")
_PLAIN_FOLDERS = {"data", "default", "plain_text"}


@dataclass(frozen=True)
class Shards:
    """The files of one split, in order, and the configuration whose labels the card describes."""

    files: tuple[Path, ...]
    config: str | None = None


def splits_of(folder: Path, name: str) -> dict[str, Shards]:
    """Split name -> its files; the name is "" where a folder holds one data set without splits.

    A split is named as its file is, without the numbers of its parts; below further folders it is "folder/split".
    Raises `DataError` for a folder without data files, with a missing part, or with one split in two formats.
    """
    if (folder / "dataset_dict.json").is_file():
        saved = [Path(str(split)).name for split in _json(folder / "dataset_dict.json", name).get("splits") or []]
        return {split: Shards(_saved(folder / split, name)) for split in saved}
    if (folder / "state.json").is_file():
        return {"": Shards(_saved(folder, name))}
    if (folder / "config.json").is_file() and any(folder.glob("*.safetensors")):
        raise DataError(f"{name} is a model, not data. Give a data file or a folder of such files.")
    files = _files_below(folder)
    tables = [path for path in files if kind_of(path.name) != ".txt"]
    files = tables or files
    if not files:
        raise DataError(f"{name} holds no data file. Known are {KNOWN}.")
    splits: dict[str, list[Path]] = {}
    configs: dict[str, str | None] = {}
    for path in files:
        split, config = _split_name(path.relative_to(folder))
        splits.setdefault(split, []).append(path)
        configs[split] = config
    ordered = sorted(splits, key=lambda split: min((_ORDER.index(kind) for kind in _kinds(split)), default=len(_ORDER)))
    return {split: Shards(_whole(splits[split], split, name), configs[split]) for split in ordered}


def find_split(wanted: str | None, splits: list[str], name: str) -> str:
    """The one of ``splits`` that ``wanted`` means: by its name, else the only one of that kind ("dev" for
    "validation", "sst2_train" for "train"). Raises `ChoiceError` that lists the splits."""
    listed = ", ".join(splits[:20]) + (f" and {len(splits) - 20} more" if len(splits) > 20 else "")
    if wanted is None:
        if len(splits) > 1:
            raise ChoiceError(f"{name} has several splits: {listed}. Choose one with split=.")
        return splits[0]
    if wanted in splits:
        return wanted
    if splits == [""]:
        raise ChoiceError(f"{name} has no splits, so there is no {wanted!r} in it. Leave split out.")
    kind = _ALIASES.get(wanted.lower())
    same = [split for split in splits if kind is not None and kind in _kinds(split)]
    if len(same) == 1:
        return same[0]
    if same:
        raise ChoiceError(
            f"{name} has several splits that may be {wanted!r}: {', '.join(same)}. Choose one with split=."
        )
    raise ChoiceError(f"{name} has no split {wanted!r}; it has {listed}. Choose one of these with split=.")


def card_names(folder: Path, config: str | None) -> dict[str, tuple[str, ...]]:
    """Column -> names of its integers, from the front matter of README.md or from dataset_infos.json; {} where they say
    nothing, or say it of several configurations none of which is ``config``."""
    described = _described_in_readme(folder) or _described_in_infos(folder)
    if config not in described and len(described) == 1:
        return next(iter(described.values()))
    return described.get(config) or described.get("default") or {}


def kind_of(name: str) -> str:
    """The kind of a file by its name, ".csv" for a.csv and for a.csv.gz."""
    return PurePath(name.lower().removesuffix(PACKED)).suffix


def walk(folder: Path) -> list[Path]:
    """Sorted files, relative to ``folder``, at most `_DEPTH` folders down: a folder given by mistake may have a whole
    disk below it. Hidden ones and texts about the data are left out."""
    found: list[Path] = []
    for here, folders, files in os.walk(folder):
        below = Path(here).relative_to(folder)
        folders[:] = [one for one in folders if not one.startswith((".", "_")) and len(below.parts) < _DEPTH]
        found += [below / file for file in files if not file.startswith((".", "_")) and not _is_about(file)]
    return sorted(path for path in found if os.path.isfile(folder / path))


def _files_below(folder: Path) -> list[Path]:
    return [folder / path for path in walk(folder) if path.name.lower().endswith(SUFFIXES)]


def _is_about(file: str) -> bool:
    return file.lower() in _NOT_DATA or file.lower() in ("readme", "readme.md", "license", "licence")


def _split_name(path: Path) -> tuple[str, str | None]:
    """("mrpc/train", "mrpc") for mrpc/train-00000-of-00001.parquet; ("train", None) for data/train/0001.csv."""
    folders = [part for part in path.parts[:-1] if part.lower() not in _PLAIN_FOLDERS]
    match = _PART.fullmatch(_stem(path))
    stem = match["stem"] if match else _stem(path)
    if not stem or _NUMBERED.fullmatch(stem):
        stem = folders.pop() if folders else "train"
    elif folders and folders[-1].lower() in _ALIASES:
        stem = f"{folders.pop()}/{stem}" if stem.lower() not in _ALIASES else stem
    return "/".join([*folders, stem]), "/".join(folders) or None


def is_split(name: str) -> bool:
    """Whether the name is one that splits have, such as "dev" or "sst2_train"."""
    return bool(_kinds(name))


def _stem(path: Path) -> str:
    return Path(path.stem).stem if path.suffix.lower() == PACKED else path.stem


def _kinds(split: str) -> set[str]:
    return {_ALIASES[word] for word in re.split(r"[\W_]+", split.lower()) if word in _ALIASES}


def _whole(paths: list[Path], split: str, name: str) -> tuple[Path, ...]:
    suffixes = sorted({kind_of(path.name) or path.suffix for path in paths})
    if len(suffixes) > 1:
        raise DataError(f"{name}: split {split!r} is there as {' and '.join(suffixes)}. Give the file itself.")
    parts = [match for path in paths if (match := _PART.fullmatch(_stem(path)))]
    if parts and {int(match["part"]) for match in parts} != set(range(int(parts[0]["parts"]))):
        raise DataError(
            f"{name}: split {split!r} has {len(parts)} of {int(parts[0]['parts'])} files. Get the missing ones."
        )
    return tuple(paths)


def _saved(folder: Path, name: str) -> tuple[Path, ...]:
    """The Arrow files of one data set that ``datasets.save_to_disk`` wrote."""
    state = _json(folder / "state.json", name)
    if state.get("_indices_files") or state.get("_indices_data_files"):
        raise DataError(f"{name} was saved with an index of rows by an old version of datasets. Save it again.")
    files = tuple(folder / Path(str(entry["filename"])).name for entry in state.get("_data_files") or [])
    missing = [path.name for path in files if not path.is_file()]
    if missing or not files:
        lost = missing[0] if missing else "data-00000-of-00001.arrow"
        raise DataError(f"{name} lacks its file {lost}. Save it again.")
    return files


def _json(path: Path, name: str) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{name}: {path.name} cannot be read; the saved data set is damaged. Save it again.") from error
    if not isinstance(value, dict):
        raise DataError(f"{name}: {path.name} is not what datasets writes. Save the data set again.")
    return value


def _described_in_infos(folder: Path) -> dict[str | None, dict[str, tuple[str, ...]]]:
    try:
        infos = json.loads((folder / "dataset_infos.json").read_text(encoding="utf-8"))
        return {str(config): names_in_features(info.get("features")) for config, info in infos.items()}
    except (OSError, ValueError, AttributeError):
        return {}


def _described_in_readme(folder: Path) -> dict[str | None, dict[str, tuple[str, ...]]]:
    """``dataset_info`` of the card: features as a list, class names as {'0': name} or a list."""
    if not (folder / "README.md").is_file():
        return {}
    import yaml  # type: ignore[import-untyped]  # comes with huggingface-hub

    try:
        text = (folder / "README.md").read_text(encoding="utf-8-sig")
        front = text.removeprefix("---").split("\n---", 1)[0] if text.startswith("---") else ""
        infos = (yaml.safe_load(front) or {}).get("dataset_info") or []
    except (OSError, ValueError, AttributeError, yaml.YAMLError):
        return {}
    described: dict[str | None, dict[str, tuple[str, ...]]] = {}
    for info in infos if isinstance(infos, list) else [infos]:
        if not isinstance(info, dict):
            continue
        names = {}
        for feature in info.get("features") or []:
            kind = feature.get("dtype") if isinstance(feature, dict) else None
            given = (kind.get("class_label") or {}).get("names") if isinstance(kind, dict) else None
            if isinstance(given, dict):
                names[str(feature["name"])] = tuple(str(given[key]) for key in sorted(given, key=int))
            elif isinstance(given, list):
                names[str(feature["name"])] = tuple(str(name) for name in given)
        described[info.get("config_name")] = names
    return described
