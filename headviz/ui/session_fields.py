"""The fields of a session that are kept in a file, each with its reader, which takes nothing on trust.

A reader gets what JSON had for the field, and gives the value or raises `Odd`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast, get_args

from headviz.errors import HeadvizError
from headviz.ui.choice import Choice
from headviz.ui.plan_choice import PlanChoice
from headviz.ui.recover_choice import RecoverChoice
from headviz.ui.state import Address
from headviz.ui.taken import Kind, Taken

if TYPE_CHECKING:
    from headviz.mask import Mask
    from headviz.ui.steps import Step

LONGEST_TEXT = 5000  # characters of a typed text
_MOST_STEPS, _MOST_NAMED = 1000, 100
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_HEAD = re.compile(r"L(0|[1-9][0-9]{0,4})H(0|[1-9][0-9]{0,4})")


class Odd(Exception):
    """A value that no session has at its place; the message names the place."""


@dataclass(frozen=True)
class Context:
    """What values are read against: the masks of the file, and the heads of each layer of its model. ``own``: a field
    that cannot be read is left out."""

    masks: Sequence[Mask]
    heads: Sequence[int]
    own: bool = False


Reader = Callable[[Any, Context], Any]


def fields_of(record: Any, readers: Mapping[str, Reader], context: Context) -> dict[str, Any]:
    """The fields that ``record`` has, each by its reader; those that are missing are left out."""
    if not isinstance(record, dict):
        raise Odd('"session"')
    values = {}
    for name, read_one in readers.items():
        if name in record:
            try:
                values[name] = read_one(record[name], context)
            except Odd as odd:
                if not context.own:
                    raise Odd(str(odd) or f'"{name}"') from odd
    return values


def _mask(value: Any, context: Context) -> Mask:
    if type(value) is not int or not 0 <= value < len(context.masks):
        raise Odd
    return context.masks[value]


def _text(most: int, pattern: re.Pattern[str] | None = None) -> Reader:
    def read_one(value: Any, _: Context) -> str:
        if not isinstance(value, str) or len(value) > most or (pattern is not None and not pattern.fullmatch(value)):
            raise Odd
        return value

    return read_one


def _one_of(*names: str) -> Reader:
    def read_one(value: Any, _: Context) -> str:
        if value not in names:
            raise Odd
        return str(value)

    return read_one


def _whole(low: int, high: int) -> Reader:
    def read_one(value: Any, _: Context) -> int:
        if type(value) is not int or not low <= value <= high:
            raise Odd
        return value

    return read_one


def _share(value: Any, _: Context) -> float:
    if type(value) not in (int, float) or not 0 <= value <= 1:
        raise Odd
    return float(value)


def _switch(value: Any, _: Context) -> bool:
    if not isinstance(value, bool):
        raise Odd
    return value


def _scalar(value: Any, _: Context) -> Any:
    """The value of an option, which whoever uses it checks."""
    small = (type(value) is int and abs(value) < 2**53) or (type(value) is float and math.isfinite(value))
    if not (value is None or isinstance(value, bool) or small or (isinstance(value, str) and len(value) <= 500)):
        raise Odd
    return value


def _head(value: Any, context: Context) -> str:
    found = _HEAD.fullmatch(value) if isinstance(value, str) else None
    if found is None or int(found[1]) >= len(context.heads) or int(found[2]) >= context.heads[int(found[1])]:
        raise Odd
    return found[0]


def _optional(inner: Reader) -> Reader:
    return lambda value, context: None if value is None else inner(value, context)


def _list(inner: Reader, most: int) -> Reader:
    def read_one(value: Any, context: Context) -> list[Any]:
        if not isinstance(value, list) or len(value) > most:
            raise Odd
        return [inner(one, context) for one in value]

    return read_one


def _mapping(key: Reader, inner: Reader, most: int) -> Reader:
    def read_one(value: Any, context: Context) -> dict[Any, Any]:
        if not isinstance(value, dict) or len(value) > most:
            raise Odd
        return {key(name, context): inner(one, context) for name, one in value.items()}

    return read_one


def _pair(first: Reader, second: Reader) -> Reader:
    def read_one(value: Any, context: Context) -> tuple[Any, Any]:
        if not isinstance(value, list) or len(value) != 2:
            raise Odd
        return first(value[0], context), second(value[1], context)

    return read_one


def _plan(value: Any, context: Context) -> PlanChoice:
    try:
        return PlanChoice.of_pairs(_mapping(_text(40), _text(40), 20)(value, context))
    except HeadvizError as error:
        raise Odd from error


def _of(kind: Callable[..., Any], readers: Mapping[str, Reader]) -> Reader:
    def read_one(value: Any, context: Context) -> Any:
        try:
            return kind(**fields_of(value, readers, context))
        except TypeError as error:  # a field without a default is missing
            raise Odd from error

    return read_one


def _step(value: Any, context: Context) -> Step:
    from headviz.ui.steps import Step

    return cast(Step, _of(Step, {"mask": _mask, "what": _text(500)})(value, context))


def _visited(value: Any, context: Context) -> dict[Address, Choice]:
    """By addresses, which JSON has no keys for: pairs of an address and what stood there."""
    if value == {}:
        return {}
    return {frozenset(address): choice for address, choice in _list(_pair(_ADDRESS, _CHOICE), 1000)(value, context)}


_NAMES = _text(40, _NAME)
_COUNT = _whole(0, 10**9)
_BY_HEAD = _mapping(_head, _switch, 100_000)
CHOICE: dict[str, Reader] = {
    "criterion": _NAMES,
    "alpha": _share,
    "options": _mapping(_NAMES, _mapping(_NAMES, _scalar, 50), 50),
    "calibration": _optional(_whole(1, 10**9)),
    "prune": _optional(_COUNT),
    "taken": _optional(_of(Taken, {"kind": _one_of(*get_args(Kind)), "mask": _mask, "name": _text(500)})),
    "edits": _BY_HEAD,
    "by_link": lambda value, context: tuple(_list(_head, 100_000)(value, context)),
    "locks": _BY_HEAD,
    "least": _COUNT,
}
_CHOICE = _of(Choice, CHOICE)
_ADDRESS = _list(_pair(_text(40), _text(4096)), 50)
_RECOVERING = {
    "method": _NAMES,
    "seed": _whole(0, 2**32 - 1),
    "texts": _optional(_whole(1, 10**9)),
    "values": _mapping(_NAMES, _mapping(_NAMES, _scalar, 50), 20),
}
SESSION: dict[str, Reader] = {
    "choice": _CHOICE,
    "past": _list(_CHOICE, _MOST_STEPS),
    "future": _list(_CHOICE, _MOST_STEPS),
    "picked": _optional(_head),
    "metric": _optional(_NAMES),
    "visited": _visited,
    "plan": _plan,
    "last_knee": _optional(_pair(_text(100), _COUNT)),
    "measure_on": _optional(_COUNT),
    "steps": _list(_step, _MOST_STEPS),
    "named": _mapping(_text(100), _mask, _MOST_NAMED),
    "improving": _optional(_mask),
    "reported": _list(_text(2048), 10_000),
    "recovering": _of(RecoverChoice, _RECOVERING),
    "alpha_stops": lambda value, context: set(_list(_share, 10_000)(value, context)),
    "typed": _list(_text(LONGEST_TEXT), 2),
    "text_source": _optional(_text(40)),
    "example": _optional(_pair(_text(100), _whole(1, 10**9))),
}
