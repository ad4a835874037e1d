"""The one registry class: names of things (criteria, tasks, families, ...) to the things, with a helpful refusal."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import TypeVar

from headviz.errors import HeadvizError

Thing = TypeVar("Thing")


class Registry(Mapping[str, Thing]):
    """A read-only mapping to its users; a new entry is one call of ``register``."""

    def __init__(self, what: str, error: type[HeadvizError]) -> None:
        self._what, self._error = what, error
        self._things: dict[str, Thing] = {}

    def register(self, name: str, thing: Thing) -> Thing:
        if not re.fullmatch(r"[a-z][a-z0-9_-]*", name):
            raise ValueError(f"{self._what} name {name!r} must be lower case letters, digits, '_' and '-'")
        if name in self._things:
            raise ValueError(f"{self._what} {name!r} is registered twice")
        self._things[name] = thing
        return thing

    def __getitem__(self, name: str) -> Thing:
        if name not in self._things:
            close = difflib.get_close_matches(str(name), self._things, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise self._error(f"There is no {self._what} {name!r}; choose one of {', '.join(self._things)}.{hint}")
        return self._things[name]

    def get(self, name: str, default: Thing | None = None) -> Thing | None:  # type: ignore[override]
        return self._things.get(name, default)

    def __contains__(self, name: object) -> bool:
        return name in self._things

    def __iter__(self) -> Iterator[str]:
        return iter(self._things)

    def __len__(self) -> int:
        return len(self._things)
