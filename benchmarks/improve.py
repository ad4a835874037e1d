"""What is `improve` worth on examples that it has not seen?

HIES's mask of MiniLM fine-tuned on SST-5 (alpha 0.97, 36 of 72 heads) is improved by greedy swaps on one half of the
validation split: by mean loss, by accuracy, and, as a control, by mean loss with swaps tried in random order under the
same budget. What comes out is compared with HIES's mask on the other half and on the test split. Writes its section of
docs/results.md::

    OMP_NUM_THREADS=1 python benchmarks/improve.py

About 3 s an evaluation on one thread. ``--json FILE`` keeps every figure and goes on from those that are there.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from measure import machine, shared
from results import PAGE, difference, put_section, share, table, wrapped, write_text

import headviz as hv
from headviz.improve import improve
from headviz.replay import Replay
from headviz.stats import Estimate

TITLE = "Improving a mask by swaps"
EXAMPLES, ALPHA, CUT = 512, 0.97, 36
ARMS: dict[str, dict[str, Any]] = {
    "by loss": {"measure": "loss"},
    "by loss, random order": {"measure": "loss", "by": "random", "seed": 0},
    "by accuracy": {"measure": "accuracy"},
}
SPLITS = {"report": "the other half", "test": "the test split"}
Record = dict[str, Any]


def measured(budget: int, json_path: Path | None) -> Record:
    """Everything that the section says, as plain numbers; arms that ``json_path`` holds already are not run again."""
    folder = shared()
    subject = hv.load(folder / "models" / "minilm-sst5", device="cpu")
    validation, test = (hv.load_data(folder / "data" / "sst5" / f"{name}.tsv") for name in ("validation", "test"))
    train = hv.load_data(folder / "data" / "sst5" / "train.tsv", limit=EXAMPLES, seed=0)
    selection, report = validation.halves(0)
    scores = hv.score(subject, train)
    start = hv.select(scores.hies(ALPHA), CUT)
    data = {"train": train, "selection": selection, "report": report, "test": test}
    of = {
        "budget": budget, "start": start.code, "sizes": {name: len(one) for name, one in data.items()},
        "fingerprints": {"model": subject.fingerprint} | {name: one.fingerprint for name, one in data.items()},
    }  # fmt: skip
    record: Record = {**of, "machine": machine(), "arms": {}}
    if json_path is not None and json_path.exists():
        record = json.loads(json_path.read_text("utf-8"))
        if {name: record[name] for name in of} != of:
            sys.exit(f"{json_path.name} holds figures of another run. Choose another --json.")
    replay = Replay(subject, selection)
    for name, options in ARMS.items():
        if name not in record["arms"]:
            record["arms"][name] = arm(subject, selection, start, scores, replay, budget, options)
            print(f"{name}: {record['arms'][name]}", file=sys.stderr, flush=True)
            keep(record, json_path)
    masks = {name: hv.Mask.from_code(one["code"], subject) for name, one in record["arms"].items()}
    for split in SPLITS:
        if split not in record:
            record[split] = compared(subject, data[split], {"HIES": start, **masks})
            keep(record, json_path)
    return record


def keep(record: Record, json_path: Path | None) -> None:
    if json_path is not None:
        write_text(json_path, json.dumps(record) + "\n")


def arm(
    subject: hv.Subject, data: hv.Data, start: hv.Mask, scores: hv.Scores, replay: Replay, budget: int,
    options: dict[str, Any],
) -> Record:  # fmt: skip
    """One run of `improve`: the measure before and after, and after how many evaluations it was how good."""
    steps: list[tuple[int, float]] = []
    evaluations = 0

    def count(done: int, total: int, stage: str) -> None:
        nonlocal evaluations
        evaluations = done

    began = time.perf_counter()
    result = improve(
        subject, data, start, scores, budget=budget, replay=replay, on_progress=count,
        on_better=lambda mask, value: steps.append((evaluations, value)), **options,
    )  # fmt: skip
    return {
        "before": result.before, "after": result.after, "steps": steps, "evaluations": result.evaluations,
        "ended": result.ended, "changed": len(start.differing(result.mask)) // 2, "code": result.mask.code,
        "seconds": time.perf_counter() - began,
    }  # fmt: skip


def compared(subject: hv.Subject, data: hv.Data, masks: dict[str, hv.Mask]) -> Record:
    """Of each mask: accuracy, mean loss, and the paired differences from HIES's, each (value, low, high)."""
    found, base = {}, None
    for name, mask in {"all heads": None, **masks}.items():
        one = hv.evaluate(subject, data, mask)
        base = one if name == "HIES" else base
        found[name] = {"accuracy": _three(one.metrics["accuracy"]), "loss": float(one.loss.mean())}
        if base is not None and name != "HIES":
            found[name] |= {"points": _three(one.against(base)), "nats": _three(one.loss_against(base))}
    return found


def _three(one: Estimate) -> list[float]:
    return [one.value, one.low, one.high]


def section(record: Record) -> str:
    sizes, prints, made = record["sizes"], record["fingerprints"], record["machine"]
    parts = [
        f"## {TITLE}\n",
        f"The mask that HIES gives at alpha {ALPHA} with {CUT} of 72 heads cut is improved by swaps: a kept head is "
        "cut and a cut one restored, and what is measured better stays (`headviz.improve`). It sees one half of the "
        "validation split; the other half and the test split were looked at once, at the end.\n",
        "\n".join(
            [
                f"- Model: MiniLM, 6 layers x 12 heads, fine-tuned on SST-5 (fingerprint `{prints['model']}`), "
                f"float32, on the CPU, one thread; torch {made['torch']}, headviz {made['headviz']}.",
                f"- Scores: {sizes['train']} training sentences drawn with seed 0 (`{prints['train']}`). Selection: "
                f"{sizes['selection']} sentences (`{prints['selection']}`); report: {sizes['report']} "
                f"(`{prints['report']}`), the halves of the validation split with seed 0. Test: {sizes['test']:,} "
                f"(`{prints['test']}`).",
                f"- Budget: {record['budget']} evaluations an arm, that of HIES's own mask among them. Swaps are tried "
                "in the order of their predicted change, second order; in the control in random order, seed 0.",
                "- To measure it again: `OMP_NUM_THREADS=1 python benchmarks/improve.py`.",
            ]
        )
        + "\n",
        "### What was found\n",
        "\n".join(f"- {line}" for line in findings(record)) + "\n",
        "### On the half that was improved on\n",
        table(
            None,
            ["arm", "before", "after", "swaps kept", "heads that differ in the end", "evaluations", "it ended because"],
            [
                [
                    name, _value(name, arm["before"]), _value(name, arm["after"]), str(len(arm["steps"])),
                    f"{arm['changed']} of {72 - CUT}", str(arm["evaluations"]), arm["ended"],
                ]
                for name, arm in record["arms"].items()
            ],
        ),
        "Mean loss in nats after so many evaluations:\n",
        table(
            None,
            ["arm", *map(str, _stops(record))],
            [
                [name, *(f"{_at(arm, stop):.3f}" for stop in _stops(record))]
                for name, arm in record["arms"].items()
                if ARMS[name]["measure"] == "loss"
            ],
        ),
        *(_compared(record, split) for split in SPLITS),
    ]  # fmt: skip
    return "\n".join(wrapped(part) for part in parts).rstrip("\n") + "\n"


def findings(record: Record) -> list[str]:
    """Sentences that follow from the figures, whatever they are."""
    lines = []
    for name in record["arms"]:
        told = (
            f"on {where} {_side(one['nats'])} in mean loss ({_nats(one)} nats) and {_side(one['points'])} in accuracy "
            f"({_points(one)} points)"
            for where, one in ((where, record[split][name]) for split, where in SPLITS.items())
        )
        lines.append(f"Improved {name}, against HIES's mask: {'; '.join(told)}.")
    ours, control = (record["arms"][name] for name in ("by loss", "by loss, random order"))
    order = "a lower" if ours["after"] < control["after"] else "no lower"
    lines.append(
        f"On the selection half the predicted order came to {order} loss than the random one in {record['budget']} "
        f"evaluations: {ours['after']:.3f} against {control['after']:.3f} nats, from {ours['before']:.3f}. The random "
        "order is a single draw."
    )
    gained = ours["before"] - ours["after"]
    if gained > 0:
        there = [f"{-100 * record[split]['by loss']['nats'][0] / gained:.0f} % on {SPLITS[split]}" for split in SPLITS]
        lines.append(
            f"Improving by loss gained {gained:.3f} nats on the selection half. Of as much, its mask gains "
            f"{' and '.join(there)}."
        )
    return lines


def _side(three: list[float]) -> str:
    if three[1] > 0:
        return "higher"
    return "lower" if three[2] < 0 else "not clearly different"


def _compared(record: Record, split: str) -> str:
    rows = [
        [name, share(Estimate(*one["accuracy"])), f"{one['loss']:.3f}"]
        + ([_points(one), _nats(one)] if "points" in one else ["", ""])
        for name, one in record[split].items()
    ]
    said = (
        f"Accuracy in per cent of {record['sizes'][split]:,} sentences, mean loss in nats, and the paired differences "
        "from HIES's mask, in points and in nats; all intervals are 95 %, Wilson's for accuracy and a bootstrap over "
        "examples for the differences."
    )
    columns = ["mask", "accuracy", "loss", "accuracy less HIES's", "loss less HIES's"]
    return f"### On {SPLITS[split]}\n\n{said}\n\n{table(None, columns, rows)}"


def _points(one: Record) -> str:
    return difference(Estimate(*one["points"]))


def _nats(one: Record) -> str:
    value, low, high = one["nats"]
    return f"{value:+.3f} ({low:+.3f} to {high:+.3f})"


def _value(name: str, value: float) -> str:
    return f"{value:.3f} nats" if ARMS[name]["measure"] == "loss" else f"{100 * value:.1f} %"


def _stops(record: Record) -> list[int]:
    return [count for count in (1, 10, 25, 50, 100, 200, 400, 800) if count < record["budget"]] + [record["budget"]]


def _at(arm: Record, count: int) -> float:
    """The value of the best mask after ``count`` evaluations."""
    return next((value for number, value in reversed(arm["steps"]) if number <= count), arm["before"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budget", type=int, default=150, metavar="N", help="evaluations an arm (default 150)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the figures there, and go on from them")
    parser.add_argument("--output", type=Path, default=PAGE, metavar="FILE")
    args = parser.parse_args()
    put_section(TITLE, section(measured(args.budget, args.json)), args.output)


if __name__ == "__main__":
    main()
