"""The section of docs/results.md that `recovery.py` writes: its tables, from predictions and the folders of runs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from results import difference, share, table, wrapped

from headviz.recovery.cost import PAPER, Cost
from headviz.recovery.freezing import is_prefix, prefix_length
from headviz.recovery.history import History
from headviz.recovery.run import Run
from headviz.stats import Estimate, mean_interval, paired

TITLE = "Recovery after a cut"
DRAWS = 10_000
FULL = {
    "full-cahp": "CAHP, degree 6",
    "full-salience": "top-k salience",
    "full-random": "random heads",
    "full-unpruned": "unpruned",
}
SAFE = {
    "lora": "lora",
    "safe": "safe",
    "safe-prefix": "safe-prefix",
    "prefix": "control: prefix",
    "random": "control: random",
}


@dataclass(frozen=True)
class Found:
    """Predictions by name, as `recovery.Predictions` keeps them, and the folder with the runs."""

    content: Mapping[str, Any]
    cache: Path
    seeds: Sequence[int]

    def right(self, name: str) -> np.ndarray | None:
        """(examples,) 1 where the prediction is right."""
        one = self.content.get(name)
        return None if one is None else (np.array(one["predictions"]) == np.array(one["labels"])).astype(float)

    def over_seeds(self, arm: str) -> np.ndarray | None:
        """(examples,) the share of the seeds that are there whose model is right."""
        rows = [row for seed in self.seeds if (row := self.right(f"{arm}-{seed}")) is not None]
        return np.mean(rows, axis=0) if rows else None

    def over_seeds_before(self, arm: str) -> np.ndarray | None:
        """As `over_seeds`, of the models before they were recovered."""
        name = arm.removeprefix("full-")
        rows = [row for seed in self.seeds_of(arm) if (row := self.right(f"{name}-{seed}-before")) is not None]
        return np.mean(rows, axis=0) if rows else None

    def seeds_of(self, arm: str) -> list[int]:
        return [seed for seed in self.seeds if f"{arm}-{seed}" in self.content]


def section(found: Found, steps: Mapping[str, Any] | None) -> str:
    parts = [
        f"## {TITLE}\n",
        *_full(found),
        *_safe(found, steps),
        "    OMP_NUM_THREADS=1 python benchmarks/recovery.py --cache FOLDER\n",
    ]
    return "\n".join(wrapped(part) if not part.startswith("    ") else part for part in parts)


def _mean(values: np.ndarray) -> Estimate:
    low, high = mean_interval(values, draws=DRAWS)
    return Estimate(float(values.mean()), float(low), float(high), len(values))


def _cell(found: Found, name: str) -> str:
    right = found.right(name)
    return "" if right is None else f"{100 * right.mean():.1f}"


def _full(found: Found) -> list[str]:
    arms = [arm for arm in FULL if found.over_seeds(arm) is not None]
    if "full-cahp" not in arms:
        return []
    cahp, rows = found.over_seeds("full-cahp"), []
    assert cahp is not None
    for arm in arms:
        own, before = found.over_seeds(arm), found.over_seeds_before(arm)
        assert own is not None
        rows.append(
            [
                FULL[arm],
                "" if before is None else f"{100 * before.mean():.1f}",
                *(_cell(found, f"{arm}-{seed}") for seed in found.seeds),
                share(_mean(own)),
                "" if before is None else difference(paired(own, before, draws=DRAWS)),
                "" if arm == "full-cahp" else difference(paired(own, cahp, draws=DRAWS)),
            ]
        )
    whole = found.right("unpruned-0-before")
    assert whole is not None
    least = _mean(cahp)
    sizes = sorted({len(found.seeds_of(arm)) for arm in arms})
    return [
        "MiniLM fine-tuned on SST-5 (6 layers of 12 heads) is cut, its weights pruned, and what is left fine-tuned on "
        "the 8,543 training sentences that the validation split does not have: AdamW at 2e-5, batches of 32, 3 epochs, "
        "the best of three looks at the validation split (1,101 sentences). Heads are chosen on 2,000 training "
        "sentences: by CAHP at degree 6 of the preset headviz, and, at the same count, the highest by salience and a "
        "random draw, another for each seed; the unpruned model is given the same fine-tune. Accuracy in per cent of "
        "the 2,210 test sentences, which no choice has read; means are over the seeds, differences are paired and in "
        "points; 95 % intervals by a bootstrap over sentences (10,000 draws). "
        f"Seeds for each arm: {' or '.join(map(str, sizes))}; two seeds give no interval of their own.\n",
        table(
            None,
            ["heads", "before", *(f"seed {seed}" for seed in found.seeds), "mean", "less before", "less CAHP's"],
            rows,
        ),
        f"CAHP's recovered model has {100 * least.value / whole.mean():.1f} % of the accuracy that the model had "
        f"before it was cut ({100 * whole.mean():.1f} %). {_order(found, arms, cahp)}\n",
    ]


def _order(found: Found, arms: Sequence[str], cahp: np.ndarray) -> str:
    """Whether the choice of heads still makes a difference once the rest is fine-tuned."""
    apart = []
    for arm in ("full-salience", "full-random"):
        own = found.over_seeds(arm) if arm in arms else None
        if own is not None:
            gap = paired(own, cahp, draws=DRAWS)
            apart.append((FULL[arm], gap.low > 0 or gap.high < 0))
    alike = [name for name, differs in apart if not differs]
    if not alike:
        return ""
    return (
        f"After the fine-tune its difference to {' and to '.join(alike)} is within the interval: on this model and "
        "these data it does not show that the choice of heads matters once what is left is trained again."
    )


def _safe(found: Found, steps: Mapping[str, Any] | None) -> list[str]:
    arms = [arm for arm in SAFE if found.seeds_of(arm)]
    if "lora" not in arms:
        return []
    base = found.over_seeds("lora")
    assert base is not None
    quality, cost, seconds, facts = [], [], [], []
    for arm in arms:
        own = found.over_seeds(arm)
        assert own is not None
        quality.append(
            [
                SAFE[arm],
                *(_cell(found, f"{arm}-{seed}") for seed in found.seeds),
                share(_mean(own)),
                "" if arm == "lora" else difference(paired(own, base, draws=DRAWS)),
            ]
        )
        for seed in found.seeds_of(arm):
            one, other = (_run(found.cache / f"{name}-{seed}") for name in (arm, "lora"))
            if one is None or other is None:
                continue
            (history, own_cost), (_, lora_cost) = one, other
            cost.append([SAFE[arm], str(seed), *_memory(own_cost, lora_cost), *_frozen(history)])
            seconds.append([SAFE[arm], str(seed), *_seconds(own_cost, lora_cost, history, steps)])
            facts.append((arm, seed, history, own_cost, lora_cost))
    return [
        "### SAFE beside LoRA\n",
        "The model that CAHP cut at degree 6, recovered with adapters of rank 8 on the projections of attention that "
        "are left (learning rate 5e-4, batches of 16, 1 epoch, 534 steps; the best of the looks at validation, four an "
        "epoch and one at its end). `safe` freezes blocks whose importance (1 - CKA with the start) is below a "
        "threshold that rises from 15 % to 50 % of the run to 0.8 of the greatest; `safe-prefix` only the blocks below "
        "which nothing trains; the controls freeze as many at the same steps, the lowest and random ones. Test "
        "accuracy in per cent, as above.\n",
        table(
            None,
            ["method", *(f"seed {seed}" for seed in found.seeds), "mean", "less lora's"],
            quality,
        ),
        "Saved activations are what autograd keeps for the backward pass of a batch of middle size, counted once a "
        "storage; FLOPs are those of the forward and backward passes of all steps at that size. Per cent against lora "
        "of the same seed. Prefix: blocks frozen below the lowest live one, mean over all steps and at the end; the "
        "last column says at how many looks the frozen set was such a prefix.\n",
        table(
            None,
            [
                *("method", "seed", "mean memory", "peak", "end", "FLOPs", "frozen at the end", "mean prefix"),
                "prefix at",
            ],
            cost,
        ),
        _paper(facts),
        *_time(seconds, steps),
    ]


def _run(folder: Path) -> tuple[History, Cost] | None:
    if not (folder / "run.json").exists():
        return None
    run = Run.open(folder)
    return (History.open(folder), Cost.of_record(run.record["cost"])) if run.is_done else None


def _per_cent(own: float, other: float) -> str:
    return f"{100 * (own / other - 1):+.1f}" if other else ""


def _memory(own: Cost, lora: Cost) -> list[str]:
    mean = f"{own.activations.mean / 1e6:.1f} MB ({_per_cent(own.activations.mean, lora.activations.mean)} %)"
    rest = [_per_cent(getattr(own.activations, name), getattr(lora.activations, name)) for name in ("peak", "end")]
    return [mean, *rest, _per_cent(own.flops, lora.flops)]


def mean_prefix(history: History, made: int) -> float:
    """Blocks of the frozen prefix, mean over the ``made`` steps of the run."""
    ends = [check.step for check in history.checks[1:]] + [made]
    prefix = (prefix_length(np.array(check.frozen)) for check in history.checks)
    return (
        sum(
            length * max(0, min(end, made) - check.step)
            for length, end, check in zip(prefix, ends, history.checks, strict=True)
        )
        / made
    )


def _frozen(history: History) -> list[str]:
    if not history.checks:
        return ["0 of 6", "0", ""]
    last = history.checks[-1].frozen
    whole = sum(is_prefix(np.array(check.frozen)) for check in history.checks)
    return [
        f"{sum(last)} of {len(last)}",
        f"{mean_prefix(history, history.step):.2f}",
        f"{whole} of {len(history.checks)}",
    ]


def _seconds(own: Cost, lora: Cost, history: History, steps: Mapping[str, Any] | None) -> list[str]:
    expected = math.nan if steps is None else expected_time(history, steps)
    scoring = own.seconds["scoring"] / own.seconds["training"]
    return [
        f"{own.seconds['training']:.0f}",
        f"{own.seconds['scoring']:.0f}",
        f"{1000 * own.step_seconds:.0f}",
        "" if math.isnan(expected) else f"{100 * (expected - 1):+.1f}",
        f"{100 * scoring:.1f}",
    ]


def expected_time(history: History, steps: Mapping[str, Any]) -> float:
    """Training time over that of lora, from the steps with each frozen prefix and what such a step takes."""
    made, ratio = history.step, steps["ratio"]
    total, at, prefix = 0.0, 0, 0
    for check in history.checks:
        total += (check.step - at) * ratio[prefix]
        at, prefix = check.step, prefix_length(np.array(check.frozen))
    return (total + (made - at) * ratio[prefix]) / made


def _paper(facts: Sequence[tuple[str, int, History, Cost, Cost]]) -> str:
    own = [(cost, lora) for arm, _, _, cost, lora in facts if arm == "safe"]
    if not own:
        return ""
    memory = [cost.activations.mean / lora.activations.mean - 1 for cost, lora in own]
    flops = [cost.flops / lora.flops - 1 for cost, lora in own]
    return (
        f"The paper on SAFE reports {100 * PAPER['mean activations']:.2f} % memory, {100 * PAPER['FLOPs']:.2f} % "
        f"computation and {100 * PAPER['seconds']:.2f} % time against its adapter baseline, on other models and data. "
        f"Here `safe` has {_both(memory)} of mean saved activations and {_both(flops)} of FLOPs. The paper's two do "
        "not follow from one such run: a frozen prefix of a share p of the blocks saves p of the activations but about "
        "p / 2 of the FLOPs, since the forward pass stays, so -34.59 % of computation asks for a mean p of 0.69 and "
        "-42.85 % of memory for 0.43; adapter type and definitions must differ. Peak memory does not fall at all, "
        "since nothing is frozen during the warm-up: who runs out of memory is not helped by SAFE.\n"
    )


def _both(values: Sequence[float]) -> str:
    return " and ".join(f"{100 * value:+.1f} %" for value in values)


def _time(seconds: list[list[str]], steps: Mapping[str, Any] | None) -> list[str]:
    if not seconds:
        return []
    told = (
        "Seconds of the runs themselves were taken on a machine with other work, so they scatter: training, scoring, "
        "and the median of a step."
    )
    if steps is not None:
        ratios = ", ".join(f"{ratio:.2f}" for ratio in steps["ratio"])
        told += (
            " Training against lora follows from the steps with each frozen prefix and from what such a step takes, "
            f"timed in turns ({steps['rounds']} rounds; with a prefix of 0 to {len(steps['ratio']) - 1} blocks "
            f"{ratios} of a step without one). Scoring comes on top, here in per cent of training."
        )
    return [
        told + "\n",
        table(
            None,
            ["method", "seed", "training, s", "scoring, s", "step, ms", "training against lora, %", "scoring, %"],
            seconds,
        ),
    ]
