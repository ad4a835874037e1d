"""Speed under a clock of our own, where every figure is arithmetic; and once for real."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import headviz as hv
from headviz import latency
from headviz.cost import flops
from headviz.latency import measure_latency
from tests.tiny import tiny_model


def subject_of(**config: Any) -> hv.Subject:
    return hv.Subject.wrap(*tiny_model("bert", **config), name="tiny")


class Machine:
    """Passes that take the seconds we say, a text at a time; from ``slow_from`` passes on everything takes twice."""

    def __init__(self, seconds: dict[int, float], slow_from: int = 10**9) -> None:
        self.now, self.passes, self._seconds, self._slow_from = 0.0, [], seconds, slow_from

    def forward(self, subject: hv.Subject, inputs: dict[str, torch.Tensor]) -> None:
        slow = 2 if len(self.passes) >= self._slow_from else 1
        self.passes.append(id(subject))
        self.now += slow * self._seconds[id(subject)] * len(inputs["input_ids"])

    def clock(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def models() -> dict[str, hv.Subject]:
    return {"whole": subject_of(), "pruned": subject_of(seed=1)}


def timed(
    models: dict[str, hv.Subject], monkeypatch: pytest.MonkeyPatch, seconds: tuple[float, float], **options: Any
) -> tuple[Any, Machine]:
    """The table of two models that take ``seconds`` a text and 800 and 400 FLOPs a token."""
    of = dict(zip(map(id, models.values()), seconds, strict=True))
    machine = Machine(of, options.pop("slow_from", 10**9))
    monkeypatch.setattr(hv.Subject, "forward", lambda subject, inputs: machine.forward(subject, inputs))
    per_token = {id(models["whole"]): 800, id(models["pruned"]): 400}
    monkeypatch.setattr(latency, "peak_memory", lambda subject, inputs: per_token[id(subject)])
    monkeypatch.setattr(latency, "flops", lambda subject, tokens: per_token[id(subject)] * tokens)
    return measure_latency(models, clock=machine.clock, **options), machine


def test_figures_are_arithmetic_on_the_clock(models: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    table, _ = timed(models, monkeypatch, (0.4, 0.25), lengths=(8, 16), batch_sizes=(1, 2), repeat=3)
    assert table[["length", "batch_size", "name"]].to_numpy().tolist() == [
        [length, size, name] for length in (8, 16) for size in (1, 2) for name in ("whole", "pruned")
    ]
    row = table.iloc[3]  # two texts of eight tokens, pruned
    assert row["seconds"] == row["seconds_low"] == row["seconds_high"] == pytest.approx(0.5)
    assert row["tokens_per_second"] == pytest.approx(2 * 8 / 0.5)
    assert row["speedup"] == pytest.approx(1.6) and row["flops"] == 400 and row["flops_ratio"] == 2
    assert row["of_theory"] == pytest.approx(0.8)
    assert row["gain_reached"] == pytest.approx((1 - 0.25 / 0.4) / 0.5)
    whole = table.iloc[2]
    assert whole["speedup"] == whole["flops_ratio"] == whole["of_theory"] == 1 and np.isnan(whole["gain_reached"])


def test_slower_model_is_reported_as_slower(models: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    table, _ = timed(models, monkeypatch, (0.4, 0.5), lengths=(8,), batch_sizes=(1,), repeat=3)
    row = table.iloc[1]
    assert row["speedup"] == pytest.approx(0.8) and row["of_theory"] == pytest.approx(0.4)
    assert row["gain_reached"] == pytest.approx(-0.5)  # a quarter longer, where half was to be saved


def test_machine_that_slows_down_half_way_moves_no_speedup(models: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four passes to warm up, then two a round: the last two of four rounds take twice as long."""
    table, _ = timed(models, monkeypatch, (0.4, 0.2), lengths=(8,), batch_sizes=(1,), repeat=4, slow_from=8)
    assert table["seconds"].tolist() == pytest.approx([0.6, 0.3])
    assert table["seconds_low"].tolist() == pytest.approx([0.4, 0.2])
    assert table["seconds_high"].tolist() == pytest.approx([0.8, 0.4])
    assert table.iloc[1][["speedup", "speedup_low", "speedup_high"]].tolist() == pytest.approx([2, 2, 2])


def test_models_take_turns_and_every_other_round_goes_backwards(models: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    _, machine = timed(models, monkeypatch, (0.4, 0.2), lengths=(8,), batch_sizes=(1,), repeat=3)
    whole, pruned = map(id, models.values())
    assert machine.passes == [whole, pruned] * 2 + [whole, pruned, pruned, whole, whole, pruned]


def test_turn_of_a_quick_model_has_many_passes(models: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 10 ms the slowest, so five fill the 50 ms of a turn."""
    table, machine = timed(models, monkeypatch, (0.01, 0.005), lengths=(8,), batch_sizes=(1,), repeat=2)
    assert len(machine.passes) == 4 + 2 * 2 * 5
    assert table["seconds"].tolist() == pytest.approx([0.01, 0.005])


def test_real_models_are_timed_and_counted() -> None:
    whole = subject_of()
    pruned = hv.prune(whole, hv.Mask.full(whole).with_toggled("L0H1", "L1H0", "L1H1", "L1H2", "L1H3"))
    table = measure_latency({"whole": whole, "pruned": pruned}, lengths=(12,), batch_sizes=(2,), repeat=2)
    assert (table[["seconds", "tokens_per_second", "speedup", "of_theory"]] > 0).all(axis=None)
    assert table["parameters"].tolist() == [whole.parameters, pruned.parameters]
    assert table["bytes"].tolist() == [4 * whole.parameters, 4 * pruned.parameters]
    assert (table["peak_bytes"] > table["bytes"]).all() and table["peak_bytes"].is_monotonic_decreasing
    ratio = flops(whole, tokens=12) / flops(pruned, tokens=12)
    assert table["flops_ratio"].tolist() == pytest.approx([1, ratio]) and ratio > 1
    assert table.attrs["threads"] == torch.get_num_threads() and table.attrs["rounds"] == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"lengths": (41,)}, r"whole reads at most 40 tokens, and a length of 41"),
        ({"lengths": ()}, "lengths must be whole numbers"),
        ({"batch_sizes": (0,)}, "batch_sizes must be whole numbers"),
        ({"repeat": 0}, "repeat must be whole numbers"),
    ],
)
def test_wish_that_cannot_be_met_is_one_sentence(options: dict[str, Any], said: str, models: dict) -> None:
    with pytest.raises(hv.RunError, match=said):
        measure_latency(models, **({"lengths": (8,)} | options))


def test_models_that_cannot_be_compared_are_refused(models: dict) -> None:
    with pytest.raises(hv.RunError, match="no model to time"):
        measure_latency({})
    model, tokenizer = tiny_model("bert")
    half = hv.Subject.wrap(model.to(torch.bfloat16), tokenizer, name="half")
    with pytest.raises(hv.RunError, match="half is on cpu in bfloat16, but whole on cpu in float32"):
        measure_latency({**models, "half": half}, lengths=(8,))


def test_progress_is_told_and_cancel_stops_it(models: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[int, int, str]] = []
    options: dict[str, Any] = {"lengths": (8,), "batch_sizes": (1, 2), "repeat": 2}
    timed(models, monkeypatch, (0.4, 0.2), on_progress=lambda *step: told.append(step), **options)
    assert sorted(set(told)) == [(done, 8, "measuring speed") for done in range(9)]
    stop = threading.Event()
    options |= {"cancel": stop, "on_progress": lambda done, *_: done == 3 and stop.set()}
    with pytest.raises(hv.Cancelled):
        timed(models, monkeypatch, (0.4, 0.2), **options)


def test_speedup_follows_from_the_times_that_are_printed_beside_it(
    models: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where rounds scatter, the median of the ratios is another number than the ratio of the medians."""
    from headviz.ui import speeds

    monkeypatch.setattr(latency, "flops", lambda subject, tokens: 100)
    monkeypatch.setattr(latency, "peak_memory", lambda subject, inputs: 0)
    both = dict(zip(speeds.NAMES, models.values(), strict=True))
    for scale in (1, 0.002):
        seconds = {
            "whole model": scale * np.array([0.199, 0.3, 0.12]),
            "pruned": scale * np.array([0.29, 0.194, 0.104]),
        }
        assert np.median(seconds["whole model"] / seconds["pruned"]) == pytest.approx(0.12 / 0.104)
        table = pd.DataFrame(latency._rows(both, 8, 1, seconds))
        row = table.iloc[1]
        assert row["speedup"] == pytest.approx(0.199 / 0.194) == row["of_theory"]
        assert row["speedup_low"] <= row["speedup"] <= row["speedup_high"]
        (told,) = speeds.rows(table)
        before, after, spread = (told[speeds.COLUMNS.index(name)] for name in (*speeds.COLUMNS[2:4], speeds.COLUMNS[4]))
        assert float(spread.split()[0]) == pytest.approx(float(before) / float(after), abs=0.0075)
