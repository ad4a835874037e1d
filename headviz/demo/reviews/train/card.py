"""The model card: the README.md beside the weights, with the figures as they were measured."""

from __future__ import annotations

import platform
from pathlib import Path

from headviz.demo.reviews import LABELS, SPLITS
from headviz.demo.reviews.grammar import MAIN_WEIGHT, NOISE
from headviz.demo.reviews.train.figures import CALIBRATION, RANDOM_MASKS, Figures
from headviz.demo.reviews.train.recipe import THREADS, Settings
from headviz.stats import Estimate

_CARD = """---
license: apache-2.0
language: en
library_name: transformers
pipeline_tag: text-classification
tags: [attention-heads, pruning, demo, synthetic-data]
---

# demo/reviews: a small BERT that needs its attention

A text classifier made for one purpose: to show what attention heads do and what cutting them costs. It reads short,
generated product reviews and sorts them into {labels}.
It is a teaching model, not a tool for sentiment.

- **Model**: BERT for sequence classification, {layers} layers x {heads} heads, width {width}, {parameters:,}
  parameters, float32, at most {tokens} tokens. Trained from nothing; no other model's weights are in it.
- **Made by** `python -m headviz.demo.reviews --seed {seed}` of headviz.
- **Licence**: Apache-2.0, for the weights, the texts and the code that makes both.

## Data

{train:,} training, {validation:,} validation and {test:,} test reviews; the splits share no text. All of them come
from a seeded generator (`headviz/demo/reviews/grammar.py`): no person wrote them, and none of the products exists. A
review has one to three clauses about one of {products} products. What the writer says about the product bought counts
from -2 to 2 points a clause, and the label is the rounded weighted mean (no such clause: neutral):

- mild words (good, flimsy) count 1, strong ones (superb, awful) and strengthened ones (very good) 2;
- a negation turns a mild word round (not flimsy: 1; not very good: -1), takes a strong one to 0 (not perfect), and
  doubles with "at all" (not good at all: -2);
- after "but", after "However," and beside "although" the main clause weighs {weight} times its counterpart;
- other people's products and opinions, the writer's old products, promises, small talk and plain facts count nothing,
  although they use the same words.

About {noise:.0%} of the labels, drawn at random, are moved one step, as a careless annotator would ({moved} of the
{test:,} test labels), so that losses are not zero and nobody can be right all the time.

## Training

AdamW, {epochs} epochs of batches of {batch}, one-cycle rate up to {rate:g}, weight decay {decay}, dropout {dropout}
(none on attention), {unknown:.0%} of the words hidden as [UNK]. The vocabulary is every word and sign of the training
texts, each one token, in lower case. {seconds:.0f} s of processor time on {threads}. The same seed gives the same
weights, bit for bit, on the same machine with the same versions (here Python {python}, torch {torch}, transformers
{transformers}); elsewhere the figures differ a little.

## Figures

Test split, n = {test:,}; 95 % intervals (Wilson), which tell how far figures would vary with other reviews of the same
generator, not with another training seed. Heads are scored by HIS on {calibration} validation reviews.

{table}

Largest HIS of a head: {largest:.3f} nats. "By the rule" compares with the labels before any was moved.

## Limits

- It knows about {words} words of one generator. Any other word is [UNK] to it, and real reviews are far outside of
  what it has seen; on them its answers mean nothing.
- The label rule is a convention. People would not agree with each label, least where a review both praises and blames.
- Clauses are drawn at random and can be odd; people, products and opinions are paired without meaning anything.
- It was made so that attention is needed. What cutting heads does here says little about larger models.
- One seed, one model: how the figures vary with the training seed is not part of this card.
"""


def write_card(folder: Path, figures: Figures, settings: Settings, *, seed: int, processor_seconds: float) -> None:
    """Write README.md into the model's folder."""
    import torch
    import transformers

    from headviz.demo.reviews.words import PRODUCTS

    text = _CARD.format(
        labels=f"five classes ({', '.join(LABELS)})",
        layers=settings.layers,
        heads=settings.heads,
        width=settings.width,
        parameters=figures.parameters,
        tokens=settings.tokens,
        seed=seed,
        products=len(PRODUCTS),
        weight=MAIN_WEIGHT,
        noise=NOISE,
        moved=figures.moved,
        epochs=settings.epochs,
        batch=settings.batch_size,
        rate=settings.rate,
        decay=settings.weight_decay,
        dropout=settings.dropout,
        unknown=settings.unknown,
        seconds=processor_seconds,
        threads="one thread" if THREADS == 1 else f"{THREADS} threads",
        python=platform.python_version(),
        torch=torch.__version__.split("+")[0],
        transformers=transformers.__version__,
        calibration=CALIBRATION,
        table=figures_table(figures),
        largest=figures.largest_his,
        words=round(figures.words, -1),
        **SPLITS,
    )
    (folder / "README.md").write_text(text, encoding="utf-8")


def figures_table(figures: Figures) -> str:
    """The figures as a Markdown table."""
    lowest, highest = min(figures.random_50), max(figures.random_50)
    lines = [
        "| | accuracy | 95 % interval |",
        "|---|---|---|",
        _line("the model", figures.accuracy),
        _line("the same, by the rule", figures.by_rule),
        _line("bag of words, logistic regression", figures.bag_of_words),
        _line("all heads cut", figures.no_heads),
        _line("30 % of the heads cut by HIS", figures.cut_30),
        _line("50 % cut by HIS", figures.cut_50),
        f"| 50 % cut at random, mean of {RANDOM_MASKS} masks | {figures.random_mean:.1%} "
        f"| masks from {lowest:.1%} to {highest:.1%} |",
    ]
    return "\n".join(lines)


def _line(what: str, estimate: Estimate) -> str:
    return f"| {what} | {estimate.value:.1%} | {estimate.low:.1%} to {estimate.high:.1%} |"
