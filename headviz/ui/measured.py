"""Measured quality of masks: on the examples to choose on while a mask is made, on those to report on in the end.

The first examples are measured before the rest, and only the layers from an edit on are run again (`headviz.replay`).
What was measured stays on the shelf, by fingerprints and the mask's code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import headviz as hv
from headviz.ui import engine
from headviz.ui.jobs import Job
from headviz.ui.results import Results

if TYPE_CHECKING:
    from headviz.data import Data
    from headviz.evaluation import Evaluation
    from headviz.mask import Mask
    from headviz.replay import Replay

LARGE = 3000  # examples: above, quality is measured on a draw unless all are asked for
LARGE_DRAW = 2000
FIRST = 64  # examples that are measured before the rest
MEMORY = 256 * 2**20  # bytes of hidden states that one visitor's edits keep at most


@dataclass
class Measured:
    """Measured quality in one session, on one ``part`` of its data; ``final``: of the report split all of it, as the
    figure to quote has it."""

    results: Results
    part: Literal["selection", "report"] = "selection"
    final: bool = False

    # -- the examples -------------------------------------------------------------------------------------------------

    @property
    def whole_data(self) -> Data:
        """All examples of the part."""
        assert self.results.session.data is not None
        data: Data = getattr(self.results.session.data, self.part)
        return data

    def data(self) -> Data:
        """The examples measured on: all, or a seeded draw where the visitor or their number asks for it."""
        from headviz.replay import drawn

        data, size = self.whole_data, self.size()
        if size is None or size >= len(data):
            return data
        drawn_data: Data | None = self.results.shelf.drawn.get((data.fingerprint, size))
        if drawn_data is None:
            drawn_data = data.take(drawn(len(data), size))
            drawn_data = self.results.shelf.drawn.put((data.fingerprint, size), drawn_data)
        return drawn_data

    def size(self) -> int | None:
        """How many examples to measure on, None for all: what was chosen, or a size that does not take minutes. The
        report split is no matter of choice: all of it for the final figure, else a draw of what would take long."""
        if self.final:
            return None
        if self.part == "selection" and self.results.session.measure_on != 0:
            return self.results.session.measure_on
        return None if len(self.whole_data) <= LARGE else LARGE_DRAW

    # -- what is known ------------------------------------------------------------------------------------------------

    def _of_data(self) -> tuple[Any, ...]:
        assert self.results.session.subject is not None
        return self.results.session.subject.fingerprint, self.whole_data.fingerprint, len(self.data())

    def _key(self, mask: Mask | None) -> tuple[Any, ...]:
        return ("evaluation", *self._of_data(), None if mask is None or not mask.pruned else mask.code)

    @property
    def _there(self) -> bool:
        return self.results.session.subject is not None and self.results.session.data is not None

    def evaluation(self, mask: Mask | None = None) -> Evaluation | None:
        """Quality under ``mask`` (None: the whole model)."""
        return self.results.shelf.evaluations.get(self._key(mask)) if self._there else None

    def first(self, mask: Mask | None = None) -> Evaluation | None:
        """Quality on the first examples alone."""
        from headviz.replay import drawn, taken

        whole = self.evaluation(mask)
        if whole is not None:
            return taken(whole, drawn(len(whole), FIRST))
        return self.results.shelf.first_evaluations.get(self._key(mask)) if self._there else None

    # -- measuring ----------------------------------------------------------------------------------------------------

    def ask(self, mask: Mask | None = None) -> Job | None:
        """Start measuring unless it is done; a newer mask stops the measuring of an older one."""
        if not self._there or self.evaluation(mask) is not None:
            return None
        shelf, subject, data, key = self.results.shelf, self.results.session.subject, self.data(), self._key(mask)
        assert subject is not None
        whole, part = key[-1] is None, "" if self.part == "selection" else " to report"
        what = "the whole model" if whole else "this mask"

        def keep_first(first: Evaluation) -> None:
            shelf.first_evaluations.replace(key, first)

        def work(on_progress: Any, cancel: Any) -> None:
            engine.wait()
            if shelf.evaluations.get(key) is not None:
                return
            follow = {"on_progress": on_progress, "cancel": cancel}
            if self.part == "report":
                made = hv.evaluate(subject, data, mask, **follow)
            else:
                made = self.replay(data).evaluate(mask, on_first=keep_first, **follow)
            shelf.evaluations.put(key, made)

        kind = f"{'whole' if whole else 'measure'} {self.part}"
        title = f"Measuring {what} on {len(data):,} examples{part}"
        return self.results.ask(key, title, work, kind=kind, alone=not whole)

    def job(self, mask: Mask | None = None) -> Job | None:
        return self.results.jobs.get(self._key(mask))

    def replay(self, data: Data) -> Replay:
        """This visitor's own replay on ``data``, so that nobody's edits undo another's hidden states."""
        from headviz.replay import Replay

        key = ("replay", id(self.results.jobs), *self._of_data())
        known: Replay | None = self.results.shelf.replays.get(key)
        if known is None:
            assert self.results.session.subject is not None
            made = Replay(self.results.session.subject, data, first=FIRST, memory=MEMORY)
            known = self.results.shelf.replays.put(key, made)
        return known
