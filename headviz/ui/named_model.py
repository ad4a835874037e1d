"""A model by name: what a visit, a session file and a kept run say of theirs while it is not open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headviz.ui.state import OpenedModel


@dataclass(frozen=True)
class NamedModel:
    """A model that need not be open: its name, fingerprint and heads of each layer, and how it stands in a link."""

    name: str
    fingerprint: str
    link: str
    heads: tuple[int, ...]

    @classmethod
    def of(cls, model: OpenedModel) -> NamedModel:
        return cls(model.subject.name, model.subject.fingerprint, model.link, tuple(model.subject.heads))
