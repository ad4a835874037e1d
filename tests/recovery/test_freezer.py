"""Freezing in a run: when it looks, what it compares with, and that a run that goes on is frozen as it was."""

from __future__ import annotations

import copy
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import headviz as hv
from headviz.recovery.adapters import parameters_of, units_of, with_adapters
from headviz.recovery.batching import Texts
from headviz.recovery.freezer import Freezer
from headviz.recovery.history import Check
from headviz.recovery.meters import Clock
from headviz.recovery.methods import Freezing
from headviz.recovery.probe import Probe
from tests.tiny import tiny_model, tiny_texts

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")


class Setting:
    """A BERT of three blocks with adapters, and freezers of it that freeze what is below 0.5."""

    def __init__(self) -> None:
        subject = hv.Subject.wrap(*tiny_model("bert"), name="tiny")
        self.units = units_of(subject.model)
        self.model: Any = with_adapters(
            copy.deepcopy(subject.model), {"r": 4, "alpha": 8, "dropout": 0.0, "mlp": False}
        )
        texts = Texts(subject.encode([(text,) for text in tiny_texts(40)]), np.zeros(40, dtype=int))
        names = [f"base_model.model.{unit.block}" for unit in self.units]
        self.probe = Probe(texts, subject.processor, names, texts=8, width=1, seed=0, device="cpu")
        self.seen: list[np.ndarray] = []

    def freezer(self, steps: tuple[int, ...] = (2, 4), **rest: Any) -> Freezer:
        def freeze(step: int, importance: np.ndarray, frozen: np.ndarray) -> np.ndarray:
            self.seen.append(importance)
            return frozen | (importance < 0.5) if step > 2 else frozen

        return Freezer(self.model, self.units, Freezing(steps, True, freeze, float), self.probe, Clock(), **rest)

    def stir(self, unit: int) -> None:
        with torch.no_grad():
            for weight in parameters_of(self.model, self.units[unit]):
                weight.add_(torch.randn(weight.shape))

    def live(self) -> list[bool]:
        """Whether adapters are trained; they must agree within a unit."""
        sets = [{weight.requires_grad for weight in parameters_of(self.model, unit)} for unit in self.units]
        assert all(len(own) == 1 for own in sets)
        return [own.pop() for own in sets]


def step(freezer: Freezer, number: int) -> None:
    freezer.on_step_end(None, SimpleNamespace(global_step=number), None)


def test_it_looks_after_its_steps_alone_and_freezes_what_the_method_says() -> None:
    setting = Setting()
    own = setting.freezer()
    setting.stir(1)
    for number in range(1, 6):
        step(own, number)
    assert [check.step for check in own.checks] == [2, 4] and own.checks[1].threshold == 4.0
    lowest, middle, _ = own.checks[1].importance
    assert lowest == pytest.approx(0, abs=1e-6) and middle > 0.01  # the block below what was changed is as it was
    assert own.checks[0].frozen == (False,) * 3
    assert own.checks[1].frozen[0] and setting.live() == [not frozen for frozen in own.checks[1].frozen]


def test_nothing_but_adapters_of_frozen_units_stops_being_trained() -> None:
    setting = Setting()
    trained = {name for name, weight in setting.model.named_parameters() if weight.requires_grad}
    own = setting.freezer()
    step(own, 4)  # nothing has moved, so all is below
    assert all(own.frozen)
    left = {name for name, weight in setting.model.named_parameters() if weight.requires_grad}
    assert left == {name for name in trained if "classifier" in name}


def test_with_previous_each_look_is_compared_with_the_one_before() -> None:
    setting = Setting()
    start, previous = setting.freezer((1, 2)), setting.freezer((1, 2), previous=True)
    setting.stir(0)
    for number in (1, 2):
        step(start, number)
        step(previous, number)
    assert previous.checks[0].importance == start.checks[0].importance
    assert previous.checks[1].importance == pytest.approx((0, 0, 0), abs=1e-9)
    assert start.checks[1].importance == start.checks[0].importance and start.checks[1].importance[0] > 0.01


def test_run_that_goes_on_is_frozen_as_it_was_before_its_first_step() -> None:
    setting = Setting()
    before = Check(2, 0.1, (0.0, 0.5, 1.0), (True, False, True))
    own = setting.freezer(checks=[before])
    own.on_train_begin(None, SimpleNamespace(global_step=3), None)
    assert setting.live() == [False, True, False] and own.checks == [before]


def test_method_without_importance_freezes_before_the_first_step_and_measures_nothing() -> None:
    setting = Setting()
    freezing = Freezing((0,), False, lambda step, importance, frozen: np.array([True, False, False]))
    own = Freezer(setting.model, setting.units, freezing, None, Clock())
    own.on_train_begin(None, SimpleNamespace(global_step=0), None)
    assert setting.live() == [False, True, True]
    assert all(math.isnan(value) for value in own.checks[0].importance) and math.isnan(own.checks[0].threshold)
    assert own.clock.seconds["scoring"] == 0
