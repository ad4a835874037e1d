"""``headviz export``: the cut model as an ONNX file, as a masked folder and as a pruned folder."""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path
from typing import Any

from headviz.cli import arguments, cutting
from headviz.cli.errors import Usage
from headviz.cli.output import Console, Result
from headviz.files import size_of
from headviz.units import in_bytes

_KINDS = {"pruned": "pruned folder", "masked": "masked folder", "onnx": "ONNX file"}


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "export",
        help="write the cut model as ONNX or as a folder",
        description="Write MODEL without the heads that MASK prunes: as one ONNX file or a folder of smaller weights, "
        "or as an ordinary folder of the whole size in which these heads are zeroed.",
        epilog="Example: headviz export demo/reviews mask.json --onnx model.onnx --verify demo/reviews --split test",
    )
    parser.add_argument("--onnx", metavar="FILE", help="smaller weights as one .onnx file, for any batch and length")
    parser.add_argument("--masked", metavar="FOLDER", help="zeroed heads; opens wherever transformers' folders do")
    parser.add_argument("--pruned", metavar="FOLDER", help="smaller weights; opens with transformers and headviz")
    cutting.add(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, console: Console) -> Result:
    targets = _targets(args)
    if "onnx" in targets:
        _require_onnx()
    given = cutting.open_given(args, console)
    if "masked" in targets and given.subject.cut is not None:
        raise Usage(f"{args.model} is pruned, and a masked folder holds a whole model; leave out --masked.")
    import headviz as hv

    pruned = given.subject if set(targets) == {"masked"} else hv.prune(given.subject, given.mask)
    write = {"dtype": args.dtype, "overwrite": args.overwrite, "on_progress": console.progress}
    console.notes(note for note in pruned.notes if note not in given.subject.notes)
    files: list[dict[str, Any]] = []
    for kind, target in targets.items():
        if kind == "pruned":
            hv.save_pruned(pruned, target, **write)
        elif kind == "masked":
            hv.save_masked(given.subject, given.mask, target, **write)
        else:
            hv.export_onnx(pruned, target, on_progress=console.progress)
        dtype = "float32" if kind == "onnx" else args.dtype or pruned.dtype
        proof, size = cutting.prove(given, target, console), size_of(target)
        files.append({"kind": kind, "path": str(target), "dtype": dtype, "bytes": size, "proof": proof})
    found = {
        "model": {"name": given.subject.name, "fingerprint": given.subject.fingerprint},
        "pruned": list(given.mask.pruned),
        **cutting.sizes(given.subject, pruned, files[0]["dtype"]),
        "files": files,
    }
    return Result(_lines(args, found), found)


def _targets(args: argparse.Namespace) -> dict[str, Path]:
    """Where each kind goes, folders before files, refused before the work."""
    wanted = {
        "pruned": cutting.output_folder(args.pruned, args.overwrite),
        "masked": cutting.output_folder(args.masked, args.overwrite),
        "onnx": arguments.output_path(args.onnx, ".onnx"),
    }
    targets = {kind: path for kind, path in wanted.items() if path is not None}
    if not targets:
        raise Usage("Nothing is asked for; add --onnx FILE, --masked FOLDER or --pruned FOLDER.")
    if len({path.resolve() for path in targets.values()}) < len(targets):
        raise Usage("Two outputs have one name; give each a name of its own.")
    folders = [path for kind, path in targets.items() if kind != "onnx"]
    for inner, outer in itertools.permutations(folders, 2):
        if outer.resolve() in inner.resolve().parents:
            raise Usage(f"{inner} lies in {outer}, which is another output; give it a place of its own.")
    if args.dtype is not None and set(targets) == {"onnx"}:
        raise Usage("--dtype is for folders, and an ONNX file holds float32; leave it out.")
    return targets


def _require_onnx() -> None:
    """Refuse before anything is written what would stop the last of the outputs."""
    from headviz.onnx_export import PACKAGES
    from headviz.onnx_model import require_onnx

    require_onnx(*PACKAGES)


def _lines(args: argparse.Namespace, found: dict[str, Any]) -> list[str]:
    smaller = any(one["kind"] != "masked" for one in found["files"])
    lines = [
        f"{args.model}: {len(found['pruned'])} of {found['heads']['before']} heads are cut.",
        "",
        *(cutting.size_lines(found) if smaller else ["A masked folder has the size of the whole model."]),
        "",
    ]
    for one in found["files"]:
        lines.append(f"Saved the {_KINDS[one['kind']]} to {one['path']} ({in_bytes(one['bytes'])}, {one['dtype']})")
        if one["proof"] is not None:
            lines.append(one["proof"]["sentence"])
    return lines
