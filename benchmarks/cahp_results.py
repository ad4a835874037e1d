"""What does CAHP keep of MiniLM fine-tuned on SST-5, and what is that worth before any fine-tune?

Both presets on the same 2,000 training examples: knees beside matched noise, accuracy on the whole test split beside
four controls of as many heads, and overlap beside its chance lines. Writes its section of docs/results.md::

    OMP_NUM_THREADS=1 python benchmarks/cahp_results.py --cache FOLDER

FOLDER keeps the signatures and which test examples each mask gets right, so that the command goes on where it was
interrupted; some 320 evaluations of 2,210 texts at 16 to 25 s each on one thread. ``--draws`` takes fewer random masks,
``--tables-only`` writes the tables from what is there. The tables are made in `cahp_tables.py`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from cahp_tables import TITLE, section
from measure import shared
from results import PAGE, put_section, write_text

import headviz as hv
from headviz.complementarity.plan import Plan
from headviz.labels import match_labels

EXAMPLES, DEGREES = 2000, (2, 3, 4, 5, 6, None)
DRAWS = {"random": 20, "random_per_cluster": 10}


@dataclass(frozen=True)
class Arm:
    """A preset's plan at one degree; ``degree`` None: no smoothing."""

    preset: str
    degree: int | None
    plan: Plan

    def controls(self, seed: int = 0) -> dict[str, hv.Mask]:
        """`Plan.controls`, and the highest by HIS, which is another salience than that of the reference."""
        scores = self.plan.required_signatures().scores
        return {**self.plan.controls(seed), "his": self.plan.top(hv.criteria["his"](None, None, scores=scores))}


class Measured:
    """Which test examples each mask gets right, kept in a file: bool (examples,) by the mask's code."""

    def __init__(self, path: Path, subject: hv.Subject, test: hv.Data) -> None:
        self._path, self._subject, self.test = path, subject, test
        self.labels = match_labels(test, subject.labels)
        of = {"model": subject.fingerprint, "data": test.fingerprint}
        self._content: dict[str, Any] = {**of, "right": {}}
        if path.exists():
            self._content = json.loads(path.read_text("utf-8"))
            if {name: self._content[name] for name in of} != of:
                sys.exit(f"{path.name} was measured with another model or other data. Choose another --cache.")

    @property
    def constant(self) -> float:
        return float(np.bincount(self.labels).max() / len(self.labels))

    def __contains__(self, mask: hv.Mask) -> bool:
        return mask.code in self._content["right"]

    def __getitem__(self, mask: hv.Mask) -> np.ndarray:
        packed = np.frombuffer(bytes.fromhex(self._content["right"][mask.code]), dtype=np.uint8)
        return np.unpackbits(packed, count=len(self.labels)).astype(bool)

    def measure(self, mask: hv.Mask) -> None:
        """Evaluate ``mask`` unless that was done, and keep the result at once."""
        if mask in self:
            return
        right = hv.evaluate(self._subject, self.test, mask).predictions == self.labels
        self._content["right"][mask.code] = np.packbits(right).tobytes().hex()
        write_text(self._path, json.dumps(self._content))
        print(
            f"{len(self._content['right'])} masks: {mask.count} heads, {right.mean():.3f}", file=sys.stderr, flush=True
        )


def plans(folder: Path, subject: hv.Subject, train: hv.Data) -> dict[str, Plan]:
    """The plan of each preset at degree 6; signatures are taken once and kept in ``folder``."""
    found = {}
    given: dict[str, dict[str, Any]] = {"headviz": {"grid": 24}, "reference": {"nulls": 2}}
    for preset, options in given.items():
        path = folder / f"signatures-{preset}.npz"
        if not path.exists():
            hv.signatures(subject, train, preset=preset, **options).save(path)
        signatures = hv.open_signatures(path)
        made = signatures.provenance
        if (made["model"]["fingerprint"], made["data"]["fingerprint"]) != (subject.fingerprint, train.fingerprint):
            sys.exit(f"{path.name} is of another model or other data. Choose another --cache.")
        found[preset] = hv.cahp(signatures, preset=preset)
    return found


def masks(arms: list[Arm], draws: dict[str, int]) -> Iterator[hv.Mask]:
    """Everything to evaluate, what matters most first: the choices that draw nothing, then draw by draw."""
    for arm in arms:
        yield arm.plan.mask
        chosen = arm.controls()
        yield from (chosen[name] for name in ("salience", "his", "medoid"))
    for draw in range(draws["random"]):
        yield from (arm.controls(draw)["random"] for arm in arms)
        if draw % 2 == 0 and draw // 2 < draws["random_per_cluster"]:  # half as many draws, at an even pace
            yield from (arm.controls(draw // 2)["random_per_cluster"] for arm in arms)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True, metavar="FOLDER", help="what is measured is kept there")
    parser.add_argument("--draws", type=int, default=20, metavar="N", help="at most so many random masks a count")
    parser.add_argument("--tables-only", action="store_true", help="evaluate nothing more")
    parser.add_argument("--output", type=Path, default=PAGE, metavar="FILE")
    args = parser.parse_args()
    args.cache.mkdir(parents=True, exist_ok=True)
    folder = shared()
    subject = hv.load(folder / "models" / "minilm-sst5", device="cpu")
    train = hv.load_data(folder / "data" / "sst5" / "train.tsv", limit=EXAMPLES, seed=0)
    measured = Measured(args.cache / "right.json", subject, hv.load_data(folder / "data" / "sst5" / "test.tsv"))
    by_preset = plans(args.cache, subject, train)
    arms = [Arm(preset, degree, plan.with_degree(degree)) for preset, plan in by_preset.items() for degree in DEGREES]
    draws = {name: min(most, args.draws) for name, most in DRAWS.items()}
    whole = hv.Mask.full(subject)
    if not args.tables_only:
        measured.measure(whole)
        for mask in masks([arm for arm in arms if arm.plan.k is not None], draws):
            measured.measure(mask)
    put_section(TITLE, section(by_preset, arms, measured, whole, draws), args.output)
    print(f"Wrote {args.output.name}", file=sys.stderr)


if __name__ == "__main__":
    main()
