"""What one visitor has open and has chosen. Plain Python: pages read it, callbacks change it, the link mirrors it.

These are master values. A widget has a key of its own, gets the master's value before it is drawn and copies its value
back in its callback, so settings survive page changes, and presets, undo and links change them in one place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from headviz.errors import MaskError
from headviz.mask.heads import in_both, in_whole
from headviz.ui import links
from headviz.ui.choice import DEFAULT_SHARE, Choice, deepcopy_choice
from headviz.ui.edits import edits_between, with_edits
from headviz.ui.named_model import NamedModel
from headviz.ui.plan_choice import PlanChoice
from headviz.ui.recover_choice import RecoverChoice
from headviz.ui.taken import Taken

if TYPE_CHECKING:
    from headviz.data import Data
    from headviz.mask import Mask
    from headviz.outline import Outline
    from headviz.subject import Subject
    from headviz.ui.kept_runs import KeptRuns
    from headviz.ui.recoveries import RecoveryRun
    from headviz.ui.steps import Step

_LONGEST_PAST = 200
Address = frozenset[tuple[str, str]]
_OF_THE_PRESET = frozenset({"criterion", "alpha", "prune", "options", "calibration"})  # what a mask rests on


@dataclass(frozen=True)
class OpenedModel:
    """A model in hand. ``link``: how it stands in a link (a demo, a hub id, or the fingerprint of a folder model)."""

    subject: Subject
    source: str
    link: str


@dataclass(frozen=True)
class OpenedData:
    """Data in hand: scores come from ``calibration``, masks are chosen by their quality on ``selection`` (which may be
    the same rows), and final figures come from ``report``, which shares no row with either.

    ``link``: None for files and uploads, which a link never carries. ``note`` says how the parts came about.
    ``recipe``: what opens the same again on this machine, see `headviz.ui.opening`.
    """

    calibration: Data
    selection: Data
    report: Data
    source: str
    link: str | None
    note: str
    halved: bool = False
    recipe: Mapping[str, Any] | None = None

    @property
    def raw_labels(self) -> set[int | str]:
        """The values in the label columns of all parts; empty where there are none."""
        parts = (self.calibration, self.selection, self.report)
        return {raw for part in parts for raw in part.raw_labels if raw is not None}


@dataclass(frozen=True)
class AskedData:
    """Data as they were asked for: uploaded ``files`` (names and contents), or a ``source`` by its name or path."""

    source: str | None = None
    files: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True)
class Mend:
    """Data that were ``refused``, or that lack their labels: what was asked for, with which ``options`` of
    ``hv.load_data`` and which splits, and the ``outline`` to choose from."""

    refused: bool
    asked: AskedData
    options: Mapping[str, Any]
    splits: tuple[str | None, ...]
    outline: Outline


@dataclass
class Session:
    """Everything of one visitor that is not a cache."""

    model: OpenedModel | None = None
    data: OpenedData | None = None
    wanted_model: str | None = None  # from a link, not open yet
    wanted_data: str | None = None
    wanted_mask: str | None = None  # a mask code whose model is not open yet
    belongs: NamedModel | None = None  # the model that choice, history and masks are of, open or not
    reopen: Mapping[str, Any] | None = None  # where this visit had opened model and data from, to do it again by itself
    reopening: bool = False  # that is still to be tried
    choice: Choice = field(default_factory=Choice)
    picked: str | None = None  # the head looked at, "L3H7"
    typed: list[str] = field(default_factory=list)  # the text to look at, or both of a pair
    text_source: str | None = None  # whether it is that or an example; None until chosen
    example: tuple[str, int] | None = None  # a fingerprint of data, and the number of the example looked at
    metric: str | None = None
    plan: PlanChoice = field(default_factory=PlanChoice)
    last_knee: tuple[str, int] | None = None  # a model and the last number of clusters that its plan had
    measure_on: int | None = 0  # examples to measure quality on: None all, 0 until chosen
    notes: list[str] = field(default_factory=list)  # about links and files, until the next choice
    troubles: list[str] = field(default_factory=list)  # why something could not be opened
    mend: Mend | None = None  # data that can be opened once columns are chosen
    past: list[Choice] = field(default_factory=list)
    future: list[Choice] = field(default_factory=list)
    written: dict[str, str] = field(default_factory=dict)  # what stands in the address by our own hand
    visited: dict[Address, Choice] = field(default_factory=dict)  # what stood under an address that was written before
    own_run: bool = (
        False  # this run began on the page or by ourselves, not by Back or a link: the address may be behind
    )
    rev: int = 0  # of the mask that the head grid shows
    grid_code: str | None = None
    steps: list[Step] = field(default_factory=list)  # the masks that stood, one after another
    named: dict[str, Mask] = field(default_factory=dict)  # masks that were put aside under a name
    improving: Mask | None = None  # the mask that swaps are tried on
    reported: list[str] = field(default_factory=list)  # codes of masks measured on the examples to report on
    recovering: RecoverChoice = field(default_factory=RecoverChoice)
    recoveries: dict[tuple[Any, ...], RecoveryRun] = field(default_factory=dict)  # by their keys, the oldest first
    kept_runs: KeptRuns | None = None  # in whose place they are, on the visitor's own machine
    shown_recovery: tuple[Any, ...] | None = None  # the key of the one that is looked at
    alpha_stops: set[float] = field(default_factory=set)  # values of alpha between the slider's own stops

    @property
    def subject(self) -> Subject | None:
        return self.model.subject if self.model else None

    @property
    def whole_names(self) -> dict[str, str]:
        """Of a pruned model the name of each head in the whole model; of another nothing."""
        whole = getattr(self.subject, "whole_heads", None)
        return {} if self.subject is None or whole is None else in_whole(self.subject.heads, whole)

    def told(self, text: str) -> str:
        """``text`` with the heads of a pruned model named as in the whole model, too."""
        return in_both(text, self.whole_names)

    @property
    def heads(self) -> int:
        return int(sum(self.model.subject.heads)) if self.model else 0

    @property
    def runs(self) -> dict[tuple[Any, ...], RecoveryRun]:
        """The runs of recovery, by their keys, the oldest first."""
        return self.recoveries if self.kept_runs is None else self.kept_runs.runs

    # -- choices ------------------------------------------------------------------------------------------------------

    def commit(self, **changes: Any) -> None:
        """Change fields of the choice as one step that undo can take back."""
        before = deepcopy_choice(self.choice)
        if (_OF_THE_PRESET - {"calibration"}) & set(changes):  # a mask that was taken rests on no calibration size
            changes.setdefault("taken", None)
        for name, value in changes.items():
            setattr(self.choice, name, value)
        self.own_run = True
        self.notes.clear()
        self.troubles.clear()
        if before != self.choice:
            self.past.append(before)
            del self.past[:-_LONGEST_PAST]
            self.future.clear()

    def undo(self) -> None:
        self._move(self.past, self.future)

    def redo(self) -> None:
        self._move(self.future, self.past)

    def _move(self, source: list[Choice], target: list[Choice]) -> None:
        if source:
            target.append(self.choice)
            self.choice = source.pop()
            self.own_run = True
            self.notes.clear()

    def option(self, criterion: str, name: str, default: Any) -> Any:
        if name == "alpha":
            return self.choice.alpha
        return self.choice.options.get(criterion, {}).get(name, default)

    def set_option(self, criterion: str, name: str, value: Any, default: Any) -> None:
        if name == "alpha":
            self.set_alpha(float(value))
            return
        options = deepcopy(self.choice.options)
        options.setdefault(criterion, {})[name] = value
        if value == default:
            del options[criterion][name]
        self.commit(options={key: chosen for key, chosen in options.items() if chosen})

    def set_alpha(self, alpha: float) -> None:
        self.alpha_stops.add(alpha)
        self.commit(alpha=alpha)

    def choose_plan(self, **changes: Any) -> None:
        """Change settings of CAHP; they stand in the link and undo leaves them alone."""
        self.plan, self.own_run = self.plan.with_(**changes), True
        self.notes.clear()
        self.troubles.clear()

    def take(self, taken: Taken, **settings: Any) -> None:
        """Make a mask the one in hand, as one step: it stands in the criterion's place. ``settings``: of the criterion,
        as the mask's record has them."""
        settings.setdefault("prune", len(taken.mask.pruned))
        self.commit(taken=taken, edits={}, by_link=(), **settings)

    def pick(self, head: str | None) -> None:
        self.picked, self.own_run = head, True

    # -- the model and the data ---------------------------------------------------------------------------------------

    def open_model(self, model: OpenedModel) -> None:
        """Take a model in hand. Settings that a link brought for it stay; edits and masks go with the model they were
        made for."""
        subject, wanted = model.subject, self.wanted_model
        same = self.belongs is not None and self.belongs.fingerprint == subject.fingerprint
        self.model, self.wanted_model, self.belongs = model, None, NamedModel.of(model)
        if not same:
            self.past, self.future = [], []
            self._drop_mask()
            self.choice.locks, self.choice.least, self.picked = {}, 0, None
            self.steps, self.named, self.reported, self.improving = [], {}, [], None
            self.visited.clear()
            self.plan = self.plan.with_(count=None)
            if wanted is None:
                self.choice.prune = None
        if wanted is not None and links.is_fingerprint(wanted) and wanted != subject.fingerprint and self.wanted_mask:
            self.wanted_mask = None
            self.notes.append("The link's mask was left out: the link was for another model.")
        self.settle_prune()
        self.adopt_mask()

    def settle_prune(self) -> None:
        """Give the number of heads to cut its default where there is none, or one that the model cannot bear."""
        if self.choice.prune is not None and self.choice.prune > self.heads:
            self.notes.append(
                f"{self.choice.prune} heads to cut were asked for, but this model has {self.heads}; "
                "the default stands instead."
            )
            self.choice.prune = None
        if self.choice.prune is None:
            self.choice.prune = round(DEFAULT_SHARE * self.heads)

    def adopt_mask(self) -> None:
        """Turn the mask code of a link into the mask, once its model is open."""
        if self.wanted_mask is None or self.model is None:
            return
        from headviz.mask import Mask

        code, self.wanted_mask = self.wanted_mask, None
        try:
            mask = Mask.from_code(code, self.model.subject).with_step({"by": "link"})
        except MaskError as error:
            self.notes.append(f"The link's mask was left out. {error}")
            return
        self._drop_mask()
        self.choice.taken = Taken("link", mask)

    def _drop_mask(self) -> None:
        """Go by the criterion alone, locks aside."""
        self.choice.taken, self.choice.edits, self.choice.by_link = None, {}, ()

    # -- the mask -----------------------------------------------------------------------------------------------------

    def mask(self, under: Mask | None) -> Mask | None:
        """The mask that stands: ``under`` (what the criterion gives, or the mask in its place; None while unknown) with
        the changes made by hand and by locks."""
        choice = self.choice
        return None if under is None else with_edits(under, choice.edits, choice.locks, choice.by_link)

    def settle_link(self, preset: Mask) -> None:
        """Turn the mask of a link into what the criterion gives (``preset``) and the heads that the link has otherwise,
        which count as changed by hand from then on, so that they outlast a move of the criterion."""
        taken = self.choice.taken
        if taken is None or taken.kind != "link":
            return
        by_link = edits_between(preset, taken.mask)
        self.choice.taken = None
        self.choice.edits = edits_between(preset, with_edits(taken.mask, self.choice.edits))
        self.choice.by_link = tuple(head for head in by_link if self.choice.edits.get(head) == by_link[head])

    def toggle(self, heads: Iterable[str], mask: Mask, under: Mask, locks: Mapping[str, bool] | None = None) -> None:
        """Change ``heads`` of ``mask``, the one that stands, by hand, as one step. ``under``: what stands below the
        changes by hand; ``locks``: those from now on (None: those in force)."""
        edits, changed = dict(self.choice.edits), set(heads)
        below, standing = set(under.kept), set(mask.kept)
        for head in changed:
            edits.pop(head, None)
            if (head in standing) == (head in below):
                edits[head] = head not in standing
        by_link = tuple(head for head in self.choice.by_link if head not in changed)
        rules = {} if locks is None else {"locks": dict(locks)}
        self.commit(edits=edits, by_link=by_link, **rules)

    def remember(self, address: Mapping[str, str]) -> None:
        """Keep what stands under ``address``, for when the visitor comes back to it: a link alone does not tell what
        chose a head."""
        self.visited.pop(key := frozenset(address.items()), None)
        self.visited[key] = deepcopy_choice(self.choice)
        if len(self.visited) > _LONGEST_PAST:
            del self.visited[next(iter(self.visited))]

    # -- the link -----------------------------------------------------------------------------------------------------

    def adopt_link(self, asked: Mapping[str, list[str]], criteria: tuple[str, ...] | None = None) -> None:
        """Take over what an address asks for; see `headviz.ui.links` for the rule."""
        found, notes = links.read(asked, self.written, criteria=criteria)
        self.notes.extend(notes)
        if not found:
            return
        if (known := self.visited.get(_address_of(asked))) is not None and not {"model", "data"} & set(found):
            self.choice, self.plan = deepcopy_choice(known), found.get("cahp", self.plan)
            self.alpha_stops.add(known.alpha)
            return
        choice = self.choice
        if "criterion" in found:
            found.setdefault("options", {})  # a link that names a criterion speaks of its options, too
        if "model" in found and found["model"] != (self.model.link if self.model else None):
            self.wanted_model, self.wanted_data = found["model"], found.get("data")
        elif "data" in found and found["data"] != (self.data.link if self.data else None):
            self.wanted_data = found["data"]
        for name in ("criterion", "alpha", "prune", "calibration"):
            if name in found:
                setattr(choice, name, found[name])
        self.plan = found.get("cahp", self.plan)
        if "alpha" in found:
            self.alpha_stops.add(choice.alpha)
        if "options" in found:
            choice.options = {choice.criterion: found["options"]} if found["options"] else {}
        if _OF_THE_PRESET & set(found) and "mask" not in asked:
            self._drop_mask()
        if "prune" in found and self.model and self.wanted_model is None:
            self.settle_prune()
        if "mask" in found:
            self.wanted_mask = found["mask"]
        elif _OF_THE_PRESET & set(found) and asked.get("mask"):
            self.wanted_mask = asked["mask"][0] if len(asked["mask"]) == 1 else None
        if self.wanted_model is None:
            self.adopt_mask()

    def address(self, mask: Mask | None, interval: tuple[float, float] = (0.0, 1.0)) -> dict[str, str]:
        """The link of this state. ``interval``: of alpha, in which the mask stays the same."""
        if self.model is None and self.wanted_model is None:
            return {}
        choice = self.choice
        opening = self.wanted_model is not None
        code = self.wanted_mask if opening or mask is None else mask.code
        return links.write(
            model=self.wanted_model or (self.model.link if self.model else None),
            data=self.wanted_data or (self.data.link if self.data and not opening else None),
            criterion=choice.criterion,
            alpha=links.alpha_text(choice.alpha, *interval),
            prune=choice.prune,
            mask=code,
            options=choice.options.get(choice.criterion),
            calibration=choice.calibration,
            cahp=self.plan,
        )


def _address_of(asked: Mapping[str, Sequence[str]]) -> Address:
    return frozenset((name, value) for name, values in asked.items() for value in values)
