"""How well do stored gate gradients predict what a cut does to the loss?

MiniLM fine-tuned on SST-5: all 72 heads are cut one at a time, and the measured change of the mean loss is set beside
the first-order and the second-order prediction, on the 512 training sentences that the gradients come from and on 512
of the validation split. Then masks of HIES, where many heads go at once. Writes its section of docs/results.md and the
picture beside it::

    OMP_NUM_THREADS=1 python benchmarks/prediction.py

160 evaluations of 512 texts, some 2 s each on one thread. ``--json FILE`` keeps the figures; where FILE is there
already, nothing is measured and the section is written from it.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from measure import machine, shared
from results import PAGE, put_section, table, wrapped, write_text

import headviz as hv
from headviz import stats
from headviz.mask import head_names
from headviz.prediction import ORDERS, predicted_change, toggle_changes
from headviz.replay import Replay
from headviz.stats import Estimate

TITLE = "Predicted and measured loss changes"
PICTURE = "prediction-scatter.png"
EXAMPLES, ALPHA, SHARES, FEW = 512, 0.97, (0.1, 0.2, 0.3, 0.5), 10
SETS = {"train": "the same 512 training sentences", "validation": "512 validation sentences"}
ORDINAL = {1: "first", 2: "second"}
NAMES = head_names([12] * 6)
Record = dict[str, Any]


def measured() -> Record:
    """Everything that section and picture say, as plain numbers; heads in reading order, changes in nats."""
    folder = shared()
    subject = hv.load(folder / "models" / "minilm-sst5", device="cpu")
    data = {name: hv.load_data(folder / "data" / "sst5" / f"{name}.tsv", limit=EXAMPLES, seed=0) for name in SETS}
    scores = hv.score(subject, data["train"])
    full = hv.Mask.full(subject)
    masks = {share: hv.select(scores.hies(ALPHA), share) for share in SHARES}
    record: Record = {
        "machine": machine(),
        "fingerprints": {"model": subject.fingerprint} | {name: one.fingerprint for name, one in data.items()},
        "predicted": {order: toggle_changes(scores, full, order=order).ravel().tolist() for order in ORDERS},
        "singles": {}, "loss": {},
        "together": [
            {"share": share, "cut": len(mask.pruned)}
            | {f"order {order}": _three(predicted_change(scores, mask, order=order)) for order in ORDERS}
            for share, mask in masks.items()
        ],
    }  # fmt: skip
    for name, one in data.items():
        replay = Replay(subject, one)
        base = replay.evaluate(full)
        record["loss"][name] = float(base.loss.mean())
        changes = {}
        for head in reversed(full.kept):  # from the last layer on, so that the layers below are not run again
            changes[head] = _three(replay.evaluate(full.with_toggled(head)).loss_against(base))
        record["singles"][name] = [changes[head] for head in full.kept]
        for row, mask in zip(record["together"], masks.values(), strict=True):
            row[name] = _three(replay.evaluate(mask).loss_against(base))
        print(f"{name} is measured", file=sys.stderr, flush=True)
    return json.loads(json.dumps(record))


def _three(one: Estimate) -> list[float]:
    return [one.value, one.low, one.high]


class Figures:
    """What the record says of one prediction and one set of measured changes, both (heads,)."""

    def __init__(self, predicted: list[float], singles: list[list[float]]) -> None:
        self.predicted, (self.measured, self.low, self.high) = np.array(predicted), np.array(singles).T

    def spearman(self) -> Estimate:
        return self._over_heads(_spearman)

    def kendall(self) -> Estimate:
        return self._over_heads(stats.kendall_tau)

    def _over_heads(self, correlation: Any) -> Estimate:
        both = self.predicted, self.measured
        return stats.bootstrap(lambda heads: correlation(*(one[heads] for one in both)), len(self.measured))

    @property
    def error(self) -> float:
        return float((self.predicted - self.measured).mean())

    @property
    def absolute_error(self) -> float:
        return float(np.abs(self.predicted - self.measured).mean())

    @property
    def shared(self) -> int:
        """How many of the heads with the lowest predictions are among those that measure lowest."""
        return len(set(np.argsort(self.predicted)[:FEW]) & set(np.argsort(self.measured)[:FEW]))

    @property
    def clear(self) -> int:
        """Heads whose measured change is beyond its interval of no change."""
        return int(((self.low > 0) | (self.high < 0)).sum())


def _spearman(a: np.ndarray, b: np.ndarray) -> float:
    with np.errstate(invalid="ignore"):  # a draw of one head alone has no correlation
        return float(np.corrcoef(_ranks(a), _ranks(b))[0, 1])


def _ranks(values: np.ndarray) -> np.ndarray:
    """Places in ascending order; equal values share their mean place."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts - 1) / 2)[inverse]


def figures(record: Record) -> dict[tuple[int, str], Figures]:
    return {
        (order, name): Figures(record["predicted"][str(order)], record["singles"][name])
        for name in SETS
        for order in ORDERS
    }


def section(record: Record) -> str:
    prints, made, of = record["fingerprints"], record["machine"], figures(record)
    parts = [
        f"## {TITLE}\n",
        "The page Mask predicts what an edit does to the loss before it measures it, from gate gradients that were "
        "stored when the heads were scored (`headviz.prediction`). Here is how far that can be trusted.\n",
        "\n".join(
            [
                f"- Model: MiniLM, 6 layers x 12 heads, fine-tuned on SST-5 (fingerprint `{prints['model']}`), "
                f"float32, on the CPU, one thread; torch {made['torch']}, headviz {made['headviz']}.",
                f"- Gradients: {EXAMPLES} training sentences drawn with seed 0 (`{prints['train']}`). Measured: on the "
                f"same sentences, and on {EXAMPLES} of the validation split drawn with seed 0 "
                f"(`{prints['validation']}`). Mean loss with all heads: {record['loss']['train']:.3f} and "
                f"{record['loss']['validation']:.3f} nats.",
                "- To measure it again: `OMP_NUM_THREADS=1 python benchmarks/prediction.py`.",
            ]
        )
        + "\n",
        "### What it means for a reader\n",
        "\n".join(f"- {line}" for line in findings(record)) + "\n",
        "### One head at a time\n",
        "All 72 heads, each cut alone. Correlations with 95 % intervals from a bootstrap over heads. Error: predicted "
        "less measured change, in thousandths of a nat, over heads. Shared: of the "
        f"{FEW} heads predicted cheapest, those among the {FEW} that are; chance gives {FEW * FEW / 72:.1f}.\n",
        table(
            None,
            ["order", "measured on", "Spearman", "Kendall", "mean error", "mean absolute error", "shared"],
            [
                [
                    ORDINAL[order], SETS[name], _correlation(one.spearman()), _correlation(one.kendall()),
                    f"{1000 * one.error:+.1f}", f"{1000 * one.absolute_error:.1f}", f"{one.shared} of {FEW}",
                ]
                for (order, name), one in of.items()
            ],
        ),
        f"![Predicted against measured change of the loss, one dot a head](images/{PICTURE})\n",
        "### Many heads at once\n",
        f"Masks of HIES at alpha {ALPHA}. Changes of the mean loss in nats with 95 % intervals from a bootstrap over "
        "examples; those of a prediction say nothing of its own error.\n",
        table(
            None,
            ["heads cut", "first order", "second order", *(f"measured on {said}" for said in SETS.values())],
            [
                [
                    f"{row['cut']} ({100 * row['share']:.0f} %)",
                    *(_change(row[name]) for name in ("order 1", "order 2", *SETS)),
                ]
                for row in record["together"]
            ],
        ),
    ]  # fmt: skip
    return "\n".join(wrapped(part) for part in parts).rstrip("\n") + "\n"


def findings(record: Record) -> list[str]:
    """Sentences that follow from the figures, whatever they are."""
    of = figures(record)
    first, second, last = of[1, "train"], of[2, "train"], record["together"][-1]
    again = Figures(first.measured.tolist(), record["singles"]["validation"]).spearman()
    worst = int(np.abs(first.predicted - first.measured).argmax())
    return [
        "First order, same sentences: predictions and measurements order the heads alike at Spearman "
        f"{_correlation(first.spearman())}. The largest miss is {NAMES[worst]}, predicted at "
        f"{1000 * first.predicted[worst]:+.0f} and measured at {1000 * first.measured[worst]:+.0f} thousandths of a "
        "nat: the first order knows the slope of the loss, not how it bends.",
        f"Second order, same sentences: Spearman {_correlation(second.spearman())}, and a mean absolute error of "
        f"{1000 * second.absolute_error:.1f} thousandths of a nat instead of {1000 * first.absolute_error:.1f}. "
        f"{NAMES[worst]} is predicted at {1000 * second.predicted[worst]:+.0f}.",
        f"Other sentences: Spearman {of[1, 'validation'].spearman().value:.2f} and "
        f"{of[2, 'validation'].spearman().value:.2f}. Measuring on both sets of sentences agrees with itself at "
        f"{_correlation(again)}: most single heads matter so little ({first.clear} and {of[1, 'validation'].clear} of "
        "72 changes are clear of no change) that their order is that of the sentences drawn.",
        f"Many heads at once: with {last['cut']} of 72 cut, {last['train'][0]:+.2f} nats are measured on the same "
        f"sentences; the first order predicts {last['order 1'][0]:+.2f}, the second {last['order 2'][0]:+.2f}. "
        "Gradients are taken with all heads open, and the more heads go, the less they know.",
        "So a prediction is a hint which head to try next, and the measured figure is the answer; a single cut's, too, "
        "holds for other texts only where its interval is clear of zero.",
    ]


def picture(record: Record, path: Path) -> None:
    """One dot a head: predicted against measured change on the training sentences, first and second order."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    of = figures(record)
    figure, axes = pyplot.subplots(1, 2, figsize=(10, 5), sharey=True, layout="constrained", facecolor="white")
    for axis, order in zip(axes, ORDERS, strict=True):
        one = of[order, "train"]
        layer = np.arange(len(NAMES)) // 12
        spread = np.abs(np.array([one.measured - one.low, one.high - one.measured])) * 1000
        x, y = one.predicted * 1000, one.measured * 1000
        axis.errorbar(x, y, spread, fmt="none", ecolor="#c4c9d0", elinewidth=0.8, zorder=1)
        dots = axis.scatter(x, y, c=layer, cmap="viridis", vmax=6, s=26, zorder=2, edgecolors="white", linewidths=0.4)
        ends = [min(x.min(), y.min()), max(x.max(), y.max())]
        axis.plot(ends, ends, color="#59626e", linewidth=0.9, linestyle="--", zorder=0)
        for head in np.argsort(np.abs(y))[-4:]:
            axis.annotate(NAMES[head], (x[head], y[head]), xytext=(4, 4), textcoords="offset points", fontsize=8)
        axis.set_xlabel(f"predicted change, {ORDINAL[order]} order (thousandths of a nat)")
        axis.set_title(f"Spearman {one.spearman().value:.2f}, {len(x)} heads", fontsize=10, loc="left")
    axes[0].set_ylabel(f"measured change, {EXAMPLES} sentences (thousandths of a nat)")
    bar = figure.colorbar(dots, ax=axes, ticks=range(6), label="layer", shrink=0.8)
    bar.outline.set_visible(False)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    pyplot.close(figure)


def _correlation(one: Estimate) -> str:
    return f"{one.value:.2f} ({one.low:.2f} to {one.high:.2f})"


def _change(three: list[float]) -> str:
    return "{:+.3f} ({:+.3f} to {:+.3f})".format(*three)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the figures there, or take them from there")
    parser.add_argument("--output", type=Path, default=PAGE, metavar="FILE")
    args = parser.parse_args()
    known = args.json is not None and args.json.exists()
    record = json.loads(args.json.read_text("utf-8")) if known else measured()
    if args.json is not None and not known:
        write_text(args.json, json.dumps(record) + "\n")
    (args.output.parent / "images").mkdir(exist_ok=True)
    picture(record, args.output.parent / "images" / PICTURE)
    put_section(TITLE, section(record), args.output)


if __name__ == "__main__":
    main()
