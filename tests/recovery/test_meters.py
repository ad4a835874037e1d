"""Meters: bytes and FLOPs counted by hand, what freezing a prefix of a model saves, a made clock, sums of runs."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor

from headviz.errors import RunError
from headviz.recovery.forecast import BACKWARD_SHARE
from headviz.recovery.meters import Clock, Segment, Summary, flops, saved_activations, summary
from tests.tiny import tiny_model

# peft asks models for a name that transformers is about to drop
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")

PARTS = ("query", "key", "value", "attention.output.dense")


class Lora:
    """A random BERT with LoRA on its attention, in training mode, and one batch; `freeze` freezes exactly these."""

    def __init__(self, *, layers: int, hidden: int, heads: int, rank: int, texts: int, tokens: int, dropout: float):
        model, _ = tiny_model(
            "bert",
            layers=layers,
            hidden=hidden,
            heads=heads,
            inner=4 * hidden,
            max_length=tokens,
            hidden_dropout_prob=dropout,
            attention_probs_dropout_prob=dropout,
        )
        targets = [name for name, _ in model.named_modules() if name.endswith(PARTS)]
        self.model: Any = get_peft_model(
            model, LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=targets, task_type="SEQ_CLS")
        ).train()
        ids = torch.randint(5, 40, (texts, tokens))
        labels = torch.zeros(texts, dtype=torch.long)
        self.batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": labels}

    def loss(self) -> Tensor:
        return self.model(**self.batch).loss

    def freeze(self, blocks: Iterable[int]) -> None:
        for name, weight in self.model.named_parameters():
            if "lora_" in name:
                found = re.search(r"layer\.(\d+)\.", name)
                assert found is not None
                weight.requires_grad_(int(found[1]) not in set(blocks))

    def bytes(self) -> int:
        ignore = [*self.model.parameters(), *self.model.buffers(), *self.batch.values()]
        return saved_activations(self.loss, ignore)


@pytest.fixture(scope="module")
def small() -> Lora:
    return Lora(layers=4, hidden=64, heads=4, rank=4, texts=16, tokens=32, dropout=0.0)


def weights() -> tuple[Tensor, Tensor]:
    """Four inputs of eight numbers, and a trainable weight: a product of them is 128 bytes."""
    return torch.randn(4, 8), torch.randn(8, 8, requires_grad=True)


def test_saved_activations_count_a_storage_once_and_what_is_ignored_not_at_all() -> None:
    inputs, weight = weights()

    def forward() -> Tensor:
        once = (inputs @ weight).relu()  # keeps the inputs and its own result
        return (once * once.view(8, 4).view(4, 8)).sum()  # keeps two views of that result

    assert saved_activations(forward, [inputs, weight]) == 128
    assert saved_activations(forward, [weight]) == 256


def test_saved_activations_ignore_views_of_a_parameter() -> None:
    inputs, weight = weights()
    inputs.requires_grad_()
    assert saved_activations(lambda: (inputs @ weight.t()).sum(), [inputs, weight]) == 0


def test_saved_activations_count_a_whole_storage_of_which_a_part_is_kept() -> None:
    inputs, weight = weights()
    assert saved_activations(lambda: (inputs @ weight)[:1].sin().sum(), [inputs]) == 128


def test_saved_activations_tell_short_lived_tensors_at_one_address_apart() -> None:
    inputs, weight = weights()

    def forward() -> Tensor:
        h = inputs @ weight
        for _ in range(5):
            h = (h * 2).sin()  # keeps h * 2, which nothing else holds
        return h.sum()

    assert saved_activations(forward, [inputs]) == 5 * 128


def test_saved_activations_of_a_pass_without_a_graph_are_0() -> None:
    inputs, weight = weights()
    weight.requires_grad_(False)
    assert saved_activations(lambda: (inputs @ weight).sin().sum()) == 0


def test_flops_of_a_product_are_those_of_both_passes() -> None:
    inputs, weight = weights()
    one = 2 * 4 * 8 * 8
    assert flops(lambda: (inputs @ weight).sum()) == 2 * one
    assert flops(lambda: (inputs @ weight.detach()).sum()) == one
    inputs.requires_grad_()
    assert flops(lambda: (inputs @ weight).sum()) == 3 * one


@pytest.mark.parametrize("masked", [False, True])
def test_flops_of_fused_attention_are_four_forward_and_ten_backward(masked: bool) -> None:
    batch, heads, rows, size = 2, 3, 16, 8
    query, key, value = (torch.randn(batch, heads, rows, size, requires_grad=True) for _ in range(3))
    mask = torch.ones(batch, 1, rows, rows, dtype=torch.bool) if masked else None

    def forward() -> Tensor:
        with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.FLASH_ATTENTION):
            return torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask).sum()

    assert flops(forward) == 14 * batch * heads * rows**2 * size


@pytest.mark.parametrize("meter", [flops, saved_activations])
def test_meters_leave_gradients_and_random_numbers_as_they_were(meter: Callable[[Callable[[], Tensor]], int]) -> None:
    inputs, weight = weights()
    other = torch.ones(8, requires_grad=True)
    weight.grad = torch.full_like(weight, 7.0)
    state = torch.get_rng_state()
    assert meter(lambda: (torch.dropout(inputs @ weight, 0.5, train=True) * other).sum()) > 0
    assert torch.equal(torch.get_rng_state(), state)
    assert other.grad is None and bool((weight.grad == 7.0).all())


def test_meters_are_off_after_a_pass_that_fails() -> None:
    inputs, weight = weights()

    def broken() -> Tensor:
        raise ValueError("no memory")

    for meter in (flops, saved_activations):
        with pytest.raises(ValueError, match="no memory"):
            meter(broken)
    (inputs @ weight).sin().sum().backward()
    assert weight.grad is not None


def test_saved_bytes_fall_with_the_frozen_prefix(small: Lora) -> None:
    small.freeze([])
    whole = small.bytes()
    for prefix in range(5):
        small.freeze(range(prefix))
        assert small.bytes() / whole == pytest.approx(1 - prefix / 4, abs=0.01)


@pytest.mark.parametrize("block", [1, 2, 3])
def test_a_frozen_block_above_a_live_one_saves_hardly_any_bytes(small: Lora, block: int) -> None:
    small.freeze([])
    whole = small.bytes()
    small.freeze([block])
    assert 0.94 * whole < small.bytes() < whole


@pytest.mark.parametrize(
    ("layers", "hidden", "heads", "rank", "texts", "tokens", "saved"),
    [(4, 64, 4, 4, 16, 32, 0.137), (6, 384, 12, 8, 1, 64, BACKWARD_SHARE / 6)],
)
def test_flops_fall_with_each_block_of_the_prefix(
    layers: int, hidden: int, heads: int, rank: int, texts: int, tokens: int, saved: float
) -> None:
    made = Lora(layers=layers, hidden=hidden, heads=heads, rank=rank, texts=texts, tokens=tokens, dropout=0.1)
    made.freeze([])
    whole = flops(made.loss)  # 8.7 % of it a block in the larger model, by which the forecast counts
    for prefix in (1, 3):
        made.freeze(range(prefix))
        assert 1 - flops(made.loss) / whole == pytest.approx(prefix * saved, abs=0.003 * prefix)


class Hand:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_clock_books_inner_work_on_the_inner_kind_alone() -> None:
    hand = Hand()
    clock = Clock(now=hand)
    hand.now += 50  # before anything is timed
    with clock("training"):
        hand.now += 3
        with clock("scoring"):
            hand.now += 2
        hand.now += 1
    hand.now += 50
    with clock("saving"):
        hand.now += 0.5
    assert clock.seconds == {"training": 4, "scoring": 2, "evaluation": 0, "saving": 0.5}
    assert (clock.total, clock.without_scoring) == (6.5, 4.5)


def test_clock_goes_on_from_an_earlier_part_and_keeps_time_through_errors() -> None:
    hand = Hand()
    clock = Clock({"training": 10.0}, hand)

    def full() -> None:
        hand.now += 2
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"), clock("saving"):
        full()
    with clock("training"):
        hand.now += 1
    assert clock.seconds == {"training": 11, "scoring": 0, "evaluation": 0, "saving": 2}


def test_clock_refuses_a_kind_that_it_does_not_know() -> None:
    with pytest.raises(RunError, match="choose from training, scoring"), Clock()("tea"):
        pass


def test_summary_weighs_segments_by_their_steps() -> None:
    segments = [
        Segment(10, 100, 50.0, 7),
        Segment(30, 60, 40.0, 5),
        Segment(0, 999, 999.0, 9),
        Segment(60, 20, 30.0, 3),
    ]
    assert summary(segments, "activation_bytes") == Summary(mean=40.0, peak=100.0, end=20.0)
    assert summary(segments, "flops") == Summary(mean=35.0, peak=50.0, end=30.0)
    assert summary(segments, "trainable") == Summary(mean=4.0, peak=7.0, end=3.0)


def test_summary_of_a_run_without_a_step_is_not_a_number() -> None:
    assert math.isnan(summary([Segment(0, 1, 1, 1)], "flops").mean)
