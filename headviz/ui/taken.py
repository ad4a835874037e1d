"""Taken: a mask that stands in the criterion's place, and where it came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from headviz.ui.recorded import title_of

if TYPE_CHECKING:
    from headviz.mask import Mask

Kind = Literal["plan", "file", "search", "link", "earlier"]


@dataclass(frozen=True)
class Taken:
    """``mask``, with its own record, in the criterion's place until one is chosen again. ``kind``: a "plan" of CAHP, a
    "file", a "search" by swaps, a "link" (until it is known what the criterion gives: `Session.settle_link`), or one
    that stood "earlier" in this visit. ``name``: of the file, or of the earlier mask, for people."""

    kind: Kind
    mask: Mask
    name: str = ""

    @property
    def owner(self) -> str:
        """Whose mask it is, as the end of "The current mask is ..."; ``name`` as it is, so escape it for Markdown."""
        if self.kind == "search":
            budgets = [step.get("budget") for step in self.mask.steps if step.get("by") == "search"]
            return "that of a search by swaps" + (f" of at most {budgets[-1]} evaluations" if budgets else "")
        name = self.mask.provenance.get("criterion", {}).get("name")
        chosen = f", chosen by {title_of(name)}" if name else ""
        return {
            "plan": "CAHP's, taken over from Complementarity",
            "file": f"that of the file {self.name}{chosen}",
            "link": "the link's",
            "earlier": f"an earlier one of this visit{f' ({self.name})' if self.name else ''}{chosen}",
        }[self.kind]
