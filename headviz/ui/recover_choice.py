"""What a visitor has chosen for a recovery: plain values, which stay while pages are changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

FEW = 2000  # training texts of a first run, so that it is quick


@dataclass(frozen=True)
class RecoverChoice:
    """``texts``: how many training texts, None for all; ``values``: method -> setting -> value, where not its
    default."""

    method: str = "safe"
    seed: int = 0
    texts: int | None = FEW
    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def with_(self, **changes: Any) -> RecoverChoice:
        return replace(self, **changes)

    @property
    def given(self) -> Mapping[str, Any]:
        """The settings of the method in hand that are not its defaults."""
        return self.values.get(self.method, {})

    def with_setting(self, name: str, value: Any, default: Any) -> RecoverChoice:
        """The choice with one setting of its method changed."""
        own = {**self.given, name: value}
        if value == default:
            del own[name]
        return replace(self, values={**self.values, self.method: own})
