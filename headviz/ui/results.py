"""What pages show is computed here, by library calls, and kept on the shelf: scores, presets and masks; measured
quality is in `measured`.

Each result has a getter that answers at once (None while unknown) and, where the work takes long, an asker that
starts it in the background. Keys are fingerprints, so sessions share results and moving a slider back finds what was
there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import headviz as hv
from headviz.errors import HeadvizError
from headviz.mask.plain import plain
from headviz.ui import engine
from headviz.ui.calibration import SEED, Base, base_of, hies_of, positions
from headviz.ui.choice import DEFAULT_CALIBRATION
from headviz.ui.jobs import Job, Jobs
from headviz.ui.recorded import block, controls_of, settings_of
from headviz.ui.rules import Rules, room_for, rules_of
from headviz.ui.shelf import Shelf
from headviz.ui.state import OpenedData, Session

if TYPE_CHECKING:
    from headviz.data import Data, Example
    from headviz.head_scores import HeadScores
    from headviz.inspection import AttentionMaps, TokenAttribution
    from headviz.mask import Mask
    from headviz.ui.taken import Taken

_PATIENCE = 1.5  # seconds that a view of one text may take before the page shows its progress instead


@dataclass
class Results:
    """The results of one session's model, data and choice."""

    session: Session
    shelf: Shelf
    jobs: Jobs

    def misfit(self) -> str | None:
        """The sentence on why the data in hand does not go with the model, or None."""
        subject, data = self.session.subject, self.session.data
        if subject is None or data is None:
            return None
        key = ("fit", subject.labels, *(part.fingerprint for part in (data.calibration, data.selection, data.report)))
        known: tuple[str | None] | None = self.shelf.views.get(key)
        if known is None:
            known = self.shelf.views.put(key, (_misfit(data, subject.labels),))
        return known[0]

    @property
    def ready(self) -> bool:
        """Whether a model and data that fit each other are in hand."""
        return self.session.model is not None and self.session.data is not None and self.misfit() is None

    # -- calibration --------------------------------------------------------------------------------------------------

    def calibration_size(self, asked: int | None) -> int:
        """How many examples a calibration size means for this data."""
        assert self.session.data is not None
        total = len(self.session.data.calibration)
        return total if asked is None else min(asked, total)

    def calibration_data(self) -> Data:
        """The examples that scores of the chosen size rest on: a draw of 512, and smaller ones drawn from it."""
        assert self.session.data is not None
        data, size = self.session.data.calibration, self.calibration_size(self.session.choice.calibration)
        if size >= len(data):
            return data
        return data.take(positions(len(data), size))

    def score_key(self, size: int) -> tuple[Any, ...]:
        assert self.session.subject is not None and self.session.data is not None
        return ("scores", self.session.subject.fingerprint, self.session.data.calibration.fingerprint, size)

    def base(self) -> Base | None:
        """The scores at the chosen calibration size. Sizes below the one that a pass was made for need no new pass."""
        if self.session.subject is None or self.session.data is None:
            return None
        size = self.calibration_size(self.session.choice.calibration)
        key = self.score_key(size)
        known: Base | None = self.shelf.scores.get(key)
        if known is None:
            whole: Base | None = self.shelf.scores.get(self.score_key(self._pass_size()))
            if whole is not None and size < len(whole.scores):
                known = self.shelf.scores.put(key, base_of(whole.scores.sample(size, SEED), key))
        return known

    def whole_base(self) -> Base | None:
        """The scores of the pass that smaller calibration sizes are drawn from."""
        return self.shelf.scores.get(self.score_key(self._pass_size()))

    def _pass_size(self) -> int:
        """The size to make a pass for: 512 for anything up to that, so that 32 and 128 come for free."""
        size = self.calibration_size(self.session.choice.calibration)
        return max(size, self.calibration_size(DEFAULT_CALIBRATION))

    def ask_scores(self) -> Job | None:
        """Start the scoring pass unless it is done or was stopped; the job to watch."""
        session, shelf = self.session, self.shelf
        if session.subject is None or session.data is None or self.base() is not None:
            return None
        subject, size = session.subject, self._pass_size()
        key = self.score_key(size)
        data = session.data.calibration
        data = data if size >= len(data) else data.take(positions(len(data), size))

        def work(on_progress: Any, cancel: Any) -> None:
            engine.wait()
            if shelf.scores.get(key) is None:
                scores = hv.score(subject, data, on_progress=on_progress, cancel=cancel)
                shelf.scores.put(key, base_of(scores, key))

        return self.ask(key, f"Scoring heads on {size:,} examples", work)

    def breaks(self) -> list[tuple[float, float, Mask]] | None:
        """Every different mask that alpha can give at the present cut, with its interval of alpha."""
        base, prune = self.base(), self.session.choice.prune
        if base is None or prune is None:
            return None
        normalise = self.session.option("hies", "normalise", "global")
        prune, rules = self._rules(self.session.choice.locks)
        key = ("breaks", *base.key, prune, normalise, repr(rules))
        known = self.shelf.breaks.get(key)
        if known is None:
            known = self.shelf.breaks.put(key, base.scores.alpha_breaks(prune, normalise=normalise, **rules))
        return known

    def alpha_interval(self) -> tuple[int, float, float] | None:
        """Which of the masks that alpha can give stands now, counted from 0, and its interval of alpha."""
        alpha = self.session.choice.alpha
        breaks = self.breaks() or []
        place = next(
            (i for i, (low, high, _) in enumerate(breaks) if low <= alpha < high or low == high == alpha), None
        )
        if place is None and breaks and alpha >= breaks[-1][0]:
            place = len(breaks) - 1
        return None if place is None else (place, *breaks[place][:2])

    # -- criteria and the mask ----------------------------------------------------------------------------------------

    def options(self, criterion: str) -> dict[str, Any]:
        """Every option of a criterion with its value in force."""
        return {
            name: self.session.option(criterion, name, option.default)
            for name, option in hv.criteria[criterion].options.items()
        }

    def seed(self, criterion: str) -> int:
        """The seed of a criterion that one decides."""
        return int(self.session.option(criterion, "seed", 0)) if hv.criteria[criterion].seeded else 0

    def _criterion_key(self, criterion: str) -> tuple[Any, ...]:
        assert self.session.subject is not None
        options = tuple(sorted((name, repr(value)) for name, value in self.options(criterion).items()))
        key: tuple[Any, ...] = ("criterion", criterion, options, self.seed(criterion), self.session.subject.fingerprint)
        if hv.criteria[criterion].needs != "model" and self.session.data is not None:
            data = self.session.data.calibration
            key += (data.fingerprint, self.calibration_size(self.session.choice.calibration))
        return key

    def head_scores(self, criterion: str | None = None) -> HeadScores | None:
        """The chosen criterion's value per head, or None while it has to be computed."""
        session = self.session
        criterion = criterion or session.choice.criterion
        base = self.base()
        if session.subject is None:
            return None
        if criterion == "hies":
            return None if base is None else hies_of(base, session.choice.alpha, self.options("hies")["normalise"])
        known: HeadScores | None = self.shelf.head_scores.get(self._criterion_key(criterion))
        if known is None and base is not None and not self.is_slow(criterion):
            data = self.calibration_data()
            options, seed = self.options(criterion), self.seed(criterion)
            made = hv.criteria[criterion](session.subject, data, scores=base.scores, seed=seed, **options)
            known = self.shelf.head_scores.put(self._criterion_key(criterion), made)
        return known

    def settle_options(self) -> None:
        """Drop options from a link that the criterion does not have or allow, with a note."""
        session = self.session
        for criterion, chosen in list(session.choice.options.items()):
            known = controls_of(criterion) if criterion in hv.criteria else {}
            for name, value in list(chosen.items()):
                try:
                    chosen[name] = known[name].check(name, value)
                except (KeyError, HeadvizError):
                    del chosen[name]
                    session.notes.append("An option in the link is not one of the criterion's; its default stands.")

    @staticmethod
    def is_slow(criterion: str) -> bool:
        """Whether a criterion runs the model itself, so that it is computed only when asked."""
        return hv.criteria[criterion].needs == "data"

    def ask_head_scores(self) -> Job | None:
        """Start computing a slow criterion."""
        session, shelf = self.session, self.shelf
        criterion = session.choice.criterion
        if session.subject is None or session.data is None or self.head_scores() is not None:
            return None
        subject, data = session.subject, self.calibration_data()
        options, seed = self.options(criterion), self.seed(criterion)
        key, base = self._criterion_key(criterion), self.base()

        def work(on_progress: Any, cancel: Any) -> None:
            engine.wait()
            scores = base.scores if base else None
            made = hv.criteria[criterion](
                subject, data, scores=scores, seed=seed, on_progress=on_progress, cancel=cancel, **options
            )
            shelf.head_scores.put(key, made)

        return self.ask(key, f"{hv.criteria[criterion].title} of every head", work)

    def criterion_job(self) -> Job | None:
        return self.jobs.get(self._criterion_key(self.session.choice.criterion))

    def by_criterion(self, locks: Mapping[str, bool] | None = None) -> Mask | None:
        """The mask that criterion, options and number of heads give under the locks and rules in force (or under
        ``locks``), without edits; None while unknown. As many heads are cut as the rules leave room for; where that is
        none, no criterion is needed."""
        subject, scores = self.session.subject, self.head_scores()
        if subject is None or self.session.choice.prune is None:
            return None
        if not self._rules(self.session.choice.locks if locks is None else locks)[0]:
            return hv.Mask.full(subject)
        return None if scores is None else self.cut_by(scores, locks)

    def preset(self, locks: Mapping[str, bool] | None = None) -> Mask | None:
        """What stands below the changes by hand: the mask in the criterion's place, else what the criterion gives."""
        taken = self.session.choice.taken
        return taken.mask if taken is not None else self.by_criterion(locks)

    def cut_by(self, scores: HeadScores, locks: Mapping[str, bool] | None = None) -> Mask:
        """The mask that ``scores`` give at the present number of heads under the rules in force."""
        prune, rules = self._rules(self.session.choice.locks if locks is None else locks)
        return hv.select(scores, prune, **rules)

    def _rules(self, locks: Mapping[str, bool]) -> tuple[int, Rules]:
        """How many heads go, and the rules, as ``hv.select`` takes them. A head that was locked as a hand had set it
        stays that hand's: were the criterion to count it, another head would take its place."""
        choice, subject = self.session.choice, self.session.subject
        assert subject is not None and choice.prune is not None
        locks = {head: kept for head, kept in locks.items() if choice.edits.get(head) != kept}
        return room_for(choice.prune, subject.heads, locks, choice.least), rules_of(locks, choice.least)

    def mask(self) -> Mask | None:
        """The mask that stands."""
        return self.session.mask(self.preset())

    def known_mask(self) -> Mask | None:
        """The mask that stands, or None while there is none or something is wrong with it, which its page tells."""
        try:
            if self.ready:
                return self.mask()
            taken = self.session.choice.taken
            return None if taken is None else self.session.mask(taken.mask)
        except HeadvizError:
            return None

    def settle_link(self) -> None:
        """Once it is known what the criterion gives, a link's mask is that and what the link has otherwise."""
        taken = self.session.choice.taken
        if self.ready and taken is not None and taken.kind == "link":
            with contextlib.suppress(HeadvizError):  # what is wrong with the criterion, its page tells
                if (preset := self.by_criterion()) is not None:
                    self.session.settle_link(preset)

    def take(self, taken: Taken) -> None:
        """Make a mask the one in hand, with the criterion's settings that it records as far as they are valid."""
        record = taken.mask.provenance
        criterion, selection = block(record.get("criterion")), block(record.get("selection"))
        changes = settings_of(criterion)
        prune = selection.get("prune")
        if type(prune) is int and 0 <= prune <= self.session.heads:
            changes["prune"] = prune
        if "options" in changes:
            options = {**self.session.choice.options, **changes["options"]}
            changes["options"] = {name: chosen for name, chosen in options.items() if chosen}
        self.session.take(taken, **changes)
        if "alpha" in changes:
            self.session.alpha_stops.add(changes["alpha"])

    def scores_behind(self, mask: Mask) -> HeadScores | None:
        """The chosen criterion's scores where ``mask`` goes by them, as far as its record says: only then do they
        explain it."""
        scores, record = self.head_scores(), mask.provenance
        criterion = block(record.get("criterion"))
        if scores is None or criterion.get("name", scores.criterion) != scores.criterion:
            return None
        if "name" not in criterion:  # nothing chose it, or a link's
            return scores if self.session.choice.taken is None else None
        data, own = block(scores.provenance.get("data")), block(record.get("data"))
        same = plain(scores.options) == criterion.get("options", {}) and data.get("fingerprint") == own.get(
            "fingerprint"
        )
        return scores if same else None

    # -- single heads and texts ---------------------------------------------------------------------------------------

    def score_interval(self, which: str) -> tuple[np.ndarray, np.ndarray] | None:
        """The 95 % interval of every head's HIS ("his") or attention entropy ("ae"), each (L, H)."""
        base = self.base()
        if base is None:
            return None
        key = ("interval", which, *base.key)
        known = self.shelf.views.get(key)
        return known if known is not None else self.shelf.views.put(key, base.scores.interval(which))

    def label_of(self, example: Example) -> str | None:
        """The true label of an example to choose on, by the model's name for it."""
        from headviz.labels import match_labels

        assert self.session.subject is not None and self.session.data is not None
        if example.label is None:
            return None
        data, labels = self.session.data.selection, self.session.subject.labels
        key = ("labels", data.fingerprint, labels)
        known = self.shelf.views.get(key)
        if known is None:
            matched = dict(zip(data.ids.tolist(), match_labels(data, labels).tolist(), strict=True))
            known = self.shelf.views.put(key, matched)
        return labels[known[example.id]]

    def attention(self, text: Any, head: str) -> tuple[AttentionMaps | None, Job | None]:
        """The attention map of a head on a text, or the job that makes it."""
        subject = self.session.subject
        assert subject is not None

        def make(on_progress: Any, cancel: Any) -> AttentionMaps:
            from headviz.inspection import attention_of

            return attention_of(subject, text, [head])

        return self._view(("attention", subject.fingerprint, head, text), f"Attention of {head}", make)

    def attribution(self, text: Any) -> tuple[TokenAttribution | None, Job | None]:
        """Each token's part in the predicted label's logit, or the job that makes it."""
        subject = self.session.subject
        assert subject is not None

        def make(on_progress: Any, cancel: Any) -> TokenAttribution:
            from headviz.inspection import token_attribution

            return token_attribution(subject, text, on_progress=on_progress, cancel=cancel)

        return self._view(("attribution", subject.fingerprint, text), "Attributing tokens", make)

    @staticmethod
    def soon(ask: Callable[..., tuple[Any | None, Job | None]], *args: Any) -> tuple[Any | None, Job | None]:
        """What ``ask`` (`attention`, `attribution`) gives, after waiting a moment for a job that is nearly always
        short."""
        known, job = ask(*args)
        if job is not None and job.ended.wait(_PATIENCE):
            known, job = ask(*args) if job.state == "done" else (None, job)
        return known, job

    def _view(self, key: tuple[Any, ...], title: str, make: Callable[..., Any]) -> tuple[Any | None, Job | None]:
        known = self.shelf.views.get(key)
        if known is not None:
            return known, None

        def work(on_progress: Any, cancel: Any) -> None:
            engine.wait()
            self.shelf.views.put(key, make(on_progress, cancel))

        return None, self.ask(key, title, work, kind=f"view {key[0]}", alone=True)

    def ask(self, key: Any, title: str, work: Any, *, kind: str = "", alone: bool = False) -> Job:
        """The job of this key, started if there is none. One that failed, or that the visitor stopped, stays so
        until it is forgotten; one that gave way to a newer one, or whose result has left the shelf, starts again."""
        job = self.jobs.get(key)
        if job is None or job.gave_way or job.state == "done":
            job = self.jobs.start(key, title, work, kind=kind, alone=alone)
        return job


def _misfit(data: OpenedData, labels: tuple[str, ...]) -> str | None:
    from headviz.labels import match_labels

    try:
        for part in (data.calibration, data.selection, data.report):
            match_labels(part, labels)
    except HeadvizError as error:
        return str(error)
    return None
