"""Settings of a criterion: what a page offers, and what the record of a mask says of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import headviz as hv
from headviz.errors import HeadvizError

if TYPE_CHECKING:
    from headviz.importance import Option


def controls_of(criterion: str) -> dict[str, Option]:
    """The options a page offers for a criterion: those it declares, and the seed where one decides."""
    from headviz.importance import Option

    options = dict(hv.criteria[criterion].options)
    if hv.criteria[criterion].seeded:
        sentence = "Another seed, another draw; the same seed, the same result."
        options["seed"] = Option(0, sentence, low=0, high=2**31 - 1, whole=True)
    return options


def settings_of(criterion: Mapping[str, Any]) -> dict[str, Any]:
    """What a mask's record says of its criterion, as changes of the choice, as far as it is valid; nothing of one that
    there is not, nor of a plan."""
    if criterion.get("name") not in hv.criteria or _is_plan(criterion):
        return {}
    name, given = str(criterion["name"]), block(criterion.get("options"))
    changes: dict[str, Any] = {"criterion": name}
    options: dict[str, Any] = {}
    for key, option in controls_of(name).items():
        try:
            value = option.check(key, given[key])
        except (KeyError, HeadvizError):
            continue
        if key == "alpha":
            changes["alpha"] = value
        elif value != option.default:
            options[key] = value
    return changes | {"options": {name: options}}


def _is_plan(criterion: Mapping[str, Any]) -> bool:
    """Whether a mask is a plan's, with its number of clusters, and not one by the criterion of the same name."""
    return criterion.get("name") == "cahp" and "k" in block(criterion.get("options"))


def block(value: Any) -> Mapping[str, Any]:
    """``value`` where it is an object, else an empty one: a mask file may hold anything."""
    return value if isinstance(value, Mapping) else {}


def title_of(criterion: str) -> str:
    """What people call a criterion."""
    return hv.criteria[criterion].title if criterion in hv.criteria else criterion
