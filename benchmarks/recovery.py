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
import copy
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from cahp_results import EXAMPLES, plans
from measure import machine, shared
from recovery_tables import TITLE, Found, section
from results import PAGE, put_section, write_text

import headviz as hv
from headviz.labels import match_labels
from headviz.recovery import methods, recover
from headviz.recovery.adapters import parameters_of, units_of, with_adapters

SEEDS = (0, 1)
DEGREE, ROUNDS = 6, 15


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
    more: dict[str, Any] = {} if arm.counts_from is None else {"counts_from": str(cache / f"{arm.counts_from}-{seed}")}
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
    halves = {half: Predictions(args.cache / f"{half}.json", test) for half in ("full", "safe")}
    if not args.tables_only:
        for half, arms in {"full": FULL, "safe": SAFE}.items():
            if args.only in (None, half):
                run_all(arms, subject, some, train, validation, halves[half], args.cache)
        if args.only != "full":
            step_times(hv.prune(subject, required(masks(args.cache, subject, some, 0)["cahp"])), train, args.cache)
    if args.only is None:
        steps = args.cache / "steps.json"
        found = Found(halves["full"].content | halves["safe"].content, args.cache, SEEDS)
        put_section(
            TITLE, section(found, json.loads(steps.read_text("utf-8")) if steps.exists() else None), args.output
        )
        print(f"Wrote {args.output.name}", file=sys.stderr)


def required(mask: hv.Mask | None) -> hv.Mask:
    assert mask is not None
    return mask


def step_times(cut: hv.Subject, train: hv.Data, cache: Path) -> None:
    """What a training step takes with a frozen prefix of 0, 1, ... blocks, in turns; kept in steps.json."""
    path = cache / "steps.json"
    if path.exists():
        return
    settings = methods["lora"].settings({})
    model = with_adapters(copy.deepcopy(cut.model), settings)
    units = units_of(cut.model)
    lengths = [len(one) for one in cut.processor([texts[0] for texts in train.inputs])["input_ids"]]
    order = np.argsort(lengths)
    middle = order[len(order) // 2 - 8 : len(order) // 2 + 8]
    batch = cut.processor([train.inputs[i][0] for i in middle], padding=True, return_tensors="pt")
    labels = torch.as_tensor(match_labels(train.take(middle.tolist()), cut.labels))
    optimizer = torch.optim.AdamW([weight for weight in model.parameters() if weight.requires_grad], lr=1e-8)
    model.train()

    def step(prefix: int) -> float:
        for place, unit in enumerate(units):
            for weight in parameters_of(model, unit):
                weight.requires_grad_(place >= prefix)
        began = time.perf_counter()
        model(**batch, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return time.perf_counter() - began

    step(0)
    rounds = [[step(prefix) for prefix in range(len(units))] for _ in range(ROUNDS)]
    ratio = np.median([[own / times[0] for own in times] for times in rounds], axis=0)
    write_text(path, json.dumps({"ratio": ratio.tolist(), "rounds": ROUNDS, "machine": machine()}))


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
            predictions.of(f"{arm.mask or 'unpruned'}-{seed}-before", cut)
            if f"{arm.name}-{seed}" not in predictions.content:
                predictions.of(f"{arm.name}-{seed}", run(arm, seed, cut, train, validation, cache))


if __name__ == "__main__":
    main()
