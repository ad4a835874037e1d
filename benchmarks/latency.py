"""Is a pruned model faster by what its FLOPs promise?

MiniLM fine-tuned on SST-5 with 36 and with 54 of its 72 heads cut out of the weights, by HIES (alpha 0.97, 512
training examples, seed 0), against the whole model: in turns, at 1 and 32 texts of 32 and 128 tokens without padding.
A ratio called "36 of theory" is the measured speed-up over the ratio of the FLOPs of the whole forward pass. The
target, 0.9, is for 32 texts of 128 tokens; the range of each is that of the quartiles over rounds. Every pruned model
is checked first to give the logits of its mask.
"""

from __future__ import annotations

import sys

import numpy as np
from measure import Ratio, arguments, report, shared

import headviz as hv
from headviz.latency import measure_latency

ALPHA, EXAMPLES, CUTS = 0.97, 512, (36, 54)
LENGTHS, BATCH_SIZES, TARGET = (32, 128), (1, 32), 0.9


def main() -> bool:
    args = arguments(__doc__, repeat=15)
    folder = shared()
    subject = hv.load(folder / "models" / "minilm-sst5")
    train = hv.load_data(folder / "data" / "sst5" / "train.tsv", limit=EXAMPLES, seed=0)
    check = hv.load_data(folder / "data" / "sst5" / "validation.tsv", limit=128, seed=0)
    scores, total = hv.score(subject, train).hies(ALPHA), sum(subject.heads)
    models = {"whole": subject}
    for cut in CUTS:
        mask = hv.select(scores, cut)
        models[str(cut)] = hv.prune(subject, mask)
        proof = hv.verify(subject, mask, models[str(cut)], check)
        print(f"{cut} of {total} heads cut: {proof.sentence}", file=sys.stderr)
        if not proof.holds:
            sys.exit("The pruned model is not the masked one, so its speed says nothing.")
    table = measure_latency(models, lengths=LENGTHS, batch_sizes=BATCH_SIZES, repeat=args.repeat)
    ratios = []
    for row in table[table["name"] != "whole"].to_dict("records"):
        held = (row["length"], row["batch_size"]) == (LENGTHS[-1], BATCH_SIZES[-1])
        name = f"{row['name']} of theory, {row['batch_size']} x {row['length']}"
        values = [row[column] / row["flops_ratio"] for column in ("speedup", "speedup_low", "speedup_high")]
        ratios.append(Ratio(name, values, TARGET if held else None, "higher"))
        print(
            f"{row['name']} cut, {row['batch_size']} x {row['length']} tokens: {row['speedup']:.3f} times as fast "
            f"({row['speedup_low']:.3f} to {row['speedup_high']:.3f}), {row['flops_ratio']:.3f} by FLOPs, "
            f"{row['tokens_per_second']:,.0f} tokens a second, at most {row['peak_bytes'] / 10**6:,.1f} MB with weights"
        )
    rows = table.replace({np.nan: None}).to_dict("records")
    return report("latency", ratios, args.json, rows=rows, measured=table.attrs, model="MiniLM fine-tuned on SST-5")


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
