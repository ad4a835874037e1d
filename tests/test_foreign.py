"""Errors of other people's code as errors of ours."""

from __future__ import annotations

import pytest

from headviz.errors import DataError, LoadError
from headviz.foreign import explained


class Panic(BaseException):
    """As pyo3 raises it for a panic: no Exception."""


@pytest.mark.parametrize("raised", [KeyError("x"), Panic("unwrap on None"), StopIteration()])
def test_explained_turns_whatever_is_raised_into_one_sentence_with_its_cause(raised: BaseException) -> None:
    with pytest.raises(LoadError, match=r"^It fails: .+\.$") as told, explained(LoadError, lambda r: f"It fails: {r}."):
        raise raised
    assert told.value.__cause__ is raised


@pytest.mark.parametrize("raised", [DataError("ours"), KeyboardInterrupt(), MemoryError(), SystemExit(3)])
def test_explained_lets_errors_of_ours_interrupts_and_a_full_memory_pass(raised: BaseException) -> None:
    with pytest.raises(type(raised)) as told, explained(LoadError, str):
        raise raised
    assert told.value is raised
