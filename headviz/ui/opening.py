"""Opening models and data from a page: in the background, by a button, or by a link that names a demo."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headviz.errors import DataError, HeadvizError
from headviz.readers.table import ChoiceError
from headviz.ui import engine, recipes, sources
from headviz.ui.choice import DEFAULT_CRITERION
from headviz.ui.jobs import Job
from headviz.ui.page import Page, criteria
from headviz.ui.state import AskedData, Mend, OpenedData, OpenedModel, Session
from headviz.ui.waiting import wait_for

_KEY = "open"
_ANY: tuple[str | None, ...] = (None, None, None)
_LABELS_SAID = (  # what the library advises on labels, and how that is done here
    (
        r" Pass labels=.*| Say which with labels=.*",
        " Say on Home what each label means, or open data without such rows.",
    ),
    (r" Give a mapping such as labels=.*", " Say on Home what each label means, or mend the row."),
    (
        r" Name the label's with label=.*",
        " Choose the label column on Home, or open data with labels.",
    ),
    (r"; scoring needs none with targets=.*", "."),
)
_FIELDS = {"inputs": "Text columns", "label": "Label column", "split": "Split to score, to choose or to report on"}


def ask_open(
    page: Page,
    model: str | None,
    data: str | None,
    *,
    revision: str | None = None,
    splits: Sequence[str | None] = (None, None, None),
    options: Mapping[str, Any] | None = None,
) -> Job:
    """Open a model, data or both. ``options`` are those of ``hv.load_data``: inputs, label, labels."""
    local = page.local
    chosen = AskedData(source=data) if data else None

    def work(on_progress: Any, cancel: Any) -> Opened:
        _start_engine(on_progress)
        opened = None
        if model:
            opened = sources.open_model(model, revision=revision, local=local, on_progress=on_progress)
        return _with_data(opened, chosen, options or {}, tuple(splits), page)

    return _start(page, model or data or "", work)


def ask_uploads(page: Page, files: Sequence[tuple[str, bytes]], options: Mapping[str, Any]) -> Job:
    """Open uploaded data."""
    chosen = AskedData(files=tuple(files))

    def work(on_progress: Any, cancel: Any) -> Opened:
        _start_engine(on_progress)
        return _with_data(None, chosen, options, (), page)

    return _start(page, files[0][0], work)


def ask_again(page: Page, mend: Mend, options: Mapping[str, Any], splits: Sequence[str | None]) -> Job:
    """Open the same data with columns and splits that were chosen."""
    if mend.asked.files:
        return ask_uploads(page, mend.asked.files, options)
    return ask_open(page, None, mend.asked.source, splits=splits, options=options)


@dataclass(frozen=True)
class Opened:
    """What came of it: a model, data, the sentence on why data were refused, and how that may be mended."""

    model: OpenedModel | None
    data: OpenedData | None = None
    refusal: str | None = None
    mend: Mend | None = None


def _with_data(
    model: OpenedModel | None,
    asked: AskedData | None,
    options: Mapping[str, Any],
    splits: tuple[str | None, ...],
    page: Page,
) -> Opened:
    if asked is None:
        return Opened(model)

    def mend(*, refused: bool) -> Mend | None:
        try:
            outline = sources.outline_of(asked, local=page.local)
        except HeadvizError:
            return None
        others = any(len(table.columns) > len(table.inputs) for table in outline.tables.values())
        return Mend(refused, asked, options, splits, outline) if refused or others else None

    try:
        if asked.files:
            data = recipes.keep(sources.open_uploads(asked.files, options), asked.files, options, page)
        else:
            source = asked.source
            if page.local and source is not None:  # the whole path; other visitors' paths stay as they were typed
                source = sources.check_source(source, local=True, error=DataError)
            recipe = {"source": source, "options": dict(options), "splits": list(splits or _ANY)}
            data = recipes.follow(recipe, page)
    except ChoiceError as error:
        return Opened(model, None, str(error), mend(refused=True))
    if asked.source in sources.DEMOS or data.calibration.columns["label"] is not None:
        return Opened(model, data)
    return Opened(model, data, None, mend(refused=False))


def is_under_way(page: Page) -> bool:
    """Whether something is being opened, or was and the next run will take it in hand."""
    return page.jobs.get(_KEY) is not None


def collect(page: Page) -> None:
    """Take in hand what was opened since the last run, tell of what failed, and open the demo that a link names."""
    job = page.jobs.get(_KEY)
    if job is not None and not job.active:
        page.jobs.forget(_KEY)
        if job.state == "done":
            opened: Opened = job.result
            if opened.model is not None:
                _take_model(page, page.results.shelf.take_in(opened.model))
            if opened.data is not None:
                page.session.data, page.session.wanted_data = opened.data, None
            if opened.refusal is not None:
                page.session.troubles.append(in_words_of_the_form(opened.refusal))
            if opened.data is not None or opened.refusal is not None:
                page.session.mend = opened.mend
            remember(page)
        else:
            page.session.wanted_model, page.session.wanted_data = _still_wanted(page.session), None
            page.session.troubles = [in_words_of_the_form(job.error)] if job.error else []
    _open_wanted(page)


def in_words_of_the_form(text: str) -> str:
    """A sentence of the library with the options that it writes as Python does (inputs="a") called as on Home."""
    for advised, here in _LABELS_SAID:
        text = re.sub(advised, here, text)
    text = re.sub(r'\b(inputs|label)="', lambda found: f'{_FIELDS[found[1]]} "', text)
    return re.sub(r"\bwith (inputs|label|split)=", lambda found: f"in the field {_FIELDS[found[1]]}", text)


def show_progress(page: Page) -> None:
    job = page.jobs.get(_KEY)
    if job is not None and not job.active:
        page.rerun()
    wait_for(job, page)


def _start_engine(on_progress: Any) -> None:
    on_progress(0, 0, "starting torch")
    engine.wait()


def _start(page: Page, what: str, work: Any) -> Job:
    page.session.troubles.clear()
    page.session.own_run = True
    if (older := page.jobs.get(_KEY)) is not None:  # what was asked for last is what is wanted
        older.cancel.set()
    shown = sources.display_name(what) if os.path.isabs(what) else what[:80]
    return page.jobs.start(_KEY, f"Opening {shown}", work, kind=_KEY, lane="opening")


def _reopen(page: Page) -> None:
    """Open what the visit that goes on had open; what cannot be is said, and the masks wait for it."""
    session, belongs = page.session, page.session.belongs
    session.reopening = False
    known = None if belongs is None else page.results.shelf.models.get(belongs.link)
    places = dict(session.reopen or {})
    if session.wanted_data is not None and (places.get("data") or {}).get("source") != session.wanted_data:
        places["data"] = None  # the link names other data, which are opened once the model is there
    open_again(page, places, belongs.name if belongs is not None else "your data", known)


def open_again(page: Page, places: Mapping[str, Any], name: str, known: OpenedModel | None = None) -> None:
    """Open a model and data from where they came; ``known``: the model, where it is open on this server."""
    model, recipe, local = places.get("model"), places.get("data"), page.local

    def work(on_progress: Any, cancel: Any) -> Opened:
        _start_engine(on_progress)
        opened = known
        if opened is None and model is not None:
            source, revision = model.get("source"), model.get("revision")
            opened = sources.open_model(str(source), revision=revision, local=local, on_progress=on_progress)
        try:
            return Opened(opened, recipes.follow(recipe, page) if recipe is not None else None)
        except HeadvizError as error:
            return Opened(opened, refusal=str(error))

    if known is not None or model is not None or recipe is not None:
        _start(page, name, work)


def _still_wanted(session: Session) -> str | None:
    """The model that a visit's masks wait for, where opening it again has failed; pages say what to open."""
    waits = session.model is None and session.belongs is not None and session.belongs.link not in sources.DEMOS
    return session.belongs.link if waits and session.belongs is not None else None


def _open_wanted(page: Page) -> None:
    """A demo named by a link opens by itself; a model by its fingerprint, if this server has it open; others on a
    click."""
    session, wanted = page.session, page.session.wanted_model
    if is_under_way(page):
        return
    if session.reopening:
        _reopen(page)
        return
    if wanted is None:
        if session.wanted_data in sources.DEMOS and session.model is not None:
            ask_open(page, None, session.wanted_data)
        return
    known: OpenedModel | None = page.results.shelf.models.get(wanted)
    if wanted in sources.DEMOS:
        data = session.wanted_data if session.wanted_data in sources.DEMOS else wanted
        ask_open(page, wanted, data)
    elif known is not None:
        _take_model(page, known)
        if page.local and session.data is None and session.wanted_data is None:
            session.data = page.results.shelf.last_data.get(known.subject.fingerprint)


def remember(page: Page) -> None:
    """Keep the data at hand for a reload, after which a link finds a folder's model but carries no file. Only where all
    visitors sit at this machine: elsewhere a link would show one visitor's data to another."""
    session = page.session
    if page.local and session.subject is not None and session.data is not None:
        page.results.shelf.last_data.replace(session.subject.fingerprint, session.data)


def _take_model(page: Page, model: OpenedModel) -> None:
    session = page.session
    session.open_model(model)
    names = criteria() or ()
    if names and session.choice.criterion not in names:
        session.notes.append(f"The link asks for a criterion that does not exist; there are {', '.join(names)}.")
        session.choice.criterion = DEFAULT_CRITERION
    page.results.settle_options()
