"""``headviz cahp``: heads that complement each other, from one pass over data to a mask."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from headviz.cli import arguments
from headviz.cli.errors import Usage
from headviz.cli.output import Console, Result, told_heads
from headviz.listing import listed

if TYPE_CHECKING:
    from headviz.complementarity.plan import Plan
    from headviz.complementarity.signature import Signatures
    from headviz.mask import Mask

_NOISE_SEEDS = 3


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "cahp",
        help="keep heads that complement each other",
        description="Group the heads of MODEL that tell the classes of DATA apart in the same way, and keep one of "
        "each group; the knee of a curve says how many groups. --seed drives the grouping too; without it the preset "
        "does.",
        epilog="Example: headviz cahp demo/reviews demo/reviews --split validation --degree 4 -o mask.json",
    )
    parser.add_argument("model", metavar="MODEL", help="a folder, a Hugging Face id, or demo/reviews")
    parser.add_argument(
        "data",
        metavar="DATA",
        help="a .csv .tsv .jsonl .json .parquet .xlsx .txt file, a Hugging Face id, or demo/reviews",
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="where to save the mask (.json or .npz)")
    parser.add_argument("--plan", metavar="FILE", help="where to save the whole plan (.parquet)")
    parser.add_argument("--count", type=arguments.whole_number, metavar="K", help="so many groups, whatever the knee")
    parser.add_argument("--preset", default="headviz", metavar="NAME", help="headviz (default) or reference")
    # what is not given is absent from the arguments, so that the preset decides
    chosen = parser.add_argument_group("choices in place of the preset's", argument_default=argparse.SUPPRESS)
    chosen.add_argument(
        "--degree", type=degree, metavar="1-8|none", help="of the polynomial through the curve; none: no smoothing"
    )
    chosen.add_argument("--grid", type=arguments.whole_number, metavar="G", help="side of the picture of a map")
    chosen.add_argument("--classes", metavar="KIND", help="labels, predicted (needs no labels), or bins of a number")
    chosen.add_argument("--space", metavar="NAME", help="tsne, pca, features")
    chosen.add_argument("--distance", metavar="NAME", help="jm, js, cka")
    chosen.add_argument("--representative", metavar="NAME", help="salience, medoid, random")
    chosen.add_argument("--no-guard", dest="guard", action="store_false", help="let a layer lose every head")
    parser.add_argument("--no-noise", dest="noise", action="store_false", help="do not compare with matched noise")
    arguments.add_data(parser)
    arguments.add_common(parser)
    parser.set_defaults(run=run, seed=None)


def degree(text: str) -> int | None:
    if text == "none":
        return None
    try:
        return arguments.whole_number(text)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a degree from 1 to 8 nor 'none'") from None


def run(args: argparse.Namespace, console: Console) -> Result:
    target = arguments.output_path(args.output, ".json", ".npz")
    plan_target = arguments.output_path(args.plan, ".parquet")
    of_signatures, of_plan = _options(args)
    data = arguments.open_data(argparse.Namespace(**{**vars(args), "seed": args.seed or 0}), args.data, console)
    subject = arguments.open_model(args, args.model, console)
    heads = sum(subject.heads)
    if args.count is not None and not 1 <= args.count <= heads:
        raise Usage(f"--count must be from 1 to {heads}, the heads of {args.model}; it is {args.count}.")
    import headviz as hv

    signatures = hv.signatures(subject, data, preset=args.preset, on_progress=console.progress, **of_signatures)
    console.notes(signatures.notes)
    plan = hv.cahp(signatures, preset=args.preset, on_progress=console.progress, **of_plan)
    console.notes(plan.notes)
    if args.count is not None:
        plan = plan.with_count(args.count)
    mask = plan.mask  # or the sentence that there is no knee
    noise = _noise(plan, console) if args.noise else None
    if target is not None:
        mask.save(target)
    if plan_target is not None:
        plan.save(plan_target)
    found = _data(signatures, plan, mask, noise)
    return Result(_lines(args, found, mask, [one for one in (target, plan_target) if one is not None]), found)


def _options(args: argparse.Namespace) -> tuple[dict[str, Any], dict[str, Any]]:
    """What was given for signatures and for the plan, refused here and not after the pass over the data."""
    import headviz as hv
    from headviz.complementarity.presets import PROBE, PlanOptions, SignatureOptions, resolve

    def given(*names: str) -> dict[str, Any]:
        return {name: value for name, value in vars(args).items() if name in names}

    of_plan = given("degree", "space", "distance", "representative", "guard")
    if args.seed is not None:
        of_plan["seed"] = args.seed
    chosen = resolve(PlanOptions, args.preset, of_plan)
    _ = hv.spaces[chosen.space], hv.distances[chosen.distance]
    of_signatures = given("grid", "classes")
    if chosen.distance == "cka":
        of_signatures["probe"] = PROBE
    resolve(SignatureOptions, args.preset, of_signatures)
    return of_signatures, of_plan


def _noise(plan: Plan, console: Console) -> dict[str, Any]:
    """The knees of matched noise, and the sentence that compares the plan's with them."""
    from headviz.complementarity.noise import compared, noise_curves

    curves = noise_curves(plan, _NOISE_SEEDS, kinds=["columns"], on_progress=console.progress)["columns"]
    sentence = compared(plan.silhouettes.k, len(plan), plan.degree, curves)
    return {"knees": [curve.k for curve in curves], "sentence": sentence}


def _data(signatures: Signatures, plan: Plan, mask: Mask, noise: dict[str, Any] | None) -> dict[str, Any]:
    made, planned = signatures.provenance["options"], plan.provenance["plan"]
    rescued = [name for name, there in zip(plan.names, plan.picked[1], strict=True) if there]
    return {
        "preset": plan.preset,
        "differs": {name: of[name] for of in (made, planned) for name in of["differs"]},
        "classes": dict(zip(signatures.classes, signatures.counts.tolist(), strict=True)),
        "grid": signatures.grid,
        "degree": plan.degree,
        "knee": plan.silhouettes.k,
        "k": plan.k,
        "heads": list(mask.heads),
        "kept": mask.count,
        "share": mask.share,
        "kept_heads": list(mask.kept),
        "rescued": rescued,
        "pruned": list(mask.pruned),
        "noise": noise,
        "notes": list(plan.notes),
    }


def _lines(args: argparse.Namespace, found: dict[str, Any], mask: Mask, targets: list[Any]) -> list[str]:
    total = sum(found["heads"])
    differs = ", ".join(f"{name} {_told(value)}" for name, value in found["differs"].items())
    at = "without smoothing" if found["degree"] is None else f"at degree {found['degree']}"
    knee = f"no knee {at}" if found["knee"] is None else f"the knee {at} is {found['knee']}"
    rescued = found["rescued"]
    lines = [
        f"{args.model} on {args.data}: {total} heads, {sum(found['classes'].values()):,} examples "
        f"({listed([f'{name} {count:,}' for name, count in found['classes'].items()], most=12)})",
        f"Preset {found['preset']}{f', but {differs}' if differs else ''}; grid {found['grid']} x {found['grid']}",
        "",
        f"{found['k']} groups: {knee}. {found['kept']} of {total} heads are kept"
        f"{f', {len(rescued)} of them rescued for their layers' if rescued else ''}:",
        " ".join(told_heads(found["kept_heads"], mask)),
    ]
    if rescued:
        lines.append(f"Rescued: {' '.join(told_heads(rescued, mask))}")
    if found["noise"] is not None:
        lines += ["", found["noise"]["sentence"]]
    return lines if not targets else [*lines, "", *(f"Saved to {target}" for target in targets)]


def _told(value: Any) -> str:
    return "none" if value is None else {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)
