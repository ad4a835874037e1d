"""Do 150 classes fit into 2 GB, and can others work meanwhile?

A BERT of 12 x 12 heads with random weights, 512 texts of 150 classes: signatures and a plan (CAHP) as a job of the
app, in a process of its own, while another visitor opens the demo and measures it on 64 texts every few seconds. The
memory is the most that the process ever held, libraries and all. "opening beside/opening alone" says what the other
visitor feels.
"""

from __future__ import annotations

import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from measure import Ratio, arguments, report

CLASSES, EXAMPLES, LAYERS, HEADS, HIDDEN = 150, 512, 12, 12, 192
BOUND, PAUSE = 2 * 10**9, 3.0  # bytes; seconds between the other visitor's clicks
WORDS = "a film plot cast is was not very good bad dull great warm slow and but when we liked left laughed".split()


def main() -> bool:
    if "--inside" in sys.argv:
        print(json.dumps(measured()))
        return True
    args = arguments(__doc__, repeat=1)
    found = [
        json.loads(subprocess.run([sys.executable, __file__, "--inside"], stdout=subprocess.PIPE, check=True).stdout)
        for _ in range(args.repeat)
    ]
    ratios = [
        Ratio("memory/2 GB", [one["bytes"] / BOUND for one in found], 1.0),
        Ratio("opening beside/opening alone", [one["beside"] / one["alone"] for one in found]),
    ]
    return report("many classes", ratios, args.json, runs=found)


def measured() -> dict[str, Any]:
    """Bytes at the highest, seconds of the job, and median seconds of the other visitor's work alone and beside it."""
    import headviz as hv
    from headviz.ui.jobs import Jobs, Pool

    with tempfile.TemporaryDirectory() as folder:
        subject, data = _subject(Path(folder)), _data()

    def open_demo(on_progress: Any, cancel: Any) -> None:
        hv.evaluate(hv.load("demo/reviews"), hv.load_data("demo/reviews", split="validation", limit=64))

    def group(on_progress: Any, cancel: Any) -> int | None:
        follow = {"on_progress": on_progress, "cancel": cancel}
        return hv.cahp(hv.signatures(subject, data, **follow), **follow).k

    pool = Pool()

    def seconds() -> float:
        start = time.perf_counter()
        job = Jobs(pool).start("open", "Opening", open_demo, lane="opening")
        job.ended.wait()
        if job.error is not None:
            sys.exit(job.error)
        return time.perf_counter() - start

    seconds()
    alone = [seconds() for _ in range(5)]
    long = Jobs(pool).start("group", "Grouping heads", group)
    beside = []
    while not long.ended.wait(PAUSE):
        beside.append(seconds())
    if long.error is not None:
        sys.exit(long.error)
    return {
        "bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        "seconds": long.seconds,
        "alone": statistics.median(alone),
        "beside": statistics.median(beside),
        "longest beside": max(beside),
    }


def _subject(folder: Path) -> Any:
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizer

    import headviz as hv

    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    labels = {number: f"class {number}" for number in range(CLASSES)}
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=HIDDEN, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
        intermediate_size=2 * HIDDEN, max_position_embeddings=64, id2label=labels,
        label2id={name: number for number, name in labels.items()},
    )  # fmt: skip
    torch.manual_seed(0)
    BertForSequenceClassification(config).save_pretrained(folder)
    BertTokenizer(vocab={word: number for number, word in enumerate(vocabulary)}).save_pretrained(folder)
    return hv.load(folder)


def _data() -> Any:
    import pandas as pd

    import headviz as hv

    draw = random.Random(0)
    texts = [" ".join(draw.choices(WORDS, k=draw.randint(20, 40))) for _ in range(EXAMPLES)]
    labels = [f"class {number % CLASSES}" for number in range(EXAMPLES)]
    return hv.load_data(pd.DataFrame({"text": texts, "label": labels}))


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
