"""What a visitor has chosen for a recovery: plain values, which stay while pages are changed."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from headviz.errors import ScoreError

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

    def settled(self) -> RecoverChoice:
        """The choice without what no method or setting takes: one that was read from a file may hold anything."""
        from headviz.recovery import methods

        known = {name: _taken(methods[name].takes, given) for name, given in self.values.items() if name in methods}
        return replace(self, method=self.method if self.method in methods else "safe", values=known)

    def with_setting(self, name: str, value: Any, default: Any) -> RecoverChoice:
        """The choice with one setting of its method changed."""
        own = {**self.given, name: value}
        if value == default:
            del own[name]
        return replace(self, values={**self.values, self.method: own})


def _taken(names: tuple[str, ...], given: Mapping[str, Any]) -> dict[str, Any]:
    """The values of ``given`` that pass the check of their own setting, as its type."""
    from headviz.recovery.settings import SETTINGS

    taken = {}
    for name in names:
        if name in given and name in SETTINGS:
            with contextlib.suppress(ScoreError):
                taken[name] = SETTINGS[name].check(name, given[name])
    return taken
