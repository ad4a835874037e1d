"""``headviz evaluate``: quality with and without a mask."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headviz.cli.arguments import add_common, add_data, open_data, open_model
from headviz.cli.output import Console, Result

if TYPE_CHECKING:
    from headviz.evaluation import Evaluation
    from headviz.mask import Mask
    from headviz.progress import OnProgress
    from headviz.stats import Estimate


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "evaluate",
        help="measure quality, with or without a mask",
        description="Measure the quality of MODEL on DATA; with --mask, of the cut model beside the whole one.",
        epilog="Example: headviz evaluate demo/reviews demo/reviews --split test --mask mask.json --json",
    )
    parser.add_argument("model", metavar="MODEL", help="a folder, a Hugging Face id, or demo/reviews")
    parser.add_argument(
        "data",
        metavar="DATA",
        help="a .csv .tsv .jsonl .json .parquet .xlsx .txt file, a Hugging Face id, or demo/reviews",
    )
    parser.add_argument("--mask", metavar="FILE", help="a mask that headviz saved (.json or .npz)")
    add_data(parser)
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, console: Console) -> Result:
    data = open_data(args, args.data, console)
    subject = open_model(args, args.model, console)
    import headviz as hv

    # the mask is read before the first pass: a wrong file is told at once
    mask = None if args.mask is None else hv.Mask.open(args.mask, subject)
    whole = hv.evaluate(subject, data, on_progress=_staged(console, "measuring the whole model"))
    masked = whole
    if mask is not None:
        masked = hv.evaluate(subject, data, mask, on_progress=_staged(console, "measuring the cut model"))
    console.notes(whole.notes)
    console.notes(masked.notes_beside(whole))
    beside = None if mask is None else Beside(whole, masked.agreement(whole), masked.against(whole))
    return Result(_lines(args, masked, mask, beside), _data(masked, mask, beside))


@dataclass(frozen=True)
class Beside:
    """The whole model on the same examples, and what the cut one shares with it."""

    whole: Evaluation
    agreement: Estimate
    difference: Estimate


def _staged(console: Console, stage: str) -> OnProgress:
    """Progress under a name of its own: two passes of one name would look like one that starts again."""
    return lambda done, total, _: console.progress(done, total, stage)


def _interval(estimate: Estimate) -> dict[str, float]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}


def _quality(measured: Evaluation) -> dict[str, Any]:
    metrics = {name: _interval(estimate) for name, estimate in measured.metrics.items()}
    return {"metrics": metrics, "loss": float(measured.loss.mean())}


def _data(masked: Evaluation, mask: Mask | None, beside: Beside | None) -> dict[str, Any]:
    """Everything that `_lines` tells, and the same keys with and without a mask."""
    return {
        "examples": len(masked),
        **_quality(masked),
        "constant": masked.constant,
        "agreement": None if beside is None else _interval(beside.agreement),
        "mask": {"pruned": [] if mask is None else list(mask.pruned)},
        "unpruned": None if beside is None else _quality(beside.whole),
        "difference": None if beside is None else _interval(beside.difference),
        "truncated": masked.provenance["truncated"],
        "notes": list(masked.notes if beside is None else masked.notes_beside(beside.whole)),
    }


def _lines(args: argparse.Namespace, masked: Evaluation, mask: Mask | None, beside: Beside | None) -> list[str]:
    cut = "" if mask is None else f", {sum(mask.heads) - mask.count} of {sum(mask.heads)} heads pruned"
    lines = [f"{args.model} on {args.data}: {len(masked):,} examples{cut}", ""]
    for name, estimate in masked.metrics.items():
        before = "" if beside is None else f"   unpruned {beside.whole.metrics[name].value:z.4f}"
        lines.append(_line(name, estimate) + before)
    before = "" if beside is None else f"                      unpruned {beside.whole.loss.mean():.4f}"
    lines.append(f"{'loss':<12}{masked.loss.mean():>8.4f}{before}")
    lines.append(f"{'constant':<12}{masked.constant:>8.4f}   accuracy of always answering the commonest label")
    if beside is not None:
        lines.append(_line("agreement", beside.agreement) + "   with the predictions of the unpruned model")
        lines.append(_line("difference", beside.difference) + "   in accuracy, paired")
    return [*lines, "", "In brackets: 95 % intervals."]


def _line(name: str, estimate: Estimate) -> str:
    return f"{name:<12}{estimate.value:>z8.4f}  ({estimate.low:z.4f} to {estimate.high:z.4f})"
