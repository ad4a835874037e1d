"""What may be taken of memory, and what is said where a computation would not fit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import headviz as hv
from headviz import memory
from headviz.errors import HeadvizError


@pytest.mark.parametrize(
    ("asked", "size"), [("2GB", 2 * 10**9), ("1.5 gb", 15 * 10**8), ("700m", 7 * 10**8), ("4096", 4096), ("3KB", 3000)]
)
def test_owner_says_what_one_computation_may_take(asked: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(memory.VARIABLE, asked)
    assert memory.bound() == size


@pytest.mark.parametrize("asked", ["much", "-1GB", "0", "2 PB", "GB"])
def test_size_that_cannot_be_read_is_a_sentence(asked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(memory.VARIABLE, asked)
    with pytest.raises(HeadvizError, match="HEADVIZ_MEMORY"):
        memory.bound()


def test_half_of_what_is_free_is_the_bound_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(memory.VARIABLE, raising=False)
    monkeypatch.setattr(memory, "free", lambda: 3000)
    assert memory.bound() == 1500


def test_files_that_the_system_keeps_in_memory_do_not_count_in_a_container(monkeypatch: pytest.MonkeyPatch) -> None:
    held = {
        "memory.max": ["4000"],
        "memory.current": ["3800"],
        "memory.stat": ["anon 600", "active_file 3000", "inactive_file 100"],
    }
    monkeypatch.setattr(memory, "_lines", lambda path: held.get(Path(path).name, []))
    assert memory._of_the_group() == 4000 - 3800 + 3100


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of addresses is Linux's")
def test_limit_on_the_process_counts() -> None:
    code = "import resource; resource.setrlimit(resource.RLIMIT_AS, (2 * 10**9,) * 2); from headviz import memory; "
    told = subprocess.run(
        [sys.executable, "-c", code + "print(memory.free())"], capture_output=True, text=True, check=True
    )
    assert 0 < int(told.stdout) < 2 * 10**9


def test_computation_that_would_not_fit_says_what_takes_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(memory.VARIABLE, "2GB")
    memory.require(2e9, "Signatures", "few classes", "Take fewer.")
    with pytest.raises(hv.ScoreError, match=r"Signatures would take 3\.0 GB of memory \(many classes\).*2\.0 GB here"):
        memory.require(3e9, "Signatures", "many classes", "Take fewer.")
