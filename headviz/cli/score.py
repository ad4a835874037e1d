"""``headviz score``: gate gradients and attention entropies of every head, saved as Parquet."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from headviz.cli.arguments import add_common, add_data, open_data, open_model, output_path
from headviz.cli.output import Console, Result

if TYPE_CHECKING:
    from headviz.scores import Scores

_SHOWN = 8


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "score",
        help="score every head in one pass over data",
        description="Score every attention head of MODEL on DATA: one forward and one backward pass.",
        epilog="Example: headviz score demo/reviews demo/reviews --split validation -o scores.parquet",
    )
    parser.add_argument("model", metavar="MODEL", help="a folder, a Hugging Face id, or demo/reviews")
    parser.add_argument(
        "data",
        metavar="DATA",
        help="a .csv .tsv .jsonl .json .parquet .xlsx .txt file, a Hugging Face id, or demo/reviews",
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="where to save the scores (.parquet)")
    parser.add_argument("--entropy", choices=["normalised", "raw"], default="normalised", help="raw: in nats")
    parser.add_argument("--order", type=float, default=1.0, help="Renyi order of the entropy (default 1, Shannon)")
    parser.add_argument(
        "--targets", choices=["labels", "predicted"], default="labels", help="predicted: needs no labels"
    )
    add_data(parser)
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, console: Console) -> Result:
    target = output_path(args.output, ".parquet")
    data = open_data(args, args.data, console)
    subject = open_model(args, args.model, console)
    import headviz as hv
    from headviz.label_notes import id_notes

    scores = hv.score(
        subject,
        data,
        entropy=args.entropy,
        order=args.order,
        targets=args.targets,
        on_progress=console.progress,
    )
    console.notes(scores.notes)
    if args.targets == "labels":
        console.notes(id_notes(data, subject.labels))
    if target is not None:
        scores.save(target)
    return Result(_lines(scores, args, target), _data(scores))


def _data(scores: Scores) -> dict[str, Any]:
    from headviz.mask import head_name

    his, ae, fisher = scores.his, scores.ae, scores.fisher
    heads = [
        {
            "head": head_name(layer, index),
            "layer": layer,
            "index": index,
            "his": his[layer, index],
            "ae": ae[layer, index],
            "fisher": fisher[layer, index],
        }
        for layer in range(his.shape[0])
        for index in range(his.shape[1])
        if his[layer, index] == his[layer, index]  # NaN: the layer has no such head
    ]
    blocks = {name: scores.provenance.get(name) for name in ("model", "data", "options")}
    loss, notes = float(scores.loss.mean()), list(scores.notes)
    return {"examples": len(scores), **blocks, "loss": loss, "heads": heads, "notes": notes}


def _lines(scores: Scores, args: argparse.Namespace, target: Any) -> list[str]:
    heads = sorted(_data(scores)["heads"], key=lambda row: -row["his"])
    few = len(heads) <= 2 * _SHOWN
    shown = heads if few else [*heads[:_SHOWN], None, *heads[-_SHOWN:]]
    loss = f"mean loss {scores.loss.mean():.4f}"
    lines = [
        f"{args.model} on {args.data}: {len(heads)} heads, {len(scores):,} examples, {loss}",
        "",
        f"{'head':<8}{'HIS':>12}{'AE':>9}",
    ]
    lines += ["..." if row is None else f"{row['head']:<8}{row['his']:>12.6f}{row['ae']:>9.4f}" for row in shown]
    if not few:
        lines += ["", f"The {_SHOWN} largest and the {_SHOWN} smallest HIS; --json prints every head."]
    if target is not None:
        lines += ["", f"Saved to {target}"]
    return lines
