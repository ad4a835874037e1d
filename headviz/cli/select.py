"""``headviz select``: from scores to a mask, by one criterion."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from headviz.cli import arguments
from headviz.cli.errors import Usage
from headviz.cli.output import Console, Result, told_heads

if TYPE_CHECKING:
    from headviz.scores import Scores
    from headviz.subject import Subject


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "select",
        help="choose the heads to prune",
        description="Rank the heads by a criterion and prune the lowest. 36 is heads, 0.5 (with a point) a share. With "
        "--limit N the ranking is taken from N of the scored examples.",
        epilog="Example: headviz select scores.parquet --criterion hies --alpha 0.97 --prune 0.5 -o mask.json",
    )
    parser.add_argument("scores", metavar="SCORES", help="what headviz score saved (.parquet)")
    parser.add_argument("--criterion", required=True, metavar="NAME", help="his, entropy, hies, fisher, random, ...")
    parser.add_argument("--prune", required=True, type=arguments.prune, metavar="N|SHARE", help="how many heads go")
    parser.add_argument("-o", "--output", metavar="FILE", help="where to save the mask (.json or .npz)")
    parser.add_argument("--alpha", metavar="A", help="HIES: the weight of importance, from 0 to 1")
    parser.add_argument(
        "--option",
        type=arguments.option,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="another option of the criterion, such as steps=32; may be repeated",
    )
    parser.add_argument("--least-per-layer", type=arguments.whole_number, default=0, metavar="N", help="heads to keep")
    parser.add_argument("--always", type=arguments.names, default=(), metavar="HEADS", help="pruned first: L0H1,L2H7")
    parser.add_argument("--never", type=arguments.names, default=(), metavar="HEADS", help="kept: L0H1,L2H7")
    parser.add_argument("--model", metavar="MODEL", help="for criteria that scores alone do not give")
    parser.add_argument("--data", metavar="DATA", help="for criteria that scores alone do not give")
    arguments.add_data(parser)
    arguments.add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, console: Console) -> Result:
    target = arguments.output_path(args.output, ".json", ".npz")
    import headviz as hv

    criterion = hv.criteria[args.criterion]
    options = dict(args.option) | ({} if args.alpha is None else {"alpha": args.alpha})
    scores = hv.open_scores(args.scores)
    if args.limit is not None:  # the rows that score --limit would have drawn from the same data
        scores = scores.sample(args.limit, args.seed)
    needs_model, needs_data = criterion.needs in ("model", "data"), criterion.needs == "data"
    _check_given(args, criterion.name, needs_model, needs_data)
    data = arguments.open_data(args, args.data, console) if needs_data else None
    subject = arguments.open_model(args, args.model, console) if needs_model else None
    if subject is not None:
        _check_same_model(scores, subject, args)
    values = criterion(subject, data, scores=scores, seed=args.seed, on_progress=console.progress, **options)
    mask = hv.select(values, args.prune, least_per_layer=args.least_per_layer, always=args.always, never=args.never)
    console.notes(values.notes)
    if target is not None:
        mask.save(target)
    return Result(_lines(mask, values, target), _data(mask, values))


def _check_given(args: argparse.Namespace, name: str, needs_model: bool, needs_data: bool) -> None:
    missing = [
        flag
        for flag, needed, given in (("--model", needs_model, args.model), ("--data", needs_data, args.data))
        if needed and given is None
    ]
    if missing:
        raise Usage(f"The criterion {name} cannot be taken from scores alone; add {' and '.join(missing)}.")


def _check_same_model(scores: Scores, subject: Subject, args: argparse.Namespace) -> None:
    scored = (scores.provenance.get("model") or {}).get("fingerprint")
    if scored is not None and scored != subject.fingerprint:
        raise Usage(
            f"{args.scores} was scored on other weights ({scored}) than --model {args.model} has "
            f"({subject.fingerprint}); give the model that was scored."
        )


def _data(mask: Any, values: Any) -> dict[str, Any]:
    return {
        "criterion": {"name": values.criterion, "options": values.options},
        "heads": list(mask.heads),
        "kept": mask.count,
        "share": mask.share,
        "pruned": list(mask.pruned),
    }


def _lines(mask: Any, values: Any, target: Any) -> list[str]:
    told = ", ".join(f"{name} {value}" for name, value in values.options.items())
    total = sum(mask.heads)
    lines = [
        f"{total - mask.count} of {total} heads are pruned by {values.criterion}{f' ({told})' if told else ''}:",
        " ".join(told_heads(mask.pruned, mask)) or "none",
    ]
    return lines if target is None else [*lines, "", f"Saved to {target}"]
