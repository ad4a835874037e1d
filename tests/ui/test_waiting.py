"""A job in one line."""

from __future__ import annotations

import pytest

from headviz.ui.jobs import Job
from headviz.ui.waiting import describe


def job(title: str = "Scoring heads on 512 examples", **fields: object) -> Job:
    made = Job("key", title, lambda on_progress, cancel: None)
    made.state = "running"
    for name, value in fields.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(
    ("made", "line"),
    [
        (job(), "Scoring heads on 512 examples …"),
        (job(done=1200, total=5120, stage="scoring heads"), "Scoring heads on 512 examples: 1,200 of 5,120"),
        (job(done=1, total=3, stage="loading the model"), "Scoring heads on 512 examples: 1 of 3, loading the model"),
        (job(done=5, total=9, seconds_left=12.4), "Scoring heads on 512 examples: 5 of 9, 12 s left"),
        (job(done=5, total=9, seconds_left=600.0), "Scoring heads on 512 examples: 5 of 9, 10 min left"),
        (job(done=5, total=9, seconds_left=0.2), "Scoring heads on 512 examples: 5 of 9"),
        (
            job("Ablation of every head", done=84, total=2336, stage="measuring ablation"),
            "Ablation of every head: 84 of 2,336",
        ),
        (job(state="waiting"), "Scoring heads on 512 examples: waiting for other work to end"),
    ],
)
def test_line_says_what_how_far_and_how_long_yet(made: Job, line: str) -> None:
    assert describe(made) == line


def test_line_of_a_job_that_is_being_stopped_says_so() -> None:
    made = job(done=5, total=9)
    made.cancel.set()
    assert describe(made) == "Scoring heads on 512 examples: stopping"
