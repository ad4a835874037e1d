"""The folder of visits holds its bounds: old browsers go, the oldest go where there are many, and work stays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from filelock import FileLock

from headviz.ui import returning
from headviz.ui.state_folder import DAYS, MOST_BROWSERS, OnDisk, new_id, new_slot, sweep

NOW = 1_800_000_000.0


def visit(root: Path, days_ago: float) -> OnDisk:
    """The place of a browser that was here so long ago."""
    place = OnDisk(root, new_id())
    place.write(new_slot(), b"{}")
    for path in (*place.folder.rglob("*"), place.folder):
        os.utime(path, (NOW - days_ago * 86400,) * 2)
    return place


def test_browsers_that_were_not_here_for_long_go_and_others_stay(tmp_path: Path) -> None:
    old, young = visit(tmp_path, DAYS + 1), visit(tmp_path, DAYS - 1)
    sweep(tmp_path, now=NOW)
    assert not old.folder.exists() and len(young.states()) == 1


def test_of_too_many_browsers_the_oldest_go(tmp_path: Path) -> None:
    places = [visit(tmp_path, days) for days in range(MOST_BROWSERS + 2)]
    sweep(tmp_path, now=NOW)
    assert [place.folder.exists() for place in places] == [True] * MOST_BROWSERS + [False] * 2


def test_browser_whose_run_is_being_trained_stays_however_old(tmp_path: Path) -> None:
    place = visit(tmp_path, 0)
    run = place.new_run() / "run"
    run.mkdir()
    for path in (*place.folder.rglob("*"), place.folder):
        os.utime(path, (NOW - (DAYS + 1) * 86400,) * 2)
    with FileLock(run / ".lock"):
        sweep(tmp_path, now=NOW)
        assert run.is_dir()
    sweep(tmp_path, now=NOW + 2 * DAYS * 86400)
    assert not place.folder.exists()


def test_sweep_of_a_folder_that_is_not_there_does_nothing(tmp_path: Path) -> None:
    sweep(tmp_path / "absent")
    assert not (tmp_path / "absent").exists()


def test_every_tab_that_arrives_holds_the_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADVIZ_STATE", str(tmp_path))
    monkeypatch.setattr(returning, "_browser", new_id)
    old = visit(tmp_path, 365 * 30)  # by any clock
    assert isinstance(returning._place(local=True), OnDisk)
    assert not old.folder.exists()
