"""What visitors may have written in all."""

from __future__ import annotations

import pytest

from headviz.errors import ExportError
from headviz.ui.allowance import Allowance


def test_allowance_ends_with_its_places() -> None:
    allowance = Allowance(2, 1000)
    allowance.take(1)
    allowance.take(1)
    with pytest.raises(ExportError, match="download"):
        allowance.take(1)


def test_allowance_ends_with_its_bytes_and_takes_back_what_was_not_needed() -> None:
    allowance = Allowance(10, 100)
    allowance.take(80)
    with pytest.raises(ExportError, match="download"):
        allowance.take(30)
    allowance.give_back(50)
    allowance.take(30)


def test_place_that_stayed_empty_comes_back() -> None:
    allowance = Allowance(1, 100)
    allowance.take(100)
    allowance.give_back(100, place=True)
    allowance.take(100)
