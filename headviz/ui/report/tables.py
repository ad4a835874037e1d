"""Tables of a report: rows of words, every figure taken from the library's own results."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

import headviz as hv
from headviz import __version__
from headviz.glossary import glossary
from headviz.listing import listed
from headviz.mask import head_name
from headviz.mask.heads import in_both, in_whole
from headviz.mask.origin import changed_after, lineage
from headviz.ui import numbers, speeds
from headviz.ui.flip_frames import drawn_classes, in_words, matrix
from headviz.ui.recorded import title_of
from headviz.ui.report.content import Measured, Report, Stages
from headviz.units import in_bytes

if TYPE_CHECKING:
    import pandas as pd

    from headviz.evaluation import Evaluation
    from headviz.stats import Estimate

Rows = list[tuple[str, str]]
_VERSIONS = ("torch", "transformers", "numpy")

_SETTINGS = {
    "entropy": "entropy in scores",
    "order": "order of entropy",
    "targets": "loss taken against",
    "prune": "heads asked to go",
    "least_per_layer": "least heads in each layer",
    "always": "always cut",
    "never": "never cut",
}
"""Options of scoring and of selection, in words."""


def model(report: Report) -> Rows:
    subject = report.subject
    heads = sorted(set(subject.heads))
    each = f"{heads[0]} heads each" if len(heads) == 1 else f"{heads[0]} to {heads[-1]} heads each"
    own = subject.attention_parameters  # None outside the table of families
    rows = [
        ("Name", subject.name + (f", revision {subject.revision}" if subject.revision else "")),
        (_title("fingerprint"), subject.fingerprint),
        ("Family", subject.family),
        ("Heads", f"{sum(subject.heads)} in {subject.layers} layers, {each}"),
        ("Parameters", f"{subject.parameters:,}" + ("" if own is None else f", of attention {own:,}")),
        ("Labels", listed(subject.labels, most=40)),
        ("Arithmetic", f"{subject.dtype} on {subject.device}"),
    ]
    return rows + [("Note", note) for note in subject.notes]


def data(report: Report) -> list[tuple[str, str, str, str, str]]:
    """What for, name, split, examples, fingerprint."""
    return [
        (role, part.name, part.split or "none named", f"{len(part):,}", part.fingerprint)
        for role, part in report.data.items()
    ]


def criterion(report: Report) -> tuple[str, str, Rows]:
    """The criterion's title, its sentence, and everything it was told."""
    record = report.mask.provenance
    block = _block(record.get("criterion"))
    name = str(block.get("name") or "")
    known = name in hv.criteria
    title = hv.criteria[name].title if known else name or "None recorded"
    if "k" in _block(block.get("options")) and name == "cahp":
        title = "A plan of CAHP"
    sentence = glossary[name].sentence if name in glossary else ""
    if not name and not report.mask.pruned:
        title, sentence = "Nothing is cut", "No criterion was needed."
    rows = [(option.replace("_", " "), _value(value)) for option, value in _block(block.get("options")).items()]
    for settings in (report.scoring, _block(record.get("selection"))):
        rows += [(_SETTINGS.get(name, name), _value(value)) for name, value in settings.items()]
    data = _block(record.get("data"))
    if data.get("name"):
        split = f", split {data['split']}" if data.get("split") else ""
        printed = f" ({data['fingerprint']})" if data.get("fingerprint") else ""
        rows.append(("scores from", f"{data.get('examples', '?')} examples of {data['name']}{split}{printed}"))
    rows += [("after that", _both(report, part)) for part in changed_after(record)]
    by_hand = block.get("by_hand") or []
    rows.append(("changed by hand", _both(report, _value(by_hand)) if by_hand else "no head"))
    return title, sentence, rows


def story(report: Report) -> list[str]:
    """What a pruned model had been through, in sentences; nothing for one that is whole."""
    cut = report.subject.cut
    if cut is None:
        return []
    return lineage(cut.provenance, cut.count, sum(cut.heads), title_of)


def stages(one: Stages) -> tuple[list[str], list[list[str]]]:
    """The columns and rows of the figures at each stage of a recovered model."""
    first = next(iter(one.quality.values()))
    rows = [
        [numbers.title_of(name), *(_figure(each.metrics[name], name) for each in one.quality.values())]
        for name in first.metrics
    ]
    return ["Measure", *one.quality], rows


def _both(report: Report, text: str) -> str:
    """``text`` with the heads of a pruned model named as in the whole model, too."""
    return in_both(text, names_in_whole(report))


def names_in_whole(report: Report) -> dict[str, str]:
    """Of a pruned model the name of each head in the whole model; of another nothing."""
    whole = report.subject.whole_heads
    return {} if whole is None else in_whole(report.subject.heads, whole)


def layers(report: Report) -> list[tuple[str, str, str, str]]:
    """Layer, how many are kept, which are cut, which are kept."""
    mask = report.mask
    rows = []
    for layer, count in enumerate(mask.heads):
        keep = mask.keep[layer, :count]
        kept, cut = (", ".join(f"H{head}" for head in np.flatnonzero(which)) or "none" for which in (keep, ~keep))
        rows.append((f"L{layer}", f"{int(keep.sum())} of {count}", cut, kept))
    return rows


def heads(report: Report) -> tuple[list[str], list[list[str]]]:
    """The columns, and a row per head with every map's number."""
    mask, rows = report.mask, []
    for layer, count in enumerate(mask.heads):
        for head in range(count):
            values = [numbers.small(float(one.values[layer, head])) for one in report.maps]
            rows.append([_both(report, head_name(layer, head)), "kept" if mask.keep[layer, head] else "cut", *values])
    return ["Head", "In the mask", *(f"{one.title}{f', {one.unit}' if one.unit else ''}" for one in report.maps)], rows


# -- figures -----------------------------------------------------------------------------------------------------------


def examples(measured: Measured) -> str:
    """On what the figures rest."""
    block = _block(measured.now.provenance.get("data"))
    split = f", split {block['split']}" if block.get("split") else ""
    cut = "".join(f" {note}" for note in measured.now.notes_beside(measured.before))
    return f"{len(measured.now):,} examples of {block.get('name', 'data without a name')}{split}.{cut}"


def figures(measured: Measured) -> list[tuple[str, ...]]:
    """Measure, whole model, this mask, change; each with its 95 % interval below, after a line break."""
    before, now = measured.before, measured.now
    rows: list[tuple[str, ...]] = []
    for name in now.metrics:
        change = now.against(before, name)
        moved = f"{numbers.change(change, name)}\n{numbers.change_interval(change, name)}"
        rows.append((numbers.title_of(name), *(_figure(one.metrics[name], name) for one in (before, now)), moved))
    loss = now.loss_against(before)
    moved = f"{numbers.signed(loss.value, 3)}\n{numbers.nats_interval(loss)}"
    rows.append(("Mean loss, nats", f"{before.loss.mean():.3f}", f"{now.loss.mean():.3f}", moved))
    agreement = now.agreement(before)
    rows.append(("Agreement with the whole model", "", _figure(agreement, "agreement"), ""))
    for name in now.metrics:
        constant = numbers.quantity(now.constant_in(name), name)
        rows.append((f"{numbers.title_of(name)} of a constant classifier", constant, constant, ""))
    return rows


def _figure(estimate: Estimate, metric: str) -> str:
    return f"{numbers.quantity(estimate.value, metric)}\n{numbers.interval(estimate, metric)}"


def flips(measured: Measured) -> str:
    return in_words(measured.now.flips(measured.before), len(measured.now))


def confusions(
    measured: Measured, unmasked: str = "Whole model"
) -> tuple[list[str], list[tuple[str, list[list[tuple[str, str, int]]]]]]:
    """The classes drawn, and for the whole model and the mask a matrix: count, share of the row, and that share in
    whole percent."""
    drawn = drawn_classes(measured.now, measured.before)
    sides = ((unmasked, measured.before), ("This mask", measured.now))
    return [measured.now.classes[place] for place in drawn], [(name, _confusion(one, drawn)) for name, one in sides]


def _confusion(evaluation: Evaluation, drawn: np.ndarray) -> list[list[tuple[str, str, int]]]:
    counts, shares = matrix(evaluation, drawn)
    return [
        [
            (f"{count:,}", "" if np.isnan(share) else f"{100 * share:.0f} %", round(100 * float(np.nan_to_num(share))))
            for count, share in zip(counts_row, shares_row, strict=True)
        ]
        for counts_row, shares_row in zip(counts, shares, strict=True)
    ]


# -- cost --------------------------------------------------------------------------------------------------------------


def savings(report: Report) -> Rows:
    """What is gone once the heads are cut out of the weights; nothing for a family whose weights are not known."""
    table = report.savings
    if table is None:
        return []
    whole, saved = table.sum(), int(table["parameters_saved"].sum())
    of_attention, of_flops = (
        numbers.share(float(whole[f"{unit}_saved"]) / float(whole[unit])) if whole[unit] else "none"
        for unit in ("parameters", "flops")
    )
    left = report.subject.parameters - saved
    return [
        ("Parameters saved", f"{saved:,}: {of_attention} of attention, {_share(saved, report)} of the model"),
        ("Parameters left", f"{left:,} of {report.subject.parameters:,}"),
        ("Weights saved", f"{in_bytes(int(whole['bytes_saved']))} in {report.subject.dtype}"),
        (
            "FLOPs of attention saved",
            f"{int(whole['flops_saved']):,} of {int(whole['flops']):,} per token ({of_flops}), on texts of "
            f"{report.tokens:,} tokens",
        ),
    ]


def _share(part: int, report: Report) -> str:
    return numbers.share(part / report.subject.parameters) if report.subject.parameters else "none"


def savings_by_layer(table: pd.DataFrame) -> list[tuple[str, str, str, str]]:
    """Layer, heads kept, parameters of its attention that are saved, FLOPs per token that are."""
    return [
        (
            f"L{row.layer}",
            f"{row.kept} of {row.heads}",
            f"{row.parameters_saved:,} of {row.parameters:,}",
            f"{row.flops_saved:,} of {row.flops:,}",
        )
        for row in table.itertuples()
    ]


def speed(table: pd.DataFrame) -> tuple[tuple[str, ...], list[tuple[str, ...]], str]:
    """Columns and rows of what was measured under a clock, and a sentence."""
    return speeds.COLUMNS, speeds.rows(table), speeds.about(table)


# -- provenance --------------------------------------------------------------------------------------------------------


def provenance(report: Report) -> Rows:
    record = report.mask.provenance
    made = record.get("created")
    return [
        ("Version of headviz", __version__),
        *((f"Version of {name}", importlib.metadata.version(name)) for name in _VERSIONS),
        *([("Mask made", str(made))] if made else []),
        *((f"Measured, {one.title.lower()}", str(one.now.provenance["created"])) for one in report.measured),
        ("Code of the mask", report.mask.code),
    ]


def _block(value: Any) -> Mapping[str, Any]:
    """``value`` where it is an object, else an empty one: a mask file may hold anything."""
    return value if isinstance(value, Mapping) else {}


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return numbers.small(value)
    if isinstance(value, list | tuple):
        return ", ".join(map(_value, value)) or "none"
    return str(value)


def _title(term: str) -> str:
    return glossary[term].title
