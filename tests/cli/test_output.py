"""What reaches stdout and stderr, with a clock of the test's own."""

from __future__ import annotations

import io
import json
import warnings

import numpy as np

from headviz.cli.output import Console, Result, told_heads
from headviz.mask import Mask


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_result_without_json_prints_its_lines() -> None:
    out = io.StringIO()
    Console(out=out).show(Result(["one", "two"], {"n": 1}))
    assert out.getvalue() == "one\ntwo\n"


def test_result_as_json_has_plain_numbers_and_null_for_what_is_not_finite() -> None:
    out = io.StringIO()
    data = {"a": np.float64(0.5), "b": np.array([1, 2]), "c": float("nan"), "d": ("x", np.int64(3)), 4: None}
    Console(as_json=True, out=out).show(Result(["not this"], data))
    assert json.loads(out.getvalue()) == {"a": 0.5, "b": [1, 2], "c": None, "d": ["x", 3], "4": None}


def test_progress_in_a_log_is_a_line_now_and_then_with_the_time_left() -> None:
    err, clock = io.StringIO(), Clock()
    console = Console(err=err, clock=clock)
    for done in range(11):
        console.progress(done, 10, "scoring")
        clock.now += 2.0
    # 6 s, 12 s and 18 s: five seconds or more after the last; 20 s: the end
    assert err.getvalue().splitlines() == [
        "scoring: 3 of 10, 14 s left",
        "scoring: 6 of 10, 8 s left",
        "scoring: 9 of 10, 2 s left",
        "scoring: 10 of 10",
    ]


def test_progress_on_a_terminal_rewrites_one_line_and_closes_it() -> None:
    err, out, clock = Terminal(), io.StringIO(), Clock()
    console = Console(err=err, out=out, clock=clock)
    for done in (0, 1, 2):
        console.progress(done, 2, "scoring")
        clock.now += 90.0
    console.show(Result(["done"], {}))
    assert err.getvalue() == (
        "\r\033[Kscoring: 0 of 2\r\033[Kscoring: 1 of 2, 1 min 30 s left\r\033[Kscoring: 2 of 2\n"
    )


def test_progress_on_a_terminal_starts_a_line_for_a_new_stage() -> None:
    err = Terminal()
    console = Console(err=err, clock=Clock())
    console.progress(1, 9, "loading")
    console.progress(2, 9, "loading")
    console.progress(0, 5, "scoring")
    assert err.getvalue() == "\r\033[Kloading: 1 of 9\n\r\033[Kscoring: 0 of 5"


def test_warnings_become_notes_told_once_and_deprecations_do_not() -> None:
    err = io.StringIO()
    before = warnings.showwarning
    with Console(err=err):
        for _ in range(2):
            warnings.warn("The mask was made for other weights.", stacklevel=1)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    assert err.getvalue() == "Note: The mask was made for other weights.\n"
    assert warnings.showwarning is before


def test_heads_of_a_pruned_model_are_told_by_both_names() -> None:
    keep = [[True, False, True], [True, True, False]]
    model = {"heads": [3, 2], "whole_heads": [[0, 2, 3], [0, 1]]}
    mask = Mask(keep, provenance={"model": model})
    assert told_heads(mask.pruned, mask) == ["L0H1 (L0H2 of the whole model)"]
    for other in ({"heads": [3, 2]}, {**model, "whole_heads": [[0]]}, {**model, "whole_heads": "no"}):
        assert told_heads(mask.pruned, Mask(keep, provenance={"model": other})) == ["L0H1"]
