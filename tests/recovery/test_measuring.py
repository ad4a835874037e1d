"""Measuring in a run: a segment for every set of trained weights, seconds by a made clock, a state to go on from."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from headviz.recovery.measuring import Meters, StopClock
from headviz.recovery.meters import Clock
from tests.tiny import tiny_model


class Hand:
    """A clock's hand that is moved by hand."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


def batch() -> dict[str, torch.Tensor]:
    ids = torch.randint(5, 40, (4, 8))
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": torch.zeros(4, dtype=torch.long)}


def step(meters: Meters, hand: Hand, seconds: float) -> None:
    meters.on_step_begin(None, None, None)
    hand.time += seconds
    StopClock(meters.stop_clock).on_step_end(None, None, None)
    hand.time += 100  # what others do at the end of a step is not training
    meters.on_step_end(None, None, None)


def freeze(model: Any, block: int) -> int:
    """Freeze the embeddings and all blocks up to ``block``; gives the weights that are left."""
    model.bert.embeddings.requires_grad_(False)
    for layer in model.bert.encoder.layer[: block + 1]:
        layer.requires_grad_(False)
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)


def test_steps_go_into_a_segment_for_each_set_of_trained_weights() -> None:
    model, hand = tiny_model("bert")[0], Hand()
    everything = sum(weight.numel() for weight in model.parameters())
    meters = Meters(model, batch(), Clock(now=hand))
    meters.on_train_begin(None, None, None)
    step(meters, hand, 1.0)
    step(meters, hand, 2.0)
    left = freeze(model, 1)  # in the third step, before the meters' turn
    step(meters, hand, 6.0)
    step(meters, hand, 3.0)
    first, second = meters.segments
    assert (first.steps, first.trainable, second.steps, second.trainable) == (3, everything, 1, left)
    assert second.activation_bytes < first.activation_bytes / 2 and second.flops < first.flops
    cost = meters.cost()
    assert cost.seconds["training"] == 12 and cost.step_seconds == 2.5 and cost.tokens == 32


def test_measuring_leaves_the_mode_the_gradients_and_the_luck_as_they_were() -> None:
    model = tiny_model("bert")[0]
    luck = torch.get_rng_state()
    Meters(model, batch_of(luck), Clock()).on_train_begin(None, None, None)
    assert not model.training and all(weight.grad is None for weight in model.parameters())
    assert torch.equal(luck, torch.get_rng_state())


def batch_of(luck: torch.Tensor) -> dict[str, torch.Tensor]:
    own = batch()
    torch.set_rng_state(luck)
    return own


def test_run_that_goes_on_counts_on() -> None:
    model, hand = tiny_model("bert")[0], Hand()
    clock = Clock(now=hand)
    meters = Meters(model, batch(), clock)
    meters.on_train_begin(None, None, None)
    step(meters, hand, 2.0)
    state = json.loads(json.dumps(meters.state()))
    again = Meters(model, batch(), Clock(state["seconds"], now=hand), state)
    again.on_train_begin(None, None, None)
    step(again, hand, 4.0)
    assert [one.steps for one in again.segments] == [2]
    assert again.cost().seconds["training"] == 6 and again.cost().step_seconds == 3


def test_bytes_of_the_optimizer_are_its_two_moments_and_its_steps() -> None:
    weight = torch.nn.Parameter(torch.zeros(10, 10))
    optimizer = torch.optim.AdamW([weight])
    weight.sum().backward()
    optimizer.step()
    meters = Meters(tiny_model("bert")[0], batch(), Clock())
    meters.on_evaluate(None, None, None, optimizer=optimizer)
    assert meters.cost().optimizer_bytes == 2 * 400 + 4
    assert Meters(meters.model, meters.batch, Clock(), meters.state()).cost().optimizer_bytes == 804


def test_cost_of_a_run_without_a_step_has_no_time_of_one() -> None:
    assert Meters(tiny_model("bert")[0], batch(), Clock()).cost().step_seconds == pytest.approx(
        float("nan"), nan_ok=True
    )
