"""What a visitor has chosen for CAHP: plain values, as the link carries them; None is what the preset says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from headviz.complementarity.distance import distances
from headviz.complementarity.knee import MOST_DEGREE
from headviz.complementarity.presets import PRESETS, PROBE, PlanOptions, SignatureOptions, option_of, resolve
from headviz.complementarity.space import spaces
from headviz.errors import ScoreError

DEGREES: tuple[int | None, ...] = (*range(1, MOST_DEGREE + 1), None)  # None: no smoothing
_NONE = "none"


@dataclass(frozen=True)
class PlanChoice:
    """The settings of the Complementarity page. ``count``: of heads, in the place of the knee's; ``degree`` None is no
    smoothing, ``grid`` and ``seed`` None are the preset's."""

    preset: str = "headviz"
    grid: int | None = None
    degree: int | None = 6
    space: str = "tsne"
    distance: str = "jm"
    representative: str = "salience"
    guard: bool = True
    seed: int | None = None
    count: int | None = None

    def with_(self, **changes: Any) -> PlanChoice:
        return replace(self, **changes)

    @property
    def of_signatures(self) -> dict[str, Any]:
        """The arguments of `hv.signatures`."""
        given: dict[str, Any] = {"preset": self.preset}
        if self.grid is not None:
            given["grid"] = self.grid
        if self.distance == "cka":
            given["probe"] = PROBE
        return given

    @property
    def of_groups(self) -> dict[str, Any]:
        """The arguments of `hv.cahp` on which curve and clusters depend."""
        given: dict[str, Any] = {"preset": self.preset, "space": self.space, "distance": self.distance}
        return given if self.seed is None else {**given, "seed": self.seed}

    @property
    def of_plan(self) -> dict[str, Any]:
        """All arguments of `hv.cahp` but the degree, which a plan changes in an instant."""
        return {**self.of_groups, "representative": self.representative, "guard": self.guard}

    @property
    def asked_grid(self) -> int:
        """The side of the grid that is asked for."""
        return resolve(SignatureOptions, self.preset, {}).grid if self.grid is None else self.grid

    @property
    def seed_in_use(self) -> int:
        return resolve(PlanOptions, self.preset, {}).seed if self.seed is None else self.seed

    def pairs(self) -> dict[str, str]:
        """Name -> text, of what is not the default."""
        default = PlanChoice()
        return {
            one.name: _text(getattr(self, one.name))
            for one in fields(self)
            if getattr(self, one.name) != getattr(default, one.name)
        }

    @classmethod
    def of_pairs(cls, pairs: Mapping[str, str]) -> PlanChoice:
        """What `pairs` gave. Raises ScoreError for a name or value that there is not."""
        if unknown := set(pairs) - set(_READERS):
            raise ScoreError(f"There is no setting {min(unknown)!r}.")
        return cls(**{name: _READERS[name](text) for name, text in pairs.items()})


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return _NONE if value is None else str(value)


def _one_of(*names: str) -> Any:
    def read(text: str) -> str:
        if text not in names:
            raise ScoreError(f"It must be one of {', '.join(names)}.")
        return text

    return read


def _whole(low: float | None, high: float | None, *, optional: bool = False) -> Any:
    def read(text: str) -> int | None:
        if optional and text == _NONE:
            return None
        if not (text.isascii() and text.isdigit() and (low or 0) <= int(text) <= (high or 0)):
            raise ScoreError(f"It must be a whole number from {low} to {high}.")
        return int(text)

    return read


def _range(kind: Any, name: str) -> tuple[float | None, float | None]:
    option = option_of(kind, name)
    return option.low, option.high


_REPRESENTATIVES = option_of(PlanOptions, "representative").choices
_READERS: dict[str, Any] = {
    "preset": _one_of(*PRESETS),
    "grid": _whole(*_range(SignatureOptions, "grid")),
    "degree": _whole(1, MOST_DEGREE, optional=True),
    "space": _one_of(*spaces),
    "distance": _one_of(*distances),
    "representative": _one_of(*_REPRESENTATIVES),
    "guard": lambda text: _one_of("on", "off")(text) == "on",
    "seed": _whole(*_range(PlanOptions, "seed")),
    "count": _whole(1, 999_999),
}
