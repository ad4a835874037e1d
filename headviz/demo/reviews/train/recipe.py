"""Training of the bundled model: a BERT of 4 layers x 8 heads on the generated reviews.

The weights are the same bit for bit for the same seed on the same machine with the same versions: all draws are
seeded, torch's deterministic algorithms are on, and the number of threads is fixed, since another number adds in
another order. It is one thread: two are faster on an idle machine only, and several times slower on a busy one, where
they wait for each other. Nothing of this outlasts the call.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from headviz.demo.reviews import LABELS, rows
from headviz.progress import CancelSignal, OnProgress, Progress

if TYPE_CHECKING:
    from transformers import BertForSequenceClassification, BertTokenizer

THREADS = 1
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


@dataclass(frozen=True)
class Settings:
    """The recipe; the defaults made the bundled model."""

    layers: int = 4
    heads: int = 8
    width: int = 128
    inner: int = 256
    tokens: int = 64  # at most, with [CLS] and [SEP]
    dropout: float = 0.1
    epochs: int = 6
    batch_size: int = 64
    rate: float = 1e-3  # the peak of the one-cycle schedule
    weight_decay: float = 0.01
    unknown: float = 0.01  # share of words hidden as [UNK] in training, so that a typed text may hold unknown words
    examples: int | None = None  # train on so many reviews only, for quick tries
    steps: int | None = None  # stop early, likewise


@contextmanager
def reproducible(seed: int, threads: int = THREADS) -> Iterator[None]:
    """Seeded torch with deterministic algorithms and a fixed number of threads; all as before afterwards."""
    before = torch.get_num_threads()
    strict = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    with torch.random.fork_rng(devices=[]):
        try:
            torch.set_num_threads(threads)
            torch.use_deterministic_algorithms(True)
            torch.manual_seed(seed)
            yield
        finally:
            torch.use_deterministic_algorithms(strict, warn_only=warn_only)
            torch.set_num_threads(before)


def make_tokenizer(texts: Sequence[str], max_tokens: int = Settings.tokens) -> BertTokenizer:
    """A lower-casing BERT tokenizer whose vocabulary is every word and sign of the texts, each a token of its own."""
    from transformers import BertTokenizer

    split = BertTokenizer().backend_tokenizer
    words: set[str] = set()
    for text in texts:
        lowered = split.normalizer.normalize_str(text)
        words.update(word for word, _ in split.pre_tokenizer.pre_tokenize_str(lowered))
    vocabulary = {word: number for number, word in enumerate((*SPECIAL, *sorted(words)))}
    return BertTokenizer(vocab=vocabulary, do_lower_case=True, model_max_length=max_tokens)


def make_model(words: int, settings: Settings) -> BertForSequenceClassification:
    """The untrained model, from torch's current seed."""
    from transformers import BertConfig, BertForSequenceClassification

    config = BertConfig(
        vocab_size=words,
        hidden_size=settings.width,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        intermediate_size=settings.inner,
        hidden_dropout_prob=settings.dropout,
        attention_probs_dropout_prob=0.0,  # so that the fused kernel trains, too
        max_position_embeddings=settings.tokens,
        id2label=dict(enumerate(LABELS)),
        label2id={label: number for number, label in enumerate(LABELS)},
        attn_implementation="sdpa",
    )
    return BertForSequenceClassification(config)


def train(
    seed: int,
    settings: Settings | None = None,
    *,
    on_progress: OnProgress | None = None,
    cancel: CancelSignal | None = None,
) -> tuple[BertForSequenceClassification, BertTokenizer]:
    """The trained model in eval mode, float32 on the CPU, and its tokenizer. `Cancelled` once ``cancel`` is set."""
    settings = settings or Settings()
    texts, names = zip(*rows("train")[: settings.examples], strict=True)
    tokenizer = make_tokenizer(texts, settings.tokens)
    tokens = tokenizer(list(texts), truncation=True, max_length=settings.tokens)["input_ids"]
    labels = [LABELS.index(name) for name in names]
    shuffle = random.Random(seed)
    with reproducible(seed):
        model = make_model(len(tokenizer), settings).train()
        plan = [batch for _ in range(settings.epochs) for batch in _batches(tokens, settings.batch_size, shuffle)]
        plan = plan[: settings.steps]
        optimiser = torch.optim.AdamW(_groups(model, settings.weight_decay), lr=settings.rate, fused=True)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.rate, total_steps=len(plan) + 1)
        progress = Progress(len(plan), "training", on_progress, cancel)
        for batch in plan:
            ids, mask = _tensors([tokens[row] for row in batch], settings.unknown)
            loss = model(input_ids=ids, attention_mask=mask, labels=torch.tensor([labels[row] for row in batch])).loss
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            progress.step()
    return model.eval(), tokenizer


def _batches(tokens: Sequence[Sequence[int]], size: int, shuffle: random.Random) -> list[list[int]]:
    """Shuffled batches of texts of like length, so that little is padded."""
    order = sorted(range(len(tokens)), key=lambda row: (len(tokens[row]) + 2 * shuffle.random(), row))
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    return sorted(batches, key=lambda _: shuffle.random())


def _tensors(texts: Sequence[Sequence[int]], unknown: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids, padded and with some words hidden, and their attention mask, both (B, S) int64."""
    longest = max(map(len, texts))
    ids = torch.tensor([[*text, *[SPECIAL.index("[PAD]")] * (longest - len(text))] for text in texts])
    hidden = (torch.rand(ids.shape) < unknown) & (ids >= len(SPECIAL))
    return ids.masked_fill(hidden, SPECIAL.index("[UNK]")), (ids != SPECIAL.index("[PAD]")).long()


def _groups(model: torch.nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Parameters with weight decay (matrices) and without (biases, norms)."""
    matrices = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in model.parameters() if parameter.ndim <= 1]
    return [{"params": matrices, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]


def save(model: BertForSequenceClassification, tokenizer: BertTokenizer, folder: Path) -> None:
    """An ordinary Hugging Face folder: config.json, model.safetensors and the tokenizer's files."""
    folder.mkdir(parents=True, exist_ok=True)
    model.config.name_or_path = ""  # a path of this machine has no place in a published folder
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
