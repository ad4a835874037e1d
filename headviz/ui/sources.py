"""Where models and data come from: what a visitor may name, and how calibration and report data come about.

A folder path reads the server's disk and a hub id fills it, so both are for the one who started the server (``local``).
Where the owner gave a data root, paths must lie under it and others may read there; whether they may write there and
have models downloaded, the owner says, too. Demos and uploads are for everyone.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import headviz as hv
from headviz.errors import Cancelled, DataError, ExportError, HeadvizError, LoadError
from headviz.serving import ALLOW_DOWNLOAD, ALLOW_WRITE, DATA_ROOT
from headviz.ui import links
from headviz.ui.state import AskedData, OpenedData, OpenedModel
from headviz.units import MEGABYTE

if TYPE_CHECKING:
    from headviz.data import Data
    from headviz.outline import Outline

DEMO = "demo/reviews"
DEMOS = (DEMO,)
DATA_SUFFIXES = ("csv", "tsv", "jsonl", "ndjson", "json", "parquet", "xlsx", "txt", "gz")
LARGEST_UPLOAD_MB = 50
_HUB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}(/[A-Za-z0-9][A-Za-z0-9._-]{0,95})?")
_REFUSED = (
    "This server opens only demos and uploaded files. Whoever runs it opens more with the whole address that "
    "headviz app prints, and can allow others folders with --data-root DIR."
)
_CALIBRATION_SPLITS = ("train", "training")
_SELECTION_SPLITS = ("validation", "dev", "validation_matched", "valid")
_REPORT_SPLITS = ("test", *_SELECTION_SPLITS)


def data_root() -> Path | None:
    """The folder that a server's owner opens to visitors, or None."""
    root = os.environ.get(DATA_ROOT)
    return Path(root).resolve() if root else None


def open_to_visitors() -> str:
    """What is open to visitors who did not start the server, in a sentence."""
    kinds = ["demos", "uploads"]
    if may_download(local=False):
        kinds.append("models and data of the hub")
    if data_root() is not None:
        kinds.append("what lies under this server's data root")
    listed = f"{', '.join(kinds[:-1])} and {kinds[-1]}"
    return (
        f"You can open {listed}. If this server is yours, start it with `headviz app` and open the whole address that "
        "it prints: then you can open folders and models of the hub, too."
    )


def may_write(local: bool) -> bool:
    """Whether a visitor may have a new folder written: the owner, and others where the owner lets them, in the data
    root."""
    return local or (data_root() is not None and _is_on(ALLOW_WRITE))


def may_download(local: bool) -> bool:
    """Whether a visitor may have this server fetch models and data from the hub."""
    return local or _is_on(ALLOW_DOWNLOAD)


def _is_on(switch: str) -> bool:
    return os.environ.get(switch, "") not in ("", "0")


def check_source(text: str, *, local: bool, error: type[HeadvizError] = LoadError) -> str:
    """What may be handed to ``hv.load`` or ``hv.load_data`` for what a visitor typed; else the refusal, as ``error``.

    With a data root, paths must lie under it, whatever links they go through, and a path outside gets the words of
    one that does not exist.
    """
    text = text.strip()
    if not text:
        raise error("Type the name of a demo, a Hugging Face id or a folder.")
    if text in DEMOS:
        return text
    root = data_root()
    if root is None and local:
        place = _expanded(text, error)  # whole, so that it is the same place after a start in another folder
        return str(place.absolute()) if text.startswith("~") or _exists(place) else text
    inside = None if root is None else _under(root, text, local)
    if inside is not None and root is not None and _exists(inside):
        if _leads_out(inside, root):
            raise error("A link in that folder leads out of this server's data root; choose another path.")
        return str(inside)
    # what exists beside the server would win over the id
    if may_download(local) and _HUB_ID.fullmatch(text) and not Path(text).exists():
        return text
    if root is None:
        raise error(_REFUSED)
    nor_hub = "" if may_download(local) else ", and it fetches nothing from the hub for visitors"
    raise error(f"There is no such file or folder under this server's data root{nor_hub}; check the path.")


def _expanded(text: str, error: type[HeadvizError]) -> Path:
    """A path whose ~ is written out. Raises ``error`` where nobody has that home."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise error("~ and the name behind it are no home folder here; type the whole path.") from None


def _under(root: Path, text: str, local: bool) -> Path | None:
    """The place under ``root`` that a visitor means, whether there is anything or not; None for all other places. Only
    the owner's ~ is a home: which names have one is not for others to find out."""
    try:
        place = (root / (Path(text).expanduser() if local else text)).resolve()
    except (OSError, ValueError, RuntimeError):  # a name no file system takes, links in a circle, nobody's home
        return None
    return place if place.is_relative_to(root) else None


def _leads_out(folder: Path, root: Path) -> bool:
    """Whether anything in ``folder`` is a link to a place outside of ``root``."""
    try:
        links_there = [one for one in folder.rglob("*") if one.is_symlink()] if folder.is_dir() else []
        return any(not one.resolve().is_relative_to(root) for one in links_there)
    except (OSError, RuntimeError):  # a folder shut to us, links in a circle
        return True


def _exists(place: Path) -> bool:
    try:
        return place.exists()
    except (OSError, ValueError):
        return False


def check_destination(text: str, *, local: bool, what: str = "folder") -> Path:
    """Where a visitor may have a new folder (or file, says ``what``) written; else the refusal, as ExportError. Others
    than the owner make one folder at a time, in one that is there."""
    text, root = text.strip(), data_root()
    if not text:
        raise ExportError(f"Type the path of a new {what}.")
    if not may_write(local):
        raise ExportError("This server writes no folders for visitors; download the zip.")
    place = _expanded(text, ExportError) if root is None else _under(root, text, local)
    if place is None:
        raise ExportError(f"The {what} must lie under this server's data root; choose another path.")
    try:
        place = place.resolve()
        taken = place.exists() and not (local and place.is_dir() and not any(place.iterdir()))
        lonely = not local and not place.parent.is_dir()
    except (OSError, ValueError, RuntimeError):  # a name no file system takes, a folder shut to us, links in a circle
        raise ExportError("Nothing can be written at that path; choose another one.") from None
    if taken:
        raise ExportError(f"There is something at that path already; name a new {what}.")
    if lonely:
        raise ExportError(f"The path leads through a folder that does not exist; name a new {what} in one that does.")
    return place


@contextmanager
def as_typed(place: str, typed: str) -> Iterator[None]:
    """Errors of this block name ``place`` as the visitor ``typed`` it: where it lies on the server is not theirs."""
    try:
        yield
    except Cancelled:
        raise
    except HeadvizError as error:
        said = str(error).replace(place, typed)
        root = data_root()
        said = said if root is None else said.replace(str(root), "the data root")
        if said == str(error):
            raise
        raise type(error)(said) from error


def open_model(text: str, *, revision: str | None, local: bool, on_progress: Any = None) -> OpenedModel:
    """Open what a visitor named. Raises LoadError with its sentence."""
    source = check_source(text, local=local)
    with as_typed(source, text.strip()):
        subject = hv.load(source, revision=revision or None, on_progress=on_progress)
    on_hub = source not in DEMOS and not Path(source).exists()
    link = source if source in DEMOS else links.source_in_link(source, subject.revision) if on_hub else None
    return OpenedModel(subject, source, link or subject.fingerprint)


def open_data(
    text: str,
    *,
    local: bool,
    options: Mapping[str, Any] | None = None,
    splits: Sequence[str | None] = (None, None, None),
) -> OpenedData:
    """Open a demo, a hub data set or a file. ``splits``: to score on, to choose on and to report on, None to choose
    them here."""
    source = check_source(text, local=local, error=DataError)
    with as_typed(source, text.strip()):
        return _open_data(source, options, splits)


def _open_data(source: str, options: Mapping[str, Any] | None, splits: Sequence[str | None]) -> OpenedData:
    there = _splits(source)
    link = source if source in DEMOS else None
    if link is None and not Path(source).exists():
        link = links.source_in_link(source)

    def load(split: str | None) -> Data:
        return hv.load_data(source, split=split, **(options or {}))

    if len(there) < 2:
        return halve(hv.load_data(source, **(options or {})), source, link)
    calibration = splits[0] or _first(there, _CALIBRATION_SPLITS) or there[0]
    rest = [split for split in there if split not in (calibration, splits[1])]
    report = splits[2] or _first(rest, _REPORT_SPLITS) or (rest[0] if rest else calibration)
    rest = [split for split in there if split not in (calibration, report)]
    selection = splits[1] or _first(rest, _SELECTION_SPLITS) or calibration
    if report in (calibration, selection):
        if calibration == selection:
            return halve(load(calibration), source, link)
        raise DataError(
            f"The split {report} is named twice: what is reported must be measured on rows that nothing was chosen on. "
            "Name another split to report on."
        )
    opened = {split: load(split) for split in (calibration, selection, report)}
    names = [f"the split {split}" for split in (calibration, selection, report)]
    return _apart([opened[split] for split in (calibration, selection, report)], names, source, link)


def _apart(parts: Sequence[Data], names: Sequence[str], source: str, link: str | None) -> OpenedData:
    """Parts to score, to choose and to report on, the first two without the texts of the last: quality on texts that
    something was chosen on would be memory."""
    calibration, selection, report = parts
    kept = calibration.without(report), selection.without(report)
    note = parts_in_words(*names)
    if not all(map(len, kept)):
        raise DataError(
            f"All texts of {names[0] if not len(kept[0]) else names[1]} stand in {names[2]}, too, so nothing is left "
            "to choose on. Give parts of different texts."
        )
    if left_out := max(len(calibration) - len(kept[0]), len(selection) - len(kept[1])):
        rows = "1 row was" if left_out == 1 else f"{left_out:,} rows were"
        note += f" {rows} left out of what masks are chosen on, because {names[2]} has the same text."
    return OpenedData(kept[0], kept[0] if selection is calibration else kept[1], report, source, link, note)


def parts_in_words(calibration: str, selection: str, report: str) -> str:
    """A sentence on what each part of the data is for."""
    if selection == calibration:
        return f"Scores come from {calibration}, and masks are chosen on it; final figures come from {report}."
    return f"Scores come from {calibration}, masks are chosen on {selection}, and final figures come from {report}."


def open_uploads(files: Sequence[tuple[str, bytes]], options: Mapping[str, Any] | None = None) -> OpenedData:
    """Open one uploaded file, or two (to score and choose on; to report on), or three (to score, choose, report)."""
    if len(files) > 3:
        raise DataError(f"{len(files)} files are uploaded, but there are three parts at most: remove some.")
    opened = [_upload(name, content, options) for name, content in files]
    if len(opened) == 1:
        return halve(opened[0], opened[0].name, None)
    if len({data.fingerprint for data in opened}) < len(opened):
        raise DataError(
            "Two of the files hold the same rows; upload another one, or one file alone, which is then halved."
        )
    parts = opened[0], opened[-2], opened[-1]
    return _apart(parts, [part.name for part in parts], opened[0].name, None)


def with_labels(opened: OpenedData, labels: Any) -> OpenedData:
    """The same rows with ``labels`` ("ids" or a mapping from raw values to the model's labels) taken as said."""
    parts = {name: getattr(opened, name).with_labels(labels) for name in ("calibration", "selection", "report")}
    recipe = None if opened.recipe is None else {**opened.recipe, "labels": labels}
    return replace(opened, **parts, recipe=recipe)


def halve(data: Data, source: str, link: str | None) -> OpenedData:
    """One set of rows as two halves without a common row, so that nothing is reported where it was chosen."""
    if len(data) < 2:
        raise DataError(
            f"{data.name} has {len(data)} usable {'row' if len(data) == 1 else 'rows'}; at least 2 are needed, one "
            "half to score on and one to report on."
        )
    selection, report = data.halves(0)
    if not len(report):
        raise DataError(
            f"{data.name} has {len(data):,} rows of one and the same text; at least 2 different texts are needed, one "
            "half to score on and one to report on."
        )
    again = len(data) - len(set(data.inputs))
    note = (
        "There is one set of rows, so it was split in halves, within each label, with seed 0: scores come from one "
        f"({len(selection):,} examples), and masks are chosen on it; final figures come from the other "
        f"({len(report):,})."
    )
    if again:
        rows = "1 row repeats" if again == 1 else f"{again:,} rows repeat"
        note += f" {rows} the text of another; rows of one text are all in one half."
    return OpenedData(selection, selection, report, source, link, note, halved=True)


def outline_of(asked: AskedData, *, local: bool) -> Outline:
    """What there is to choose from in data that were asked for; of several uploads, in the first."""
    from headviz.outline import outline, outline_upload

    if asked.files:
        name, content = asked.files[0]
        return outline_upload(display_name(name), content)
    return outline(check_source(asked.source or "", local=local, error=DataError))


def _upload(name: str, content: bytes, options: Mapping[str, Any] | None) -> Data:
    """Parse uploaded bytes in memory; the visitor's file name only tells the kind."""
    from headviz.data import read_upload

    shown = display_name(name)
    if len(content) > LARGEST_UPLOAD_MB * MEGABYTE:
        raise DataError(f"{shown} is larger than {LARGEST_UPLOAD_MB} MB; upload fewer rows.")
    return read_upload(shown, content, **(options or {}))


def is_passing(path: str) -> bool:
    """Whether ``path`` lies in a temporary folder of this server's, which will not last."""
    temporary = Path(tempfile.gettempdir()).resolve()
    inner = Path(path).resolve()
    parts = inner.relative_to(temporary).parts if inner.is_relative_to(temporary) else ()
    return bool(parts) and parts[0].startswith("headviz-")


def display_name(name: str) -> str:
    """An uploaded file's name as a page shows it: the last part, printable, of bounded length."""
    last = re.split(r"[\\/]", name)[-1]
    shown = "".join(character for character in last if character.isprintable()).strip()
    return (shown if len(shown) <= 80 else f"{shown[:60]}…{shown[-15:]}") or "upload"


def _splits(source: str) -> tuple[str, ...]:
    from headviz.data import splits_of

    return splits_of(source)


def _first(there: Sequence[str], liked: Sequence[str]) -> str | None:
    return next((split for split in liked if split in there), None)
