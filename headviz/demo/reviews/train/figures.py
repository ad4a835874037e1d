"""The figures of the bundled model: what it gets right, and how that falls when heads are cut.

Heads are scored on validation reviews, quality is measured on the test split.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from headviz.data import load_data
from headviz.demo.reviews import LABELS, generated, rows
from headviz.demo.reviews.train.recipe import make_tokenizer, reproducible
from headviz.evaluation import evaluate
from headviz.importance import criteria
from headviz.mask import Mask
from headviz.progress import OnProgress
from headviz.scores import score
from headviz.selection import select
from headviz.stats import Estimate, wilson
from headviz.subject import load

if TYPE_CHECKING:
    from headviz.subject import Subject

CALIBRATION = 512
RANDOM_MASKS = 20


@dataclass(frozen=True)
class Figures:
    """Accuracies on the test split, with 95 % intervals, and what they rest on."""

    parameters: int
    words: int  # in the vocabulary
    examples: int  # of the test split
    calibration: int  # validation reviews from which heads are scored
    moved: int  # test reviews whose label is not the one that the rule gives
    accuracy: Estimate
    by_rule: Estimate  # against the labels that the rule gives
    bag_of_words: Estimate  # logistic regression on word counts
    no_heads: Estimate
    cut_30: Estimate  # 30 % of the heads cut by HIS
    cut_50: Estimate
    random_50: tuple[float, ...]  # 50 % of the heads cut at random, one accuracy a mask
    largest_his: float

    @property
    def random_mean(self) -> float:
        return sum(self.random_50) / len(self.random_50)


def measure(folder: Path, on_progress: OnProgress | None = None) -> Figures:
    """The figures of a trained model's folder."""
    subject = load(str(folder))
    test = load_data("demo/reviews", split="test")
    calibration = load_data("demo/reviews", split="validation", limit=CALIBRATION)
    whole = evaluate(subject, test, on_progress=on_progress)
    scores = score(subject, calibration, on_progress=on_progress)
    his = criteria["his"](subject, calibration, scores=scores)

    def accuracy(mask: Mask) -> Estimate:
        return evaluate(subject, test, mask, on_progress=on_progress).metrics["accuracy"]

    meant = np.array([review.meant for review in generated("test")])
    labels = np.array([review.label for review in generated("test")])
    return Figures(
        parameters=subject.parameters,
        words=len(subject.processor),
        examples=len(test),
        calibration=len(calibration),
        moved=int((meant != labels).sum()),
        accuracy=whole.metrics["accuracy"],
        by_rule=wilson(int((whole.predictions == meant).sum()), len(test)),
        bag_of_words=bag_of_words(),
        no_heads=accuracy(Mask(np.zeros(subject.shape, dtype=bool))),
        cut_30=accuracy(select(his, 0.3)),
        cut_50=accuracy(select(his, 0.5)),
        random_50=tuple(accuracy(mask).value for mask in random_masks(subject)),
        largest_his=float(his.values.max()),
    )


def random_masks(subject: Subject, share: float = 0.5) -> list[Mask]:
    """`RANDOM_MASKS` seeded masks that cut the share of all heads at random."""
    present = np.argwhere(subject.head_present)
    draw = random.Random(0)
    masks = []
    for _ in range(RANDOM_MASKS):
        keep = subject.head_present.copy()
        for layer, head in draw.sample(present.tolist(), round(share * len(present))):
            keep[layer, head] = False
        masks.append(Mask(keep))
    return masks


def bag_of_words(penalty: float = 1e-4) -> Estimate:
    """Test accuracy of a logistic regression on word counts, trained on the training split: what the words tell
    without their order."""
    tokenizer = make_tokenizer([text for text, _ in rows("train")])

    def counts(split: str) -> tuple[torch.Tensor, torch.Tensor]:
        texts, names = zip(*rows(split), strict=True)
        table = torch.zeros(len(texts), len(tokenizer))
        for row, tokens in enumerate(tokenizer(list(texts), add_special_tokens=False)["input_ids"]):
            table[row].index_add_(0, torch.tensor(tokens), torch.ones(len(tokens)))
        return table, torch.tensor([LABELS.index(name) for name in names])

    train_counts, train_labels = counts("train")
    test_counts, test_labels = counts("test")
    weight = torch.zeros(len(tokenizer), len(LABELS), requires_grad=True)
    bias = torch.zeros(len(LABELS), requires_grad=True)
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(train_counts @ weight + bias, train_labels)
        loss = loss + penalty * weight.square().sum()
        loss.backward()
        return loss

    with reproducible(0):
        optimiser.step(closure)
    right = ((test_counts @ weight + bias).argmax(1) == test_labels).sum()
    return wilson(int(right), len(test_labels))
