"""What may be chosen of something that is computed: a default, a sentence and a range that the page and the errors
share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from headviz.errors import ScoreError


@dataclass(frozen=True)
class Option:
    """One option: its default, its sentence, and either choices or a range. Without a default it must be given, unless
    ``optional``: then None is a value, too."""

    default: Any
    sentence: str
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    whole: bool = False
    switch: bool = False
    optional: bool = False

    def check(self, name: str, value: Any) -> Any:
        """``value`` as the option's type; ScoreError with the range when it is outside."""
        if self.optional and value is None:
            return None
        if self.choices or self.switch:
            if value not in (self.choices or (True, False)):
                raise ScoreError(f"{name} must be {self.describe()}. Got {value!r}.")
            return bool(value) if self.switch else value
        try:
            number = float(value)
            if isinstance(value, bool) or not np.isfinite(number) or (self.whole and number != int(number)):
                raise ValueError(value)
        except (TypeError, ValueError) as cause:
            raise ScoreError(f"{name} must be {self.describe()}. Got {value!r}.") from cause
        if (self.low is not None and number < self.low) or (self.high is not None and number > self.high):
            raise ScoreError(f"{name} must be {self.describe()}. Got {value!r}.")
        return int(number) if self.whole else number

    @property
    def range(self) -> tuple[Any, ...]:
        """The choices, or (low, high) of a number, None where there is no bound."""
        return self.choices or (self.low, self.high)

    def describe(self) -> str:
        """What values it takes, in words."""
        return f"{self._values()}, or None" if self.optional else self._values()

    def _values(self) -> str:
        if self.switch:
            return "True or False"
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        kind = "a whole number" if self.whole else "a number"
        if self.high is None:
            return f"{kind} of at least {self.low:g}" if self.low is not None else kind
        return f"{kind} from {self.low:g} to {self.high:g}"
