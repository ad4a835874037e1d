"""What the record of a mask says of how its heads were chosen, in sentences; it trusts no record to be whole."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

WITH_NAMES = ("criterion", "steps", "selection", "rescued")
"""Blocks of a record that name heads."""
OF_A_PRUNING = (*WITH_NAMES, "data", "measured", "measured_on", "recovery", "created")
"""Blocks of a record that stay that of one pruning when another one follows."""
_HEAD = re.compile(r"L[0-9]+H[0-9]+", re.ASCII)
_BETTER = {"loss": "a lower loss", "accuracy": "a higher accuracy"}
_MOST = 24


def block(value: Any) -> dict[str, Any]:
    """``value`` where it is an object, else an empty one: a mask file may hold anything."""
    return dict(value) if isinstance(value, Mapping) else {}


def blocks(value: Any) -> list[dict[str, Any]]:
    """The objects of a list, as `block` gives each; none where it is no list."""
    return [block(one) for one in value] if isinstance(value, list | tuple) else []


def chosen(record: Mapping[str, Any], *, known: bool = True, title: Callable[[str], str] = str) -> list[str]:
    """How the heads of a record were chosen: parts of a sentence, the criterion first, then what changed heads after
    it. ``known``: whether the record is whole, so that no criterion means that there was none; ``title``: what a
    criterion is called."""
    criterion, data = block(record.get("criterion")), block(record.get("data"))
    by_hand = criterion.get("by_hand")
    how = "By hand" if known or criterion else "Not recorded"
    if criterion.get("name"):
        how = f"By {title(str(criterion['name']))}"
    if options := block(criterion.get("options")):
        how += f" ({', '.join(f'{name} {value}' for name, value in options.items())})"
    if criterion.get("name") and isinstance(by_hand, list) and by_hand:
        how += f", changed by hand: {named(by_hand)}"
    parts = [how]
    if data.get("name"):
        parts.append(f"scores from {data.get('examples', '?')} examples of {data['name']}{_split(data)}")
    return parts + changed_after(record)


def changed_after(record: Mapping[str, Any]) -> list[str]:
    """What else than a hand changed heads after the criterion, in order, each as a part of a sentence."""
    return [told for step in blocks(record.get("steps")) if (told := _step(step))]


def story(record: Mapping[str, Any], *, known: bool = True, title: Callable[[str], str] = str) -> list[str]:
    """A sentence for each pruning in the record of a pruned model, and for each recovery after it, in order."""
    told = []
    for step in [*blocks(record.get("before")), dict(record)]:
        parts = chosen(step, known=known, title=title) if step.get("pruned_heads", True) else ["Nothing was cut"]
        if "kept" in step:
            parts.append(f"{step['kept']} heads were left")
        told.append(f"{'; '.join(parts)}.")
        if recovery := block(step.get("recovery")):
            no_more = ", and no weight changed" if recovery.get("changed") is False else ""
            told.append(f"What was left was fine-tuned: {recovered(recovery)}{no_more}.")
    return told


def lineage(record: Mapping[str, Any], kept: int, heads: int, title: Callable[[str], str] = str) -> list[str]:
    """What a pruned model has been through, from the whole model on: ``kept`` of its ``heads`` heads are left."""
    model = block(record.get("model"))
    printed = f" ({model['fingerprint']})" if model.get("fingerprint") else ""
    whole = f"The whole model is {model.get('name') or 'not recorded'}{printed}; {kept} of its {heads} heads are left."
    return [whole, *story(record, known=bool(printed), title=title)]


def prunings(record: Mapping[str, Any], kept: int) -> list[dict[str, Any]]:
    """The record of each pruning of a model whose cut has this ``record`` and left ``kept`` heads, the last one's
    included, as the record of what is cut from it next has them under "before"."""
    own = {key: record[key] for key in OF_A_PRUNING if key in record}
    return [*blocks(record.get("before")), {**own, "kept": kept}]


def recovered(recovery: Mapping[str, Any]) -> str:
    """How a model was recovered, as the end of "fine-tuned ..."."""
    train, validation = block(recovery.get("train")), block(recovery.get("validation"))
    told = f"method {recovery.get('method', '?')}, seed {recovery.get('seed', '?')}"
    told += f", {train.get('examples', '?')} texts of {train.get('name', '?')}{_split(train)}"
    if validation.get("name"):
        best = recovery.get("best")
        step = f"step {best}" if isinstance(best, int) else "the best step"
        told += f"; {step} was the best on {validation.get('examples', '?')} texts of {validation['name']}"
        told += _split(validation)
    return told


def named(heads: list[Any]) -> str:
    """Names of heads in a list, the last of very many as their number."""
    more = f" and {len(heads) - _MOST} more" if len(heads) > _MOST else ""
    return ", ".join(map(str, heads[:_MOST])) + more


def renamed(value: Any, names: Mapping[str, str]) -> Any:
    """``value`` with every name of a head in it, however deep, as ``names`` has it."""
    if isinstance(value, str):
        return names.get(value, value) if _HEAD.fullmatch(value) else value
    if isinstance(value, Mapping):
        return {key: renamed(inner, names) for key, inner in value.items()}
    return [renamed(inner, names) for inner in value] if isinstance(value, list) else value


def _step(step: Mapping[str, Any]) -> str:
    heads, data = step.get("heads"), block(step.get("data"))
    if step.get("by") == "search":
        swaps = blocks(step.get("swaps"))
        pairs = [f"{swap.get('cut')} cut for {swap.get('restored')}" for swap in swaps]
        on = f" on {data.get('examples', '?')} examples of {data['name']}{_split(data)}" if data.get("name") else ""
        asked = f"{_BETTER.get(str(step.get('measure')), 'better')}{on}, at most {step.get('budget', '?')} evaluations"
        return f"then a search for {asked}, swapped {named(pairs) if pairs else 'nothing'}"
    if step.get("by") in ("lock", "link") and isinstance(heads, list) and heads:
        by = "locked" if step["by"] == "lock" else "as a link had them"
        return f"{by}: {named(heads)}"
    return "as a link had it" if step.get("by") == "link" else ""


def _split(data: Mapping[str, Any]) -> str:
    return f", split {data['split']}" if data.get("split") else ""
