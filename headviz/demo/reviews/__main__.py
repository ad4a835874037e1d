"""``python -m headviz.demo.reviews --seed 0``: generate the reviews, train the model, measure it, write its folder."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from headviz.demo.reviews import MODEL_FOLDER, SPLITS, rows

if TYPE_CHECKING:
    from headviz.progress import OnProgress


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m headviz.demo.reviews",
        description="Train the bundled demo model on the generated reviews, print its figures, write a model folder.",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the training; the reviews stay the same")
    parser.add_argument("--out", type=Path, default=MODEL_FOLDER, help="folder to write (default: the bundled model's)")
    parser.add_argument("--steps", type=int, help="stop after so many steps, for a quick try; needs --out")
    given = parser.parse_args(arguments)
    if given.steps is not None and (given.steps < 1 or given.out == MODEL_FOLDER):
        parser.error("--steps must be at least 1, and needs --out, so that the bundled model is not overwritten.")

    from headviz.demo.reviews.train import Settings, reproducible, save, train
    from headviz.demo.reviews.train.card import figures_table, write_card
    from headviz.demo.reviews.train.figures import measure

    print(", ".join(f"{len(rows(split)):,} {split} reviews" for split in SPLITS), file=sys.stderr)
    settings = Settings(steps=given.steps)
    processor_time = time.process_time()
    model, tokenizer = train(given.seed, settings, on_progress=_on_one_line())
    processor_time = time.process_time() - processor_time
    save(model, tokenizer, given.out)
    with reproducible(given.seed):  # the same number of threads here: figures do not hang on the machine's cores
        figures = measure(given.out, on_progress=_on_one_line())
    write_card(given.out, figures, settings, seed=given.seed, processor_seconds=processor_time)
    print(figures_table(figures))
    print(f"Training took {processor_time:.0f} s of processor time. Written to {given.out}.")
    return 0


def _on_one_line() -> OnProgress:
    """Shows progress at most once a second, each stage on a line of its own."""
    start = last = time.monotonic()

    def show(done: int, total: int, stage: str) -> None:
        nonlocal last
        now = time.monotonic()
        if done < total and now - last < 1:
            return
        last = now
        print(f"\r{stage}: {done} of {total}, {now - start:.0f} s", end="\n" if done == total else "", file=sys.stderr)

    return show


if __name__ == "__main__":
    sys.exit(main())
