"""The settings in the address: ``?model=...&data=...&criterion=hies&alpha=0.970&prune=36&mask=CODE``,
and ``cahp=degree:4`` for the settings of CAHP.

Everything here is pure: `read` says what an address asks for, `write` gives the address of some settings; neither knows
Streamlit. An address is untrusted: names outside the list are left alone, values are checked by length and alphabet
before anything is decoded, and what cannot be read becomes a note for the page, never an exception.

The rule that makes reload, Back and shared links one thing: settings are always written in full and what was written is
remembered. On a run, per name: absent keeps the session's value, equal to what was written means nothing happened, and
anything else came by a link or by Back and is adopted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from headviz.errors import HeadvizError, ScoreError
from headviz.ui.plan_choice import PlanChoice

LONGEST = 2048  # characters of one value; a mask of 32 x 64 heads needs 350
NAMES = ("model", "data", "criterion", "alpha", "prune", "mask", "options", "calibration", "cahp")

_SOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}(/[A-Za-z0-9][A-Za-z0-9._-]{0,95})?(@[A-Za-z0-9._/-]{1,100})?")
_FINGERPRINT = re.compile(r"[0-9a-f]{16}")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_NUMBER = re.compile(r"(?:0|1)?(?:\.[0-9]{1,16})?")
_COUNT = re.compile(r"[0-9]{1,6}")
_CODE = re.compile(r"[A-Za-z0-9._~-]{1,2048}")
_OPTION = re.compile(r"([a-z][a-z0-9_]{0,39}):([A-Za-z0-9._-]{1,40})")


class LinkError(HeadvizError):
    """A value in the address that cannot be used. The message never repeats the value."""


def read(
    asked: Mapping[str, Sequence[str]], written: Mapping[str, str], *, criteria: Sequence[str] | None = None
) -> tuple[dict[str, Any], list[str]]:
    """What an address asks for that differs from what was written into it before, and a note per unreadable value.

    ``asked`` holds every value of each name, as the browser sent them. ``criteria``: the names there are, to check the
    one asked for; None where they are not known yet.
    """
    adopted: dict[str, Any] = {}
    notes: list[str] = []
    for name in NAMES:
        values = list(asked.get(name, ()))
        if not values or values == [written.get(name)]:
            continue
        try:
            adopted[name] = _parse(name, values)
            if name == "criterion" and criteria is not None and adopted[name] not in criteria:
                raise LinkError(f"The link asks for a criterion that does not exist; there are {', '.join(criteria)}.")
        except LinkError as error:
            adopted.pop(name, None)
            notes.append(str(error))
    return adopted, notes


def write(
    *,
    model: str | None,
    data: str | None,
    criterion: str,
    alpha: str,
    prune: int | None,
    mask: str | None,
    options: Mapping[str, Any] | None = None,
    calibration: int | None = 512,
    cahp: PlanChoice | None = None,
) -> dict[str, str]:
    """The address of these settings. ``calibration`` None means all examples; ``alpha`` comes from `alpha_text`."""
    address = {
        "model": model,
        "data": data,
        "criterion": criterion,
        "alpha": alpha,
        "prune": None if prune is None else str(prune),
        "mask": mask,
        "options": _joined(options or {}),
        "calibration": "all" if calibration is None else str(calibration),
        "cahp": None if cahp is None else _joined(cahp.pairs()),
    }
    return {name: value for name, value in address.items() if value is not None}


def _joined(options: Mapping[str, Any]) -> str:
    return ",".join(f"{name}:{value}" for name, value in sorted(options.items())) or "default"


def is_fingerprint(model: str) -> bool:
    return _FINGERPRINT.fullmatch(model) is not None


def is_source(text: str) -> bool:
    """Whether ``text`` can stand in a link as a model or data set."""
    return ".." not in text and _SOURCE.fullmatch(text) is not None


def source_in_link(source: str, revision: str | None = None) -> str | None:
    """How a model or data source stands in a link: a demo or hub id as it is, with its revision; a path never."""
    text = f"{source}@{revision}" if revision else source
    return text if _SOURCE.fullmatch(text) else None


def split_source(text: str) -> tuple[str, str | None]:
    """The source and the revision of what `source_in_link` wrote."""
    source, _, revision = text.partition("@")
    return source, revision or None


def alpha_text(alpha: float, low: float = 0.0, high: float = 1.0) -> str:
    """``alpha`` with three decimals, more where rounding would leave the interval (low, high) between two breaks."""
    for places in range(3, 16):
        text = f"{alpha:.{places}f}"
        rounded = float(text)
        if rounded == alpha or ((low < rounded or low == rounded == 0) and (rounded < high or rounded == high == 1)):
            return text
    return repr(alpha)


def _parse(name: str, values: Sequence[str]) -> Any:
    if len(values) > 1:
        raise LinkError(f"The link gives {name} more than once; it was left as it is.")
    text = values[0]
    if len(text) > LONGEST:
        raise LinkError(f"The link's {name} is too long to be real; it was left as it is.")
    return _PARSERS[name](text)


def _model(text: str) -> str:
    if not is_source(text):
        raise LinkError("The link's model is neither a demo, a Hugging Face id nor a fingerprint; open one on Home.")
    return text


def _data(text: str) -> str:
    if not is_source(text):
        raise LinkError("The link's data is neither a demo nor a Hugging Face data set; open it on Home.")
    return text


def _criterion(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise LinkError("The link's criterion is not a name of one; it was left as it is.")
    return text


def _alpha(text: str) -> float:
    if not (text and text != "." and _NUMBER.fullmatch(text) and 0 <= float(text) <= 1):
        raise LinkError("The link's alpha is not a number from 0 to 1; it was left as it is.")
    return float(text)


def _prune(text: str) -> int:
    if not _COUNT.fullmatch(text):
        raise LinkError("The link's prune is not a number of heads; it was left as it is.")
    return int(text)


def _mask(text: str) -> str:
    if not _CODE.fullmatch(text):
        raise LinkError("The link's mask is not a mask code; the mask was left as it is.")
    return text


def _options(text: str) -> dict[str, str]:
    if text == "default":
        return {}
    pairs = [_OPTION.fullmatch(part) for part in text.split(",")]
    if len(pairs) > 20 or not all(pairs):
        raise LinkError("The link's options cannot be read; they were left as they are.")
    return {pair[1]: pair[2] for pair in pairs if pair}


def _calibration(text: str) -> int | None:
    if text == "all":
        return None
    if not _COUNT.fullmatch(text) or int(text) < 1:
        raise LinkError("The link's calibration is not a number of examples; it was left as it is.")
    return int(text)


def _cahp(text: str) -> PlanChoice:
    try:
        return PlanChoice.of_pairs(_options(text))
    except (ScoreError, LinkError) as error:
        raise LinkError("The link's cahp settings cannot be read; they were left as they are.") from error


_PARSERS = {
    "model": _model,
    "data": _data,
    "criterion": _criterion,
    "alpha": _alpha,
    "prune": _prune,
    "mask": _mask,
    "options": _options,
    "calibration": _calibration,
    "cahp": _cahp,
}
