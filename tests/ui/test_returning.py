"""A visit outlives tab and server: each `app()` is a new tab, in which only browser and disk are the same."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import headviz as hv
from headviz.ui import returning, session_file
from headviz.ui.autosave import Autosave, Keeping
from headviz.ui.choice import Choice
from headviz.ui.shelf import Shelf
from headviz.ui.state import Session
from headviz.ui.state_folder import Memory, OnDisk, new_id
from tests.ui.conftest import said, send

App = Callable[..., Any]


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that visits are kept in, and a browser of one id."""
    monkeypatch.setenv("HEADVIZ_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(returning, "_autosave", Autosave(delay=0.0))
    monkeypatch.setattr(returning, "_memory", Memory())
    browse_as(new_id(), monkeypatch)
    return tmp_path / "state"


def browse_as(browser: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(returning, "_browser", lambda: browser)


def session_of(at: Any) -> Session:
    session: Session = at.session_state["headviz"]
    return session


@pytest.fixture
def visited(app: App, state: Path, tiny_folder: Path, tiny_file: Path) -> Any:
    """A visitor who has named two masks, cut one head by hand, locked one and typed a text."""
    at = app()
    send(at, model_source=str(tiny_folder))
    send(at, data_source=str(tiny_file))
    at.switch_page("pages/mask.py").run()
    session = session_of(at)
    assert session.subject is not None
    for name in ("first", "second"):
        mask = hv.Mask.full(session.subject).with_toggled("L1H1")
        session.named[name] = mask.with_provenance(created="2026-01-01T00:00:00Z")
    session.commit(locks={"L0H0": True}, prune=3)
    session.commit(edits={"L2H3": False})
    session.pick("L2H3")
    session.typed = ["a slow but warm film"]
    at.run()
    assert not at.exception
    return at


def told(session: Session) -> dict[str, Any]:
    record = session_file.record_of(session, session_file.Table())
    return {name: record[name] for name in ("model", "masks", "session")}


def test_all_is_there_in_a_new_tab_after_a_restart(app: App, visited: Any, state: Path) -> None:
    before = told(session_of(visited))
    returning._autosave.flush()
    at = app("pages/mask.py")
    assert not at.exception and not at.error, said(at)
    after = session_of(at)
    assert after.data is not None and after.data.source == session_of(visited).data.source  # type: ignore[union-attr]
    assert [mask.record() for mask in after.named.values()] == [
        mask.record() for mask in session_of(visited).named.values()
    ]
    assert list(after.named) == list(before["session"]["named"]) and [step.what for step in after.steps]
    assert after.choice.edits == {"L2H3": False} and after.choice.locks == {"L0H0": True}
    assert len(after.past) == len(session_of(visited).past) >= 2 and after.picked == "L2H3"
    after.undo()
    assert after.choice.edits == {}


def test_another_browser_finds_nothing_of_it(app: App, visited: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    returning._autosave.flush()
    browse_as(new_id(), monkeypatch)
    at = app()
    assert session_of(at).belongs is None and "Earlier visits" not in "".join(text.value for text in at.markdown)


def test_uploaded_data_is_open_again(app: App, state: Path, tiny_folder: Path, tiny_file: Path) -> None:
    at = app()
    send(at, model_source=str(tiny_folder))
    uploader = next(one for one in at.get("file_uploader") if "Upload a file" in one.label)
    uploader.set_value([("mine.tsv", tiny_file.read_bytes(), "text/tab-separated-values")])
    next(button for button in at.button if button.label == "Open data").click()
    at.run()
    before = session_of(at).data
    assert before is not None
    returning._autosave.flush()
    after = session_of(app().run()).data
    assert after is not None and after.calibration.fingerprint == before.calibration.fingerprint
    assert "mine.tsv" in after.source


def test_a_link_to_another_model_wins_and_the_visit_stays_on_offer(app: App, visited: Any) -> None:
    returning._autosave.flush()
    at = app(None, model="demo/reviews")
    assert session_of(at).subject.name == "demo/reviews" and not session_of(at).named  # type: ignore[union-attr]
    back = next(button for button in at.button if button.label == "Go back to it")
    back.click()
    at.run()
    assert not at.exception and set(session_of(at).named) == {"first", "second"}
    assert session_of(at).subject is not None


def test_an_address_with_other_settings_keeps_masks_and_history(app: App, visited: Any) -> None:
    model = session_of(visited).model
    returning._autosave.flush()
    at = app(None, model=model.link, alpha="0.250")  # type: ignore[union-attr]
    assert session_of(at).choice.alpha == 0.25 and set(session_of(at).named) == {"first", "second"}


def test_opening_another_model_leaves_the_visit_among_the_earlier_ones(app: App, visited: Any) -> None:
    at = visited.switch_page("app.py").run()
    send(at, model_source="demo/reviews")
    assert not session_of(at).named
    at.run()
    returning._autosave.flush()
    at.run()
    assert any("2 named masks" in text.value for text in at.markdown)


def test_what_is_damaged_is_said_and_a_fresh_visit_begins(app: App, visited: Any, state: Path) -> None:
    returning._autosave.flush()
    for file in state.rglob("*.json"):
        if file.parent.parent.name == "visits":
            file.write_bytes(file.read_bytes().replace(b"L2H3", b"L2H2"))
    at = app()
    assert not at.exception and "Your last visit is not taken up again. What was kept of it is damaged" in said(at)
    assert session_of(at).belongs is None


def test_masks_wait_for_a_model_that_is_not_where_it_was(
    app: App, state: Path, tiny_folder: Path, tiny_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "moved"
    shutil.copytree(tiny_folder, folder)
    at = app()
    send(at, model_source=str(folder))
    send(at, data_source=str(tiny_file))
    session_of(at).named["kept"] = hv.Mask.full(session_of(at).subject)
    at.run()
    returning._autosave.flush()
    folder.rename(tmp_path / "elsewhere")
    shelf = Shelf()
    monkeypatch.setattr("headviz.ui.page._shelf", lambda: shelf)
    at = app()
    assert at.error and session_of(at).subject is None
    assert "This visit is of the model" in said(at)
    send(at, model_source=str(tmp_path / "elsewhere"))
    assert list(session_of(at).named) == ["kept"]


def test_visitors_from_elsewhere_write_nothing_and_find_their_visit_in_memory(
    app: App, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headviz.ui.page._visitor_is_local", lambda: False)
    at = app(None, model="demo/reviews")
    session_of(at).named["kept"] = hv.Mask.full(session_of(at).subject)
    at.run()
    assert list(session_of(app()).named) == ["kept"] and not state.exists()
    assert any("memory of this server" in text.value for text in at.markdown)


def test_a_session_file_is_applied_once_its_model_is_open(visited: Any) -> None:
    from headviz.ui.page import Page
    from headviz.ui.panels import visit

    content = session_file.content_of(session_of(visited))
    kept = session_file.read(content, "ours")
    page = Page(Session(), type("R", (), {"session": None})(), None, True)  # type: ignore[arg-type]
    visit.take(page, kept, "ours")
    assert page.session.wanted_model == kept.model.link and "is applied once" in page.session.notes[0]  # type: ignore[union-attr]
    page.session.open_model(session_of(visited).model)  # type: ignore[arg-type]
    assert set(page.session.named) == {"first", "second"} and page.session.choice.edits == {"L2H3": False}


def test_ids_that_are_none_lead_nowhere(state: Path) -> None:
    from headviz.ui.state_folder import is_id

    assert not any(map(is_id, ["", "../../etc", "a" * 31, "a" * 65, "a" * 31 + "/", None, 3, "é" * 40]))
    place = OnDisk(state, "../../../etc")
    assert place.folder.parent == state / "visits" and len(place.folder.name) == 32
    with pytest.raises(ValueError, match="no slot"):
        place.read("../../x")


def test_each_earlier_visit_is_read_once(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, read = OnDisk(state, new_id()), list[bytes]()
    keeping = Keeping(place)
    session = Session(choice=Choice(prune=3))
    place.write("0" * 16, session_file.content_of(session))
    place.write("1" * 16, b"{")
    whole = session_file.read
    monkeypatch.setattr(session_file, "read", lambda content, name: (read.append(content), whole(content, name))[1])
    first = returning.earlier(keeping)
    assert [one.slot for one in first] == ["0" * 16] and len(read) == 2
    assert returning.earlier(keeping) == first and len(read) == 2
    os.utime(place.folder / f"{'0' * 16}.json", (1, 1))  # as one that was written at another time
    assert [one.when for one in returning.earlier(keeping)] == [1.0] and len(read) == 3
