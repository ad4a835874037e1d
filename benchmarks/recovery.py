"""What does a fine-tune give back of what a cut took, and what does SAFE save on the way?

MiniLM fine-tuned on SST-5, cut by CAHP at degree 6, is recovered on the whole training split: by CAHP's single
fine-tune, beside top-k salience and random heads at the same count and the unpruned model given the same fine-tune.
Accuracy is of the test split, which no run reads. Writes its section of docs/results.md::

    OMP_NUM_THREADS=1 python benchmarks/recovery.py --cache FOLDER

FOLDER keeps the runs, so that the command goes on where it was interrupted, in the middle of a run too.
``--tables-only`` writes the section from what is there.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from cahp_results import EXAMPLES, plans
from measure import shared
from results import PAGE, write_text

import headviz as hv
from headviz.recovery import recover

SEEDS = (0, 1)
DEGREE = 6


@dataclass(frozen=True)
class Arm:
    """A model, and the method by which it is recovered; ``mask`` None: the whole model."""

    name: str
    method: str
    mask: str | None = "cahp"
    counts_from: str | None = None  # the arm whose numbers of frozen blocks a control copies


SAFE = (
    Arm("lora", "lora"),
    Arm("safe", "safe"),
    Arm("safe-prefix", "safe-prefix"),
    Arm("prefix", "prefix", counts_from="safe"),
    Arm("random", "random", counts_from="safe"),
)
FULL = tuple(Arm(f"full-{mask or 'unpruned'}", "full", mask) for mask in ("cahp", None, "salience", "random"))


class Predictions:
    """The test predictions of every model that was looked at, kept in a file by name."""

    def __init__(self, path: Path, test: hv.Data) -> None:
        self.path, self.test = path, test
        self.content: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}

    def of(self, name: str, subject: hv.Subject) -> None:
        if name not in self.content:
            done = hv.evaluate(subject, self.test)
            self.content[name] = {
                "fingerprint": subject.fingerprint,
                "predictions": done.predictions.tolist(),
                "labels": done.labels.tolist(),
                "loss": done.loss.tolist(),
            }
            write_text(self.path, json.dumps(self.content))
            right = np.mean(done.predictions == done.labels)
            print(f"{name}: {right:.4f} of {len(self.test)}", file=sys.stderr, flush=True)


def masks(folder: Path, subject: hv.Subject, train: hv.Data, seed: int) -> dict[str | None, hv.Mask | None]:
    """What is cut, by name; the random heads are another draw for another seed."""
    plan = plans(folder, subject, train)["headviz"].with_degree(DEGREE)
    controls = plan.controls(seed)
    return {"cahp": plan.mask, "salience": controls["salience"], "random": controls["random"], None: None}


def run(arm: Arm, seed: int, cut: hv.Subject, train: hv.Data, validation: hv.Data, cache: Path) -> hv.Subject:
    """The recovered model of one arm."""
    started = time.monotonic()

    def tell(done: int, total: int, stage: str) -> None:
        print(
            f"\r{arm.name} {seed}: {stage} {done} of {total}, {time.monotonic() - started:.0f} s",
            end="",
            file=sys.stderr,
        )

    folder = cache / f"{arm.name}-{seed}"
    more = {} if arm.counts_from is None else {"counts_from": str(cache / f"{arm.counts_from}-{seed}")}
    done = recover(cut, train, validation, method=arm.method, folder=folder, seed=seed, on_progress=tell, **more)
    print(file=sys.stderr)
    return done.subject


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True, metavar="FOLDER", help="runs are kept there")
    parser.add_argument("--only", choices=("full", "safe"), help="run one half, beside another process with the other")
    parser.add_argument("--tables-only", action="store_true", help="run nothing more")
    parser.add_argument("--output", type=Path, default=PAGE, metavar="FILE")
    args = parser.parse_args()
    args.cache.mkdir(parents=True, exist_ok=True)
    folder = shared()
    subject = hv.load(folder / "models" / "minilm-sst5", device="cpu")
    some = hv.load_data(folder / "data" / "sst5" / "train.tsv", limit=EXAMPLES, seed=0)
    train, validation, test = (
        hv.load_data(folder / "data" / "sst5" / f"{name}.tsv") for name in ("train", "validation", "test")
    )
    for half, arms in {"full": FULL, "safe": SAFE}.items():
        if args.only in (None, half):
            predictions = Predictions(args.cache / f"{half}.json", test)
            run_all(arms, subject, some, train, validation, predictions, args.cache)


def run_all(
    arms: tuple[Arm, ...], subject: hv.Subject, some: hv.Data, train: hv.Data, validation: hv.Data,
    predictions: Predictions, cache: Path,
) -> None:  # fmt: skip
    """Every arm that is not there yet, the first seed of all of them first."""
    for seed in SEEDS:
        by_name = masks(cache, subject, some, seed)
        for arm in arms:
            mask = by_name[arm.mask]
            cut = subject if mask is None else hv.prune(subject, mask)
            predictions.of(f"{arm.mask}-{seed}-before", cut)
            predictions.of(f"{arm.name}-{seed}", run(arm, seed, cut, train, validation, cache))


if __name__ == "__main__":
    main()
