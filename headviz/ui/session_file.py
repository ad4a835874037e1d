"""Session files: what a visit is made of, without its model and data, as JSON that nobody need trust.

The object must have ``format`` ("headviz.session") and ``version`` (1). It may have ``model`` (name, fingerprint, heads
of each layer, and how it stands in a link), ``data`` (its name and how it stands in a link), ``masks`` (the records of
mask files, each once) and ``session``: the fields of `headviz.ui.state.Session` that are kept, a mask as its place in
``masks``. Keys that this version does not know are passed over; a field that is missing has its default. ``digest``
tells of damage.

What a browser's own visit keeps on this machine has ``here``, too: where model and data were opened from, and the
address. A file to hand on has not.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Any

from headviz import __version__
from headviz.errors import HeadvizError
from headviz.mask.plain import parse_json, plain
from headviz.provenance import now
from headviz.ui import links
from headviz.ui.choice import Choice, deepcopy_choice
from headviz.ui.named_model import NamedModel
from headviz.ui.plan_choice import PlanChoice
from headviz.ui.session_fields import LONGEST_TEXT, SESSION, Context, Odd, fields_of
from headviz.ui.state import Session

if TYPE_CHECKING:
    from headviz.mask import Mask

FORMAT, VERSION = "headviz.session", 1
SUFFIX = ".headviz.json"
MAX_BYTES = 8_000_000
_LONGEST_NAME = 500
MOST_MASKS = 1000


class SessionError(HeadvizError):
    """A session file cannot be used."""


@dataclass(frozen=True)
class NamedData:
    """The data of a session. ``link``: None for files and uploads."""

    name: str
    link: str | None


@dataclass(frozen=True)
class Kept:
    """What a session file says. ``values``: of the fields of a Session, by name; ``here``: what concerns this machine
    alone, as it was written."""

    model: NamedModel | None
    data: NamedData | None
    values: Mapping[str, Any]
    here: Mapping[str, Any] = field(default_factory=dict)


# -- out of a session --------------------------------------------------------------------------------------------------


def snapshot_of(session: Session) -> Session:
    """A copy of what is kept of ``session``, which later changes do not reach; it takes microseconds."""
    taken = copy.copy(session)
    for name in SESSION:
        value = getattr(session, name)
        if isinstance(value, list | dict | set):
            setattr(taken, name, value.copy())
        elif isinstance(value, Choice):
            setattr(taken, name, deepcopy_choice(value))
    return taken


def content_of(session: Session) -> bytes:
    """The file of ``session``, to hand on."""
    return encoded(record_of(session, Table()))


def encoded(record: Mapping[str, Any]) -> bytes:
    """``record`` as a file, with its digest."""
    return json.dumps({**record, "digest": _digest(record)}, ensure_ascii=False, allow_nan=False).encode()


def record_of(session: Session, masks: Table) -> dict[str, Any]:
    """What a session file holds of ``session``; ``masks`` may be that of an earlier look at it, which is faster."""
    masks.begin()
    values = {name: masks.written(getattr(session, name)) for name in SESSION}
    values["typed"] = [(text or "")[:LONGEST_TEXT] for text in session.typed]  # what is read of a longer one
    model, data = session.belongs, session.data
    named: dict[str, Any] = {} if model is None else {"model": asdict(model)}
    if data is not None:
        named["data"] = {"name": data.calibration.name, "link": data.link}
    elif session.wanted_data is not None:
        named["data"] = {"name": session.wanted_data, "link": session.wanted_data}
    return {
        "format": FORMAT,
        "version": VERSION,
        "headviz": __version__,
        "saved": now(),
        **named,
        "masks": masks.records,
        "session": values,
    }


class Table:
    """The masks of a session, each record once. A mask never changes, so its record is made once, too."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self._places: dict[str, int] = {}
        self._texts: dict[int, tuple[Mask, dict[str, Any], str]] = {}  # with the mask, so that nothing else gets its id
        self._used: set[int] = set()

    def begin(self) -> None:
        """Begin a record; masks that the last one had no more are forgotten."""
        self._texts = {name: known for name, known in self._texts.items() if name in self._used}
        self.records, self._places, self._used = [], {}, set()

    def place(self, mask: Mask) -> int:
        """Where the record of ``mask`` stands in the list."""
        self._used.add(id(mask))
        if id(mask) not in self._texts:
            record = mask.record()
            self._texts[id(mask)] = (mask, record, json.dumps(record, sort_keys=True))
        _, record, text = self._texts[id(mask)]
        if text not in self._places:
            self._places[text] = len(self.records)
            self.records.append(record)
        return self._places[text]

    def written(self, value: Any) -> Any:
        """``value`` fit for JSON."""
        if isinstance(value, PlanChoice):
            return value.pairs()
        if is_dataclass(value):
            return {one.name: self.written(getattr(value, one.name)) for one in fields(value)}
        if isinstance(value, Mapping) and any(isinstance(key, frozenset) for key in value):  # by addresses
            return [[sorted(key), self.written(one)] for key, one in value.items()]
        if isinstance(value, Mapping):
            return {str(key): self.written(one) for key, one in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.written(one) for one in (sorted(value) if isinstance(value, set | frozenset) else value)]
        return self.place(value) if hasattr(value, "with_toggled") else value


# -- into a session ----------------------------------------------------------------------------------------------------


def read(content: bytes, name: str, *, own: bool = False) -> Kept:
    """What the session file ``name`` with ``content`` says. Raises SessionError, naming it, for whatever is none.

    ``own``: it was written here for this visitor, so that a field that cannot be read is left out and all else stays.
    """
    if len(content) > MAX_BYTES:
        raise SessionError(f"{name} is larger than {MAX_BYTES // 10**6} MB, which no session is. Choose another file.")
    record = parse_json(content, name, what="session", error=SessionError)
    if record.get("format") != FORMAT:
        raise SessionError(
            f'{name} is not a headviz session: its "format" is not "{FORMAT}". Choose a session that headviz saved.'
        )
    version = record.get("version")
    if type(version) is not int or version < 1:
        raise SessionError(f'{name}: "version" must be a whole number from 1. Choose a session that headviz saved.')
    if version > VERSION:
        raise SessionError(
            f"{name} was saved by a later version of headviz (session version {version}, this one reads {VERSION}). "
            "Update headviz to open it."
        )
    if "digest" in record and record.pop("digest") != _digest(record):
        raise SessionError(f"{name} is damaged, or was changed by hand. Choose another copy of it.")
    try:
        return _kept(plain(record, name), name, own)
    except Odd as odd:
        raise SessionError(f"{name}: {odd} is not what a session has there. Choose one that headviz saved.") from odd
    except SessionError:
        raise
    except HeadvizError as error:  # of a mask in it
        raise SessionError(f"{name}, {error}") from error


def restore(session: Session, kept: Kept) -> None:
    """Put ``session``, in which nothing was done yet, to where ``kept`` was; its model is wanted, and all of it stands
    once that one is open."""
    for name, value in kept.values.items():
        setattr(session, name, value)
    if kept.model is not None:
        session.belongs, session.wanted_model = kept.model, kept.model.link
    if kept.data is not None:
        session.wanted_data = kept.data.link
    session.rev += 1
    session.own_run = True


def _digest(record: Mapping[str, Any]) -> str:
    text = json.dumps(record, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _kept(record: dict[str, Any], name: str, own: bool) -> Kept:
    model = None if record.get("model") is None else _model(record["model"])
    data = None if record.get("data") is None else _data(record["data"])
    context = Context(_masks(record.get("masks", []), model, name), () if model is None else model.heads, own)
    values = fields_of(record.get("session", {}), SESSION, context)
    here = record.get("here", {})
    if not isinstance(here, dict):
        raise Odd('"here"')
    return Kept(model, data, values, here)


def _model(record: Any) -> NamedModel:
    found = record if isinstance(record, dict) else {}
    name, fingerprint, link = (str(found.get(key, "")) for key in ("name", "fingerprint", "link"))
    heads = found.get("heads")
    if not (links.is_fingerprint(fingerprint) and links.is_source(link) and isinstance(heads, list) and heads):
        raise Odd('"model"')
    if len(name) > _LONGEST_NAME or not all(type(count) is int and 0 <= count <= 100_000 for count in heads):
        raise Odd('"model"')
    return NamedModel(name, fingerprint, link, tuple(heads))


def _data(record: Any) -> NamedData:
    found = record if isinstance(record, dict) else {}
    name, link = found.get("name"), found.get("link")
    if not (isinstance(name, str) and len(name) <= _LONGEST_NAME):
        raise Odd('"data"')
    if link is not None and not (isinstance(link, str) and links.is_source(link)):
        raise Odd('"data"')
    return NamedData(name, link)


def _masks(records: Any, model: NamedModel | None, name: str) -> list[Mask]:
    from headviz.mask import Mask

    if not isinstance(records, list) or len(records) > MOST_MASKS or (records and model is None):
        raise Odd('"masks"')
    masks = []
    for number, record in enumerate(records, 1):
        if not isinstance(record, dict):
            raise Odd('"masks"')
        mask = Mask.read(json.dumps(record).encode(), f"mask {number}.json")
        if model is None or mask.heads != model.heads:
            raise SessionError(f"{name} has a mask for other heads than its model has. Choose another copy of it.")
        masks.append(mask)
    return masks
