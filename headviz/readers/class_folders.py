"""Folders of one text a file below a folder per class, as the IMDB reviews and 20 Newsgroups come.

``train/pos/0_9.txt``: the split is "train", the label "pos". Files have the suffix .txt or none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from headviz.errors import DataError
from headviz.readers.bounds import Bounds
from headviz.readers.decode import decode
from headviz.readers.folder import is_split, walk
from headviz.readers.table import Skipped, Table

_UNLABELLED = {"unsup", "unlabelled", "unlabeled"}
_EMPTY = "empty file"


def class_folders(folder: Path, name: str, bounds: Bounds) -> dict[str, Callable[[], list[Table]]] | None:
    """Split -> what reads its texts, "" without splits; None where ``folder`` is not laid out in this way."""
    there = walk(folder)
    texts = [path for path in there if path.suffix.lower() in ("", ".txt")]
    if any(path.suffix.lower() not in ("", ".txt") for path in there if len(path.parts) > 1):
        return None
    splits: dict[str, dict[str, list[Path]]] = {}
    aside: list[Path] = []
    for path in texts:
        *above, label = path.parts[:-1] or [""]
        place = "/".join(above)
        if (
            not label
            or is_split(label)
            or len(above) > 1
            or (above and not is_split(above[0]))
            or label.lower() in _UNLABELLED
        ):
            aside.append(path)
        elif is_split(path.stem):
            return None  # a folder per data set, with its splits
        else:
            splits.setdefault(place, {}).setdefault(label, []).append(path)
    several = [len(files) > 1 for labels in splits.values() for files in labels.values()]
    if not splits or not any(several) or any(len(labels) < 2 for labels in splits.values()):
        return None
    if len(splits) > 1 and "" in splits:
        return None
    note = f"{name} has one text a file below a folder per class: the folders' names are the labels."
    if aside:
        first = aside[0].as_posix()
        note += f" {len(aside):,} other {'file is' if len(aside) == 1 else 'files are'} left out, such as {first}."

    def reader(files: Sequence[tuple[str, Path]]) -> Callable[[], list[Table]]:
        return lambda: [_table(folder, files, name, bounds, note)]

    ordered = sorted(splits, key=lambda split: ("train" not in split, split))
    return {
        split: reader([(label, path) for label in splits[split] for path in splits[split][label]]) for split in ordered
    }


def _table(folder: Path, files: Sequence[tuple[str, Path]], name: str, bounds: Bounds, note: str) -> Table:
    bounds.require_rows(len(files), name, "files")
    notes, size = [note], 0
    kept: list[int] = []
    texts: list[str] = []
    skipped: list[Skipped] = []
    for number, (_, path) in enumerate(files):
        try:
            size += (folder / path).stat().st_size
            bounds.require_size(size, name)
            content = (folder / path).read_bytes()
        except OSError as error:
            raise DataError(f"{path.as_posix()} cannot be read: {error.strerror}. Check the file.") from error
        if not content.strip():
            skipped.append(Skipped(number, _EMPTY))
            continue
        text = decode(content, path.as_posix(), bounds)
        notes += text.notes if len(notes) == 1 else ()
        texts.append(text.content.decode().rstrip("\r\n"))
        kept.append(number)
    labels = [files[number][0] for number in kept]
    columns = (labels, texts)
    return Table(
        name, ("label", "text"), kept, len(files), lambda j: list(columns[j]), tuple(skipped), notes=tuple(notes)
    )
