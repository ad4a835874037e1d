"""Coming back: a browser is known by an id in a cookie, and finds its last visit as it left it.

The address decides what is taken up. The visit's own address, an older one of it, or none at all: the visit, with the
address's settings on top. A link to another model: that model, and the visit stays on offer on Home. The id is a
cookie and nothing else: it stands in no link, and another browser's visitor never sees what was kept under it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from headviz.ui import links, session_file
from headviz.ui.autosave import Autosave, Keeping
from headviz.ui.session_file import Kept, SessionError
from headviz.ui.shelf import Board
from headviz.ui.state import Session
from headviz.ui.state_folder import InMemory, Memory, OnDisk, Place, State, is_id, new_id, state_folder, sweep
from headviz.ui.visitor import is_own_page

COOKIE = "headviz-visit"  # without a port: a server that starts again may get another
_SESSION, _KEEPING, _BROWSER = "headviz", "_keeping", "_browser"
_KEEP = """<script>(() => {
  const safe = location.protocol === 'https:' ? '; Secure' : '';
  document.cookie = '%s=%s; path=/; max-age=15552000; SameSite=Strict' + safe;
})()</script>"""

_memory, _autosave = Memory(), Autosave()
_told = Board(256)  # earlier states in words, by where and when they were written


@dataclass(frozen=True)
class Earlier:
    """Another state that is kept of this browser, in words for people."""

    slot: str
    when: float
    model: str
    named: int
    steps: int


def session_of_this_run(*, local: bool) -> tuple[Session, Keeping]:
    """The visitor's session: the one of this tab, else what this browser had when it was here last."""
    state = st.session_state
    if _SESSION not in state:
        state[_SESSION], state[_KEEPING] = _come(_place(local), _asked())
    elif _KEEPING not in state:
        state[_KEEPING] = Keeping(_place(local))
    return state[_SESSION], state[_KEEPING]


def keep_cookie() -> None:
    """Have the browser keep its id."""
    st.html(_KEEP % (COOKIE, _browser()), unsafe_allow_javascript=True)


def note_changes() -> None:
    """A part of a page has run: what it changed is to be kept."""
    session, keeping = st.session_state.get(_SESSION), st.session_state.get(_KEEPING)
    if session is not None and keeping is not None:
        _autosave.note(keeping, session)


def earlier(keeping: Keeping) -> list[Earlier]:
    """What else is kept of this browser: visits with other models, other tabs', and those that a link set aside."""
    found = []
    for state in keeping.place.states():
        if state.slot in (keeping.slot, keeping.replaces):
            continue
        key = (keeping.place.folder, state.slot, state.when)  # reading a large one whole takes a good part of a second
        known = _told.get(key)
        told = known if known is not None else _told.put(key, _summary(keeping.place, state))
        found += told
    return found


def _summary(place: Place, state: State) -> tuple[Earlier, ...]:
    """A kept state in words; nothing of one that is damaged or of a later version: said when it was the last one."""
    try:
        kept = session_file.read(place.read(state.slot) or b"", "It")
    except SessionError:
        return ()
    model = kept.model.name if kept.model is not None else "no model"
    named, steps = (len(kept.values.get(name, ())) for name in ("named", "steps"))
    return (Earlier(state.slot, state.when, model, named, steps),)


def go_back_to(keeping: Keeping, slot: str, before: Session) -> None:
    """Take up an earlier visit; the present one stays, as an earlier one."""
    _autosave.flush()
    session, now_kept = Session(recoveries=before.recoveries), Keeping(keeping.place)
    _take_up(session, now_kept, slot)
    st.session_state[_SESSION], st.session_state[_KEEPING] = session, now_kept


def begin_afresh(keeping: Keeping | None, kept: Kept, before: Session) -> Session:
    """A session that is what a file says; the present one stays, as an earlier one."""
    _autosave.flush()
    session = Session(recoveries=before.recoveries)
    session_file.restore(session, kept)
    if keeping is not None:
        st.session_state[_SESSION], st.session_state[_KEEPING] = session, Keeping(keeping.place)
    return session


# -- the first run of a tab --------------------------------------------------------------------------------------------


def _come(place: Place, asked: Mapping[str, Sequence[str]]) -> tuple[Session, Keeping]:
    _autosave.flush()  # a tab that loads again left this moment
    session, keeping = Session(), Keeping(place)
    states = place.states()
    if states:
        _take_up(session, keeping, _this_tabs(place, [state.slot for state in states], asked), asked)
    return session, keeping


def _this_tabs(place: Place, slots: Sequence[str], asked: Mapping[str, Sequence[str]]) -> str:
    """Which of the states, the latest first, a tab with this address had: the one that left this very address, else the
    latest of its model, else the latest."""
    if not asked or len(slots) == 1:
        return slots[0]
    addresses = {slot: _address_kept(place, slot) for slot in slots}
    wanted = {name: values[0] for name, values in asked.items() if len(values) == 1}
    same = [slot for slot, address in addresses.items() if address == wanted]
    of_the_model = [slot for slot, address in addresses.items() if address.get("model") == wanted.get("model")]
    return (same or of_the_model or slots)[0]


def _address_kept(place: Place, slot: str) -> dict[str, str]:
    try:
        address = session_file.read(place.read(slot) or b"", "It", own=True).here.get("address")
    except SessionError:
        return {}
    return _texts(address) if isinstance(address, dict) else {}


def _take_up(session: Session, keeping: Keeping, slot: str, asked: Mapping[str, Sequence[str]] | None = None) -> None:
    content = keeping.place.read(slot)
    if content is None:
        return
    try:
        kept = session_file.read(content, "What was kept of it", own=True)
    except SessionError as error:
        session.notes.append(f"Your last visit is not taken up again. {error}")
        return
    if asked and "model" in asked and (kept.model is None or list(asked["model"]) != [kept.model.link]):
        return  # a link to another model
    session_file.restore(session, kept)
    keeping.go_on_from(slot, content, kept)
    address = kept.here.get("address")
    session.written = _texts(address) if isinstance(address, dict) else {}
    session.reopen, session.reopening = _places(kept.here), True
    session.own_run = not asked


def _texts(address: Mapping[str, Any]) -> dict[str, str]:
    return {name: text for name, text in address.items() if isinstance(text, str)}


def _places(here: Mapping[str, Any]) -> dict[str, Any]:
    """Where model and data were opened from, as far as that can be read."""
    return {name: here[name] for name in ("model", "data") if isinstance(here.get(name), dict)}


def _asked() -> dict[str, list[str]]:
    return {name: st.query_params.get_all(name) for name in st.query_params if name in links.NAMES}


def _place(local: bool) -> Place:
    root = state_folder() if local else None
    if root is None:
        return InMemory(_memory, _browser())
    sweep(root)  # once for each tab: what is kept has its bounds whoever comes, and when
    return OnDisk(root, _browser())


def _browser() -> str:
    """The id of this browser: the one that it sent, or a new one."""
    if _BROWSER not in st.session_state:
        sent = st.context.cookies.get(COOKIE)
        st.session_state[_BROWSER] = sent if is_id(sent) and is_own_page() else new_id()
    return str(st.session_state[_BROWSER])
