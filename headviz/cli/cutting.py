"""What ``headviz prune`` and ``headviz export`` share: model and mask, where things go, sizes and proofs."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headviz.cli import arguments
from headviz.cli.errors import Usage
from headviz.cli.output import Console
from headviz.units import in_bytes

if TYPE_CHECKING:
    from headviz.data import Data
    from headviz.mask import Mask
    from headviz.subject import Subject

PROOF_FILE = "proof.json"
DTYPES = ("float32", "bfloat16", "float16")
"""Those of `hv.save_pruned`; not imported from there, since parsing a command line loads no model library."""
_TOKENS = 128


def add(parser: argparse.ArgumentParser) -> None:
    """``MODEL MASK --dtype --overwrite --verify`` with the flags of its data, and the common ones."""
    parser.add_argument("model", metavar="MODEL", help="a folder, a Hugging Face id, or demo/reviews")
    parser.add_argument("mask", metavar="MASK", help="a mask that headviz saved (.json or .npz)")
    parser.add_argument(
        "--dtype",
        metavar="NAME",
        choices=DTYPES,
        help=f"of the numbers in a folder: {', '.join(DTYPES)} (as opened, float32); the others take half the room",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace folders that headviz wrote before")
    parser.add_argument(
        "--verify",
        metavar="DATA",
        help=f"compare what was written with the masked model on DATA, text by text, and save that as {PROOF_FILE}",
    )
    arguments.add_data(parser)
    arguments.add_common(parser)


@dataclass(frozen=True)
class Given:
    """The model, its mask, and the data of ``--verify``."""

    subject: Subject
    mask: Mask
    data: Data | None


def open_given(args: argparse.Namespace, console: Console) -> Given:
    """What stands on the command line, opened; the mask first, since it is read in no time."""
    import headviz as hv

    hv.Mask.open(args.mask)
    data = None if args.verify is None else arguments.open_data(args, args.verify, console)
    subject = arguments.open_model(args, args.model, console)
    return Given(subject, hv.Mask.open(args.mask, subject), data)


def output_folder(path: str | None, overwrite: bool) -> Path | None:
    """``path`` of a folder to write, refused before the work and not after it."""
    if path is None:
        return None
    folder = Path(path).expanduser()
    if folder.exists() and not folder.is_dir():
        raise Usage(f"{folder} is a file; give the name of a folder.")
    nearest = next(one for one in (folder.absolute(), *folder.absolute().parents) if one.exists())
    if not nearest.is_dir():
        raise Usage(f"{nearest} is a file, so there can be no folder {folder}; give another name.")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise Usage(f"{folder} cannot be written: you may not write in {nearest}. Choose another folder.")
    if not overwrite and folder.is_dir() and any(folder.iterdir()):
        raise Usage(f"{folder} is not empty; choose another folder, or add --overwrite to replace what headviz wrote.")
    return folder


def prove(given: Given, other: Path, console: Console) -> dict[str, Any] | None:
    """The record of the proof that ``other`` answers like the mask, written beside it; None where there is no data.

    Raises ExportError, with what was found, where it does not."""
    if given.data is None:
        return None
    import headviz as hv

    proof = hv.verify(given.subject, given.mask, other, given.data, on_progress=console.progress)
    if not proof.holds:
        raise hv.ExportError(f"{proof.sentence} Do not use {other}.")
    proof.save(other / PROOF_FILE if other.is_dir() else other.with_suffix(f".{PROOF_FILE}"))
    return proof.record()


def sizes(whole: Subject, pruned: Subject, dtype: str) -> dict[str, Any]:
    """Heads, parameters, bytes of the weights when both are written in ``dtype``, and FLOPs per token, each before and
    after."""
    from headviz.cost import flops, weight_bytes

    tokens = min(_TOKENS, whole.max_length)

    def of(subject: Subject) -> dict[str, Any]:
        return {
            "heads": sum(subject.heads),
            "parameters": subject.parameters,
            "bytes": weight_bytes(subject, dtype),
            "flops": flops(subject, tokens=tokens) / tokens,
        }

    before, after = of(whole), of(pruned)
    return {
        "layers": list(pruned.heads),
        **{name: {"before": before[name], "after": after[name]} for name in before},
        "bytes_dtype": dtype,
        "flops_tokens": tokens,
    }


def size_lines(found: dict[str, Any]) -> list[str]:
    """A line each for heads, parameters, bytes and FLOPs."""
    named: dict[str, tuple[str, Callable[[float], str]]] = {
        "heads": ("heads", lambda number: f"{number:,}"),
        "parameters": ("parameters", lambda number: f"{number:,}"),
        "bytes": ("weights", in_bytes),
        "flops": ("MFLOPs a token", lambda number: f"{number / 1e6:,.2f}"),
    }
    lines = []
    for key, (title, told) in named.items():
        before, after = found[key]["before"], found[key]["after"]
        less = f"{100 * (before - after) / before:.1f} % less"
        saved = f", {in_bytes(before - after)} in {found['bytes_dtype']}" if key == "bytes" else ""
        lines.append(f"{title:<16}{told(before):>14} -> {told(after)}  ({less}{saved})")
    return [*lines, f"FLOPs are those of the whole model on texts of {found['flops_tokens']} tokens."]
