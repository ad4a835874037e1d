"""Values fit for JSON: out of Python into files, and out of files that nobody vouches for."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import numpy as np

from headviz.errors import HeadvizError, MaskError

_DEEPEST = 20


def plain(value: Any, where: str = "the provenance", depth: int = 0) -> Any:
    """A copy of ``value`` of dict, list, str, int, float, bool and None alone; a float that is not finite becomes None.

    What has a ``record()`` (an Estimate) gives that. Raises MaskError for what JSON cannot carry.
    """
    if depth > _DEEPEST:
        raise MaskError(f"In {where} values stand more than {_DEEPEST} levels deep. Make it flatter.")
    if value is None or isinstance(value, bool | np.bool_):
        return None if value is None else bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, str | PurePath):
        return _text(str(value), where)
    if isinstance(value, Mapping):
        return {_text(str(key), where): plain(inner, where, depth + 1) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset | np.ndarray):
        if isinstance(value, np.ndarray):
            value = np.atleast_1d(value).tolist()
        items = sorted(value, key=str) if isinstance(value, set | frozenset) else value
        return [plain(inner, where, depth + 1) for inner in items]
    if hasattr(value, "record"):
        return plain(value.record(), where, depth + 1)
    raise MaskError(
        f"A value of type {type(value).__name__} in {where} cannot be written into a mask file. Leave it out."
    )


def _text(text: str, where: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise MaskError(f"A text in {where} has characters that are half of a pair. Remove it.") from error
    return text


def parse_json(
    content: bytes, name: str, *, what: str = "mask", error: type[HeadvizError] = MaskError
) -> dict[str, Any]:
    """The JSON object in ``content`` of the file ``name``, which should be a ``what`` of ours. Raises ``error``, naming
    the file, for anything else.

    Stricter than ``json``: no key twice, no NaN, no infinity.
    """
    choose = f"Choose a {what} that headviz saved."

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise error(f"{name}: {twice[:40]!r} stands there twice. Remove one of the two.")
        return found

    def finite(text: str) -> float:
        number = float(text)
        if not math.isfinite(number):
            raise error(f"{name}: {text[:40]} is not a finite number. Remove it.")
        return number

    try:
        found = json.loads(
            content.decode("utf-8-sig"), object_pairs_hook=unique, parse_float=finite, parse_constant=finite
        )
    except UnicodeDecodeError as cause:
        raise error(f"{name} is not text in UTF-8. {choose}") from cause
    except json.JSONDecodeError as cause:
        raise error(f"{name} is not JSON (line {cause.lineno}, column {cause.colno}). {choose}") from cause
    except (ValueError, RecursionError) as cause:
        raise error(f"{name} holds a number too long or values too deep to read. Remove them.") from cause
    if not isinstance(found, dict):
        raise error(f"{name} is not a headviz {what}: it holds no JSON object. {choose}")
    return found


def dump_json(record: Mapping[str, Any]) -> str:
    """``record`` as JSON for people: a line for each key, more where a block is long."""
    lines = []
    for key, value in record.items():
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        if len(text) > 120 and isinstance(value, dict):
            inner = (
                f"  {json.dumps(name, ensure_ascii=False)}: {json.dumps(part, ensure_ascii=False, allow_nan=False)}"
                for name, part in value.items()
            )
            text = "{\n" + ",\n".join(inner) + "}"
        lines.append(f" {json.dumps(key, ensure_ascii=False)}: {text}")
    return "{\n" + ",\n".join(lines) + "\n}\n"
