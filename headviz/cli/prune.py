"""``headviz prune``: a smaller model without the heads that a mask cuts, as a folder."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from headviz.cli import cutting
from headviz.cli.output import Console, Result
from headviz.files import size_of
from headviz.glossary import glossary
from headviz.units import in_bytes

if TYPE_CHECKING:
    from headviz.subject import Subject

GQA = ("groups", "exact", "folded")
"""The ways of `hv.prune`; not imported from there, since parsing a command line loads no model library."""


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "prune",
        help="cut heads out of the weights and save the smaller model",
        description="Cut the heads that MASK prunes out of the weights of MODEL, and save what is left as a folder. It "
        "opens with transformers alone (trust_remote_code=True), with headviz, and in the app.",
        epilog="Example: headviz prune demo/reviews mask.json -o pruned-model --dtype float16 --verify demo/reviews "
        "--split test",
    )
    parser.add_argument("-o", "--output", metavar="FOLDER", required=True, help="where to save the pruned model")
    parser.add_argument(
        "--gqa",
        metavar="WAY",
        choices=GQA,
        default=GQA[0],
        help=f"where heads share keys and values: {', '.join(GQA)} ({GQA[0]}). {glossary['gqa_pruning'].sentence}",
    )
    cutting.add(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, console: Console) -> Result:
    folder = cutting.output_folder(args.output, args.overwrite)
    assert folder is not None
    given = cutting.open_given(args, console)
    import headviz as hv

    pruned = hv.prune(given.subject, given.mask, gqa=args.gqa)
    console.notes(note for note in pruned.notes if note not in given.subject.notes)
    hv.save_pruned(pruned, folder, dtype=args.dtype, overwrite=args.overwrite, on_progress=console.progress)
    dtype = args.dtype or pruned.dtype
    found = {
        "model": {"name": given.subject.name, "fingerprint": given.subject.fingerprint},
        "pruned": list(given.mask.pruned),
        **cutting.sizes(given.subject, pruned, dtype),
        "gqa": _grouped(given, args.gqa, pruned, dtype),
        "dtype": dtype,
        "folder": str(folder),
        "folder_bytes": size_of(folder),
        "proof": cutting.prove(given, folder, console),
    }
    return Result(_lines(args, found), found)


def _grouped(given: cutting.Given, way: str, pruned: Subject, dtype: str) -> dict[str, Any] | None:
    """The way that was taken, the bytes of the weights that each would give in ``dtype``, and the heads that it left as
    zeros; None where no heads share keys and values."""
    if all(call.heads == call.kv_heads for call in given.subject.calls):
        return None
    from headviz.cost import pruned_bytes

    sizes = {one: pruned_bytes(given.subject, given.mask, one, dtype=dtype) for one in GQA}
    return {"way": way, "bytes": sizes, "zeroed": list(pruned.zeroed)}


def _gqa_lines(grouped: dict[str, Any] | None) -> list[str]:
    if grouped is None:
        return []
    sizes = ", ".join(f"{way} {in_bytes(size)}" for way, size in grouped["bytes"].items())
    return [f"Heads share keys and values. Weights by --gqa: {sizes}; this is {grouped['way']}."]


def _lines(args: argparse.Namespace, found: dict[str, Any]) -> list[str]:
    proof = found["proof"]
    return [
        f"{args.model}: {len(found['pruned'])} of {found['heads']['before']} heads are cut out.",
        "",
        *cutting.size_lines(found),
        *_gqa_lines(found["gqa"]),
        *([] if proof is None else ["", proof["sentence"]]),
        "",
        f"Saved to {found['folder']} ({in_bytes(found['folder_bytes'])}, {found['dtype']})",
    ]
