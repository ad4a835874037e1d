"""What a page works with: the visitor's session, the results, the background jobs, and the address that mirrors
them."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Hashable
from dataclasses import dataclass
from typing import NoReturn

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from headviz.errors import HeadvizError
from headviz.ui import engine, visitor
from headviz.ui.autosave import Keeping
from headviz.ui.jobs import Job, Jobs, Pool
from headviz.ui.kept_runs import KeptRuns, RunsInUse
from headviz.ui.results import Results
from headviz.ui.returning import session_of_this_run
from headviz.ui.shelf import Shelf
from headviz.ui.state import Session
from headviz.ui.state_folder import OnDisk
from headviz.ui.visits import Visits

_JOBS = "headviz jobs"


@dataclass
class Page:
    """One run of one page."""

    session: Session
    results: Results
    jobs: Jobs
    local: bool  # the visitor is the one who started the server, so paths are theirs to name
    keeping: Keeping | None = None  # where the visit is kept

    def active(self) -> list[Job]:
        """The work under way: this tab's, and on runs of recovery that all tabs of the browser share."""
        kept = self.session.kept_runs
        return [*self.jobs.active(), *(kept.jobs.active() if kept is not None else ())]

    def forget(self, key: Hashable) -> None:
        """Forget how a job ended, so that it may be asked for again."""
        self.jobs.forget(key)
        if self.session.kept_runs is not None:
            self.session.kept_runs.jobs.forget(key)

    def rerun(self) -> NoReturn:
        """Run the whole page again, by our own will: the address is then not news."""
        self.session.own_run = True
        st.rerun()


_the_shelf, _the_pool = Shelf(), Pool()  # of the process: Streamlit's caches are emptied by any visitor's message
_the_runs = RunsInUse(lambda: Jobs(_the_pool))


def _shelf() -> Shelf:
    return _the_shelf


def _connection_stands(name: str) -> bool:
    return runtime.exists() and runtime.get_instance().is_active_session(name)


def _seconds_kept() -> float:
    """How long Streamlit lets a visitor whose connection broke come back to the same session."""
    return float(st.get_option("server.disconnectedSessionTTL"))


_the_visits = Visits(_connection_stands, _seconds_kept)


def _jobs() -> Jobs:
    """This visit's; new ones where the visitor was away for so long that work was stopped."""
    jobs: Jobs | None = st.session_state.get(_JOBS)
    if jobs is None or jobs.closed:
        jobs = st.session_state[_JOBS] = Jobs(_the_pool)
    return jobs


def current() -> Page:
    """The page of this run."""
    local = _visitor_is_local()
    session, keeping = session_of_this_run(local=local)
    context = get_script_run_ctx()
    visit = context.session_id if context is not None else ""
    session.kept_runs = _kept_runs(keeping, visit)
    jobs = _jobs()
    if context is not None and _connection_stands(visit):
        _the_visits.enter(visit, jobs, lambda: _leave(session, jobs, visit))
    return Page(session, Results(session, _shelf(), jobs), jobs, local, keeping)


def _kept_runs(keeping: Keeping, visit: str) -> KeptRuns | None:
    """The runs of this browser, where its visits are kept on the disk."""
    return _the_runs.of(keeping.place, visit) if isinstance(keeping.place, OnDisk) else None


def _leave(session: Session, jobs: Jobs, visit: str) -> None:
    """Let go of all that a visit has made: folders on the disk, results, the model and data in hand."""
    jobs.clear()
    for run in session.recoveries.values():
        run.let_go()
    session.recoveries.clear()
    session.model = session.data = session.mend = session.kept_runs = None
    _the_runs.leave(visit)


def _visitor_is_local() -> bool:
    return visitor.started_the_server()


def follow_address(page: Page) -> None:
    """Take over what the address asks for, unless this run began with a choice made on the page: then it is only
    behind."""
    if not page.session.own_run:
        asked = {name: st.query_params.get_all(name) for name in st.query_params}
        page.session.adopt_link(asked, criteria())
        page.results.settle_link()


def keep_address(page: Page) -> None:
    """Write the settings into the address where they differ; each change is one entry of the browser's history, so it
    waits until the secret has left the entry that stands."""
    if visitor.has_secret_in_address():
        return
    wanted = _address(page)
    page.session.written = wanted  # before it goes out, since another press may end this run once the browser has it
    page.session.remember(wanted)
    if wanted != {name: st.query_params[name] for name in st.query_params}:
        st.query_params.from_dict(wanted)
    page.session.own_run = False


def _address(page: Page) -> dict[str, str]:
    mask, interval = page.results.known_mask(), (0.0, 1.0)
    with contextlib.suppress(HeadvizError):  # what is wrong is shown where it is used; the address never fails a page
        known = page.results.alpha_interval()
        interval = known[1:] if known else interval
    return page.session.address(mask, interval)


def criteria() -> tuple[str, ...] | None:
    """The names of the criteria, once the engine is there to say."""
    if not engine.ready() or "headviz.importance" not in sys.modules:
        return None
    import headviz as hv

    return tuple(hv.criteria)
