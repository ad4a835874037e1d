"""Do two visitors' jobs at once take no longer than one after the other?

Two evaluations of MiniLM fine-tuned on SST-5, 128 validation texts each, as jobs of the app in their own threads:
"one" alone with every thread of torch, "shared" two at once with the threads divided among them, as the app does it,
and "undivided" two at once with every thread each. A fair share would be twice the time of one alone; the target
leaves room for what runs beside. Against undivided threads processor time is compared: on a busy machine more threads
win more of it from others, and spend it waiting for each other. All evaluations are checked first to give the same
figures.
"""

from __future__ import annotations

import sys

import numpy as np
from measure import arguments, interleave, ratio, report, shared

import headviz as hv
from headviz.ui import jobs as app_jobs
from headviz.ui.jobs import Jobs, Pool
from headviz.ui.threads import Threads, available

EXAMPLES = 128


class Undivided(Threads):
    """Every thread for every job."""

    @property
    def share(self) -> int:
        return available()


def main() -> bool:
    args = arguments(__doc__, repeat=7)
    folder = shared()
    subject = hv.load(folder / "models" / "minilm-sst5")
    data = hv.load_data(folder / "data" / "sst5" / "validation.tsv", limit=EXAMPLES, seed=0)
    pool = Pool()

    def run(count: int, threads: Threads) -> list[hv.Evaluation]:
        app_jobs._threads = threads
        visitors = [Jobs(pool) for _ in range(count)]
        begun = [
            jobs.start("evaluate", "Evaluating", lambda *follow: hv.evaluate(subject, data, on_progress=follow[0]))
            for jobs in visitors
        ]
        for job in begun:
            job.ended.wait()
            if job.error is not None:
                sys.exit(job.error)
        return [job.result for job in begun]

    rivals = {
        "one": lambda: run(1, Threads()),
        "shared": lambda: run(2, Threads()),
        "undivided": lambda: run(2, Undivided()),
    }
    found = [one for rival in rivals.values() for one in rival()]
    if not all(np.allclose(one.logits, found[0].logits, atol=1e-4) for one in found):
        sys.exit("The evaluations differ, so their times say nothing.")
    times = interleave(rivals, args.repeat)
    ratios = [
        ratio(times, "shared", "one", target=2.3),
        ratio(times, "shared", "undivided", target=1.05, clock="cpu"),
        ratio(times, "undivided", "one"),
    ]
    seconds = {name: {"wall": each.wall, "cpu": each.cpu} for name, each in times.items()}
    return report("two jobs", ratios, args.json, seconds=seconds, threads_in_all=available())


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
