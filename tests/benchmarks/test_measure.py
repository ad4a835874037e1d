"""The frame of the benchmarks, with clocks of the test's own."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable
from pathlib import Path

import measure
import pytest


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def rival(name: str, seconds: float, clock: Clock, log: list[str]) -> Callable[[], None]:
    def call() -> None:
        log.append(name)
        clock.now += seconds

    return call


def test_rivals_take_turns_and_every_other_round_goes_backwards() -> None:
    clock, log = Clock(), []
    rivals = {"a": rival("a", 2.0, clock, log), "b": rival("b", 4.0, clock, log)}
    times = measure.interleave(rivals, 3, warm_up=1, wall=clock, cpu=clock, say=lambda _: None)
    assert "".join(log) == "ba" + "ab" + "ba" + "ab"
    assert times["a"].wall == [2.0, 2.0, 2.0] and times["b"].cpu == [4.0, 4.0, 4.0]


def test_garbage_collection_is_as_before_even_after_an_error() -> None:
    def broken() -> None:
        assert not gc.isenabled()
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        measure.interleave({"a": broken}, 1, say=lambda _: None)
    assert gc.isenabled()


def test_ratio_is_taken_round_by_round() -> None:
    times = {"ours": measure.Times([1.0, 2.0, 3.0], [1, 1, 1]), "plain": measure.Times([2.0, 8.0, 4.0], [4, 4, 4])}
    found = measure.ratio(times, "ours", "plain", target=0.5)
    assert found.name == "ours/plain" and found.values == [0.5, 0.25, 0.75]
    assert found.record() == {"median": 0.5, "min": 0.25, "max": 0.75, "target": 0.5, "better": "lower"}
    assert measure.ratio(times, "ours", "plain", clock="cpu").values == [0.25, 0.25, 0.25]


@pytest.mark.parametrize(
    ("target", "better", "met"),
    [(2.0, "lower", True), (1.9, "lower", False), (2.0, "higher", True), (2.1, "higher", False), (None, "lower", None)],
)
def test_target_is_met_on_its_better_side(target: float | None, better: str, met: bool | None) -> None:
    assert measure.Ratio("a/b", [1.0, 2.0, 9.0], target, better).met is met


def test_report_writes_the_json_that_is_promised(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ratios = [measure.Ratio("ours/plain", [0.7, 0.6, 0.8], 0.72), measure.Ratio("theirs/ours", [3.0], 3.8, "higher")]
    assert not measure.report("scoring", ratios, tmp_path / "out.json", examples=256)
    written = json.loads((tmp_path / "out.json").read_text("utf-8"))
    assert list(written) == ["name", "machine", "ratios", "examples"]
    assert written["ratios"]["ours/plain"] == {"median": 0.7, "min": 0.6, "max": 0.8, "target": 0.72, "better": "lower"}
    assert written["machine"]["cores"] >= 1
    printed = capsys.readouterr().out
    assert "target at most 0.72: met" in printed and "target at least 3.8: MISSED" in printed
