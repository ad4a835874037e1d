"""``headviz recover``: cut heads, fine-tune what is left, and save the recovered model."""

from __future__ import annotations

import argparse
import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from headviz.cli import arguments
from headviz.cli.errors import Usage
from headviz.cli.output import Console, Result
from headviz.errors import Cancelled, ExportError
from headviz.units import in_bytes

if TYPE_CHECKING:
    from headviz.data import Data
    from headviz.recovery import Recovery
    from headviz.subject import Subject


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "recover",
        help="cut heads and fine-tune what is left",
        description="Cut the heads that MASK prunes out of MODEL, fine-tune what is left on TRAIN, and keep the "
        "weights that are best on VALIDATION. The run lies in FOLDER, the recovered model in FOLDER/model. Called "
        "again in the same way, a run that was stopped or killed goes on.",
        epilog="Example: headviz recover demo/reviews mask.json demo/reviews demo/reviews --split train "
        "--validation-split validation --method safe -o recovered",
    )
    parser.add_argument("model", metavar="MODEL", help="a folder, a Hugging Face id, or demo/reviews")
    parser.add_argument("mask", metavar="MASK", help="a mask that headviz saved (.json or .npz)")
    parser.add_argument("train", metavar="TRAIN", help="the texts to train on; --split and --limit are of these")
    parser.add_argument("validation", metavar="VALIDATION", help="the texts on which the best weights are chosen")
    parser.add_argument("--validation-split", metavar="NAME", help="the split of VALIDATION, as --split is of TRAIN")
    parser.add_argument(
        "--method", default="full", metavar="NAME", help="full (default), lora, safe, safe-prefix, prefix, random"
    )
    parser.add_argument(
        "--option",
        type=arguments.option,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting of the method, such as epochs=1 or level=0.9; may be repeated",
    )
    parser.add_argument("--counts-from", metavar="FOLDER", help="the run whose frozen blocks prefix and random copy")
    parser.add_argument("-o", "--output", metavar="FOLDER", required=True, help="the run's folder")
    arguments.add_data(parser)
    arguments.add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, console: Console) -> Result:
    import headviz as hv
    from headviz.recovery import methods

    settings = _settings(args)
    methods[args.method].settings(settings)
    hv.Mask.open(args.mask)
    train = arguments.open_data(args, args.train, console)
    of_validation = {**vars(args), "split": args.validation_split, "limit": None}
    validation = arguments.open_data(argparse.Namespace(**of_validation), args.validation, console)
    subject = arguments.open_model(args, args.model, console)
    mask = hv.Mask.open(args.mask, subject)
    pruned = hv.prune(subject, mask) if mask.pruned else subject
    console.notes(note for note in pruned.notes if note not in subject.notes)
    with _stopped_by_interrupt() as cancel:
        try:
            recovery = hv.recover(
                pruned,
                train,
                validation,
                method=args.method,
                folder=args.output,
                seed=args.seed,
                on_progress=console.progress,
                cancel=cancel,
                **settings,
            )
        except Cancelled:
            console.note(f"The run in {args.output} goes on with the same command.")
            raise
    if not recovery.saved:  # the last note says why
        raise ExportError(recovery.history.notes[-1])
    console.notes(recovery.history.notes)
    found = _data(args, subject, recovery, validation)
    return Result(_lines(args, found), found)


def _settings(args: argparse.Namespace) -> dict[str, Any]:
    """The method's settings as they were given; words for switches and for nothing become values."""
    words = {"true": True, "false": False, "none": None}
    settings: dict[str, Any] = {name: words.get(value.lower(), value) for name, value in args.option}
    if len(settings) < len(args.option):
        raise Usage("A setting is given twice with --option; give it once.")
    if args.counts_from is not None:
        settings["counts_from"] = args.counts_from
    return settings


@contextlib.contextmanager
def _stopped_by_interrupt() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C sets, so that a run ends its step and writes a checkpoint; the second one ends at
    once."""
    cancel = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield cancel
        return

    def stop(number: int, frame: Any) -> None:
        signal.signal(signal.SIGINT, before)
        cancel.set()

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield cancel
    finally:
        signal.signal(signal.SIGINT, before)


def _data(args: argparse.Namespace, subject: Subject, recovery: Recovery, validation: Data) -> dict[str, Any]:
    history, cost = recovery.history, recovery.cost
    looks = {int(one["step"]): one for one in history.evaluations}
    before, after = looks.get(0), looks.get(history.best or 0)

    def figure(look: dict[str, float] | None) -> dict[str, float] | None:
        name = history.metric
        return look and {"value": look[name], "low": look[f"{name}_low"], "high": look[f"{name}_high"]}

    return {
        "model": {"name": subject.name, "fingerprint": subject.fingerprint},
        "recovered": {"name": recovery.subject.name, "fingerprint": recovery.subject.fingerprint},
        "heads": {"before": sum(subject.heads), "after": sum(recovery.subject.heads)},
        "method": args.method,
        "metric": history.metric,
        "validation": {"name": validation.name, "examples": len(validation)},
        "before": figure(before),
        "after": figure(after),
        "best_step": history.best,
        "changed": recovery.changed,
        "steps": history.total,
        "frozen": list(history.checks[-1].frozen) if history.checks else None,
        "cost": {
            "seconds": cost.seconds,
            "mean_activation_bytes": cost.activations.mean,
            "peak_activation_bytes": cost.activations.peak,
            "flops": cost.flops,
        },
        "folder": str(args.output),
    }


def _lines(args: argparse.Namespace, found: dict[str, Any]) -> list[str]:
    def figure(one: dict[str, float] | None) -> str:
        return "not measured" if one is None else f"{one['value']:z.4f} ({one['low']:z.4f} to {one['high']:z.4f})"

    cost, frozen = found["cost"], found["frozen"]
    where = f"on {found['validation']['examples']:,} validation texts"
    return [
        f"{args.model}: {found['heads']['after']} of {found['heads']['before']} heads, recovered by {args.method}.",
        *([] if found["changed"] else ["No weight changed: what follows is the model that was given."]),
        "",
        f"{found['metric']} {where}, 95 % intervals; the best step was chosen on them:",
        f"  before  {figure(found['before'])}",
        f"  after   {figure(found['after'])}, step {found['best_step']} of {found['steps']}",
        *([] if frozen is None else ["", f"{sum(frozen)} of {len(frozen)} blocks were frozen in the end."]),
        "",
        f"Saved activations: {in_bytes(cost['mean_activation_bytes'])} on average, "
        f"{in_bytes(cost['peak_activation_bytes'])} at most.",
        "Seconds: " + ", ".join(f"{kind} {seconds:,.1f}" for kind, seconds in cost["seconds"].items()) + ".",
        "",
        f"Saved to {found['folder']}; the model is {found['folder']}/model.",
    ]
