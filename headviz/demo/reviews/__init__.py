"""demo/reviews: short product reviews in five classes, and a small BERT trained on them.

The texts are generated (`grammar`), always the same ones: those that the bundled model was trained on. Importing this
package loads neither torch nor transformers. ``python -m headviz.demo.reviews --seed 0`` trains the model anew.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from headviz.demo.reviews.grammar import LABELS, Review, reviews

__all__ = ["LABELS", "MODEL_FOLDER", "SPLITS", "rows"]

MODEL_FOLDER = Path(__file__).parent / "model"
DATA_SEED = 0  # of the texts; the seed of a training run is another
SPLITS = {"train": 30_000, "validation": 1_000, "test": 2_000}


def rows(split: str) -> list[tuple[str, str]]:
    """(text, label name) of each review of a split: "train" (30,000), "validation" (1,000) or "test" (2,000).

    The splits share no text, whatever the case of the letters. About 3 % of the labels are moved one step, as noise.
    Raises `KeyError` for another split.
    """
    return [(review.text, LABELS[review.label]) for review in generated(split)]


def generated(split: str) -> tuple[Review, ...]:
    """The reviews of a split with the label that the rule gives, beside the one that the data carries."""
    return _all_splits()[split]


@cache
def _all_splits() -> dict[str, tuple[Review, ...]]:
    everything = tuple(reviews(DATA_SEED, sum(SPLITS.values())))
    splits, start = {}, 0
    for name, size in SPLITS.items():
        splits[name] = everything[start : start + size]
        start += size
    return splits
