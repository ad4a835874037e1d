"""Two trainings in one process: the second waits, says so, and can be cancelled."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from headviz.errors import Cancelled
from headviz.recovery import turns
from tests.recovery.runs import pruned, run


def test_run_that_waits_for_another_one_says_so_and_can_be_cancelled(tmp_path: Path) -> None:
    subject = pruned()
    cancel, said = threading.Event(), set[str]()

    def on_progress(done: int, total: int, stage: str) -> None:
        said.add(stage)
        if stage == "waiting for another run":
            cancel.set()

    with turns._ALONE, pytest.raises(Cancelled):
        run("lora", tmp_path / "run", subject=subject, on_progress=on_progress, cancel=cancel)
    assert said == {"training", "waiting for another run"}
    assert run("lora", tmp_path / "run", subject=subject).saved
