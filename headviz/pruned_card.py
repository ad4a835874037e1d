"""README.md of a pruned model: which heads it kept, how they were chosen, what was measured, and how to open it."""

from __future__ import annotations

import re
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Any

import numpy as np

from headviz import __version__
from headviz.mask.origin import block, blocks, story

if TYPE_CHECKING:
    from headviz.mask import Mask
    from headviz.subject import Subject

_HUB_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*/[A-Za-z0-9_][A-Za-z0-9._-]*")

_PIPELINES = {"causal-lm": "text-generation"}  # what the hub calls a task, where headviz calls it otherwise


def pruned_card(subject: Subject, dtype: str | None = None) -> str:
    """The model card, in Markdown, of a pruned ``subject`` that is written in ``dtype`` (None: its own). What it says
    of others' names is escaped."""
    cut = subject.cut
    if cut is None:
        raise ValueError("a whole model has no cut to tell of")
    record = cut.record()
    model = block(record.get("model"))
    whole = _text(model.get("name") or subject.name)
    if model.get("fingerprint"):
        whole += f" ({_text(model['fingerprint'])})"
    template = Template((files("headviz.pruned_modeling") / "model_card.md").read_text("utf-8"))
    return template.substitute(
        base=_base(model),
        name=_text(record.get("name") or subject.name),
        whole=whole,
        kept=cut.count,
        heads=sum(cut.heads),
        removed=_removed(cut, subject.zeroed, _text(record.get("headviz") or __version__)),
        layers="\n".join(
            f"| {layer} | {_numbers(row[:heads])} | {_numbers(~row[:heads])} |"
            for layer, (row, heads) in enumerate(zip(cut.keep, cut.heads, strict=True))
        ),
        logits=_logits(record),
        weights=_weights(record.get("stored", subject.stored), dtype or subject.dtype),
        zeroed=_zeroed(subject.zeroed),
        pipeline=_PIPELINES.get(subject.task, subject.task),
        auto=subject.task_definition.auto,
        processor="AutoImageProcessor" if subject.task == "image-classification" else "AutoTokenizer",
        chosen="\n".join(f"- {_text(told)}" for told in story(record, known=_is_known(record))),
        measured="\n".join(_measured(record)),
    )


def _weights(stored: Any, dtype: str) -> str:
    """The sentence on the numbers in the file, beside those of the file that the model was opened from (``stored``)."""
    held = [_text(one) for one in stored] if isinstance(stored, list | tuple) else []
    if not held:
        return f"The weights are {dtype}."
    if held == [dtype]:
        return f"The weights are {dtype}, as in the\nfile that the model was opened from."
    return f"The weights are {dtype};\nthe file that the model was opened from holds {' and '.join(held)}."


def _logits(record: dict[str, Any]) -> str:
    """The sentence that says how the logits relate to the whole model's: at the cut, as they may be trained later."""
    recoveries = [found for step in _prunings(record) if (found := block(step.get("recovery")))]
    if not recoveries:
        if not _is_known(record):
            return "How the logits relate to those of the\nwhole model is not known."
        return "Right after the cut the logits were those of the\nwhole model with these heads masked."
    latest, train = recoveries[-1], block(recoveries[-1].get("train"))
    how = f"method {_text(latest.get('method', '?'))}, seed {_text(latest.get('seed', '?'))}"
    data = f"{_text(train.get('examples', '?'))} texts of {_text(train.get('name', '?'))}"
    if latest.get("changed") is False:
        return f"What was left was trained\n({how}, {data}), and no weight changed: its logits are those before."
    return f"What was left was fine-tuned\n({how}, {data}), so it gives logits of its own."


def _is_known(record: dict[str, Any]) -> bool:
    """Whether headviz saw the whole model; a pruned one that was wrapped in memory tells of its heads alone."""
    return bool(block(record.get("model")).get("fingerprint"))


def _removed(cut: Mask, zeroed: tuple[str, ...], version: str) -> str:
    """The sentence on what became of the weights of the heads that were cut."""
    if zeroed and len(zeroed) == len(cut.pruned):
        return f"The others were cut by headviz {version}\nwith all shapes kept: they are zeros."
    return (
        f"The weights of the others were cut out by headviz {version}: rows of\n"
        "query, key and value, and columns of the output projection."
    )


def _base(model: dict[str, Any]) -> str:
    """The line that links the card to the whole model, where that is one of the hub."""
    name, revision = model.get("name"), model.get("revision")
    return f"base_model: {name}\n" if revision and isinstance(name, str) and _HUB_ID.fullmatch(name) else ""


def _zeroed(heads: tuple[str, ...]) -> str:
    """A paragraph on the heads that are cut but still have weights, where there are any."""
    if not heads:
        return ""
    return (
        f"\nOf the cut heads these still have weights, zeros where they would be read: {', '.join(heads)}. Other heads "
        "need the\nkeys and values that they share, or every shape was to stay.\n"
    )


def _numbers(which: np.ndarray) -> str:
    return ", ".join(str(head) for head in np.flatnonzero(which)) or "none"


def _prunings(record: dict[str, Any]) -> list[dict[str, Any]]:
    """The record of each pruning, in order."""
    return [*blocks(record.get("before")), record]


def _measured(record: dict[str, Any]) -> list[str]:
    """A table of the figures of the model, after one of those before it was recovered; what is no figure with a value
    is left out."""
    before = block(block(record.get("recovery")).get("before"))
    lines = [*_table(before), ""] if _figures(before) else []
    if not _figures(record):
        what = "the recovered model" if record.get("recovery") else "this cut"
        return [*lines, f"Nothing was measured on {what}."]
    return [*lines, *_table(record)]


def _figures(record: dict[str, Any]) -> dict[str, dict[str, Any]]:
    figures = {name: block(figure) for name, figure in block(record.get("measured")).items()}
    return {name: figure for name, figure in figures.items() if _is_number(figure.get("value"))}


def _table(record: dict[str, Any]) -> list[str]:
    rows = [_taken(block(record.get("measured_on"))), ""]
    rows += ["| measure | value | 95 % interval | examples |", "|---|---|---|---|"]
    for name, figure in _figures(record).items():
        low, high = figure.get("low"), figure.get("high")
        between = f"{low:z.4f} to {high:z.4f}" if _is_number(low) and _is_number(high) else ""
        rows.append(f"| {_text(name)} | {figure['value']:z.4f} | {between} | {_text(figure.get('examples', ''))} |")
    return rows


_AFTER = {
    "masking": "with these heads masked, before they were cut out",
    "cutting": "once the heads were cut out",
    "recovery": "after the fine-tuning",
}
"""What the model had been through when it was measured, by what a record calls it ("measured_on", "after")."""


def _taken(on: dict[str, Any]) -> str:
    """On which examples, as far as that is recorded, and after what figures were taken; and what they are worth."""
    split = f", split {_text(on['split'])}" if on.get("split") else ""
    where = f" on {_text(on['name'])}{split}" if on.get("name") else ""
    after = _AFTER.get(str(on.get("after")), "")
    told = f"Taken{where}{',' if where and after else ''}{f' {after}' if after else ''}."
    if told == "Taken.":
        told = "When and on what they were taken is not recorded."
    if on.get("part") != "selection":
        return told
    what = ("The heads and the weights", "the model") if on.get("after") == "recovery" else ("The heads", "the cut")
    return f"{told} {what[0]} were chosen on these examples, so {what[1]} looks better on them than it is."


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: Any) -> str:
    """``value`` on one line, with nothing that Markdown would take for its own."""
    return re.sub(r"([\\`*_\[\]<>|#$])", r"\\\1", " ".join(str(value).split()))
