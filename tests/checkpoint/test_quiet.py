"""Silence is for the thread that asked for it, and leaves nothing behind."""

from __future__ import annotations

import logging
import threading

import pytest
import transformers

from headviz.checkpoint.quiet import quiet_transformers

library = transformers.utils.logging


@pytest.fixture(autouse=True)
def _bars(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "_tqdm_active", True)


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What transformers' log handlers let through."""
    heard: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(record.getMessage())

    monkeypatch.setattr(logging.getLogger("transformers"), "handlers", [Handler()])
    return heard


def _noise(word: str) -> None:
    logging.getLogger("transformers.modeling_utils").warning(word)
    for _ in library.tqdm([1], desc=word):
        pass


def test_inside_neither_bars_nor_lines(lines: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    _noise("before")
    with quiet_transformers():
        _noise("inside")
    _noise("after")
    assert lines == ["before", "after"]
    shown = capfd.readouterr().err
    assert "before" in shown
    assert "after" in shown
    assert "inside" not in shown


def test_another_thread_keeps_its_bars_and_lines(lines: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    with quiet_transformers():
        other = threading.Thread(target=_noise, args=("other",))
        other.start()
        other.join()
    assert lines == ["other"]
    assert "other" in capfd.readouterr().err


def test_overlapping_threads_restore_what_was_there(lines: list[str]) -> None:
    before = library._tqdm_hook
    first_in, second_in, first_out = threading.Event(), threading.Event(), threading.Event()

    def first() -> None:
        with quiet_transformers():
            first_in.set()
            second_in.wait(10)
        first_out.set()

    def second() -> None:
        first_in.wait(10)
        with quiet_transformers():
            second_in.set()
            first_out.wait(10)
            _noise("late")

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lines == []
    assert library._tqdm_hook is before
    assert logging.getLogger("transformers").handlers[0].filters == []


def test_a_hook_of_somebody_else_is_kept_and_used_by_other_threads(capfd: pytest.CaptureFixture[str]) -> None:
    seen: list[str] = []

    def theirs(factory: object, args: object, options: dict[str, str]) -> list[int]:
        seen.append(options["desc"])
        return [1]

    before = library.set_tqdm_hook(theirs)
    try:
        with quiet_transformers():
            _noise("inside")
            other = threading.Thread(target=_noise, args=("other",))
            other.start()
            other.join()
        _noise("after")
    finally:
        library.set_tqdm_hook(before)
    assert seen == ["other", "after"]


def test_an_error_inside_restores_too() -> None:
    before = library._tqdm_hook
    with pytest.raises(ValueError, match="inside"), quiet_transformers():
        raise ValueError("inside")
    assert library._tqdm_hook is before
