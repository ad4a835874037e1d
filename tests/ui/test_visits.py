"""Visits: what ends with one, and that no visitor's message ends another's."""

from __future__ import annotations

import json
import textwrap
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from benchmarks.served import Served
from headviz.ui import visits
from headviz.ui.jobs import Jobs, Pool
from headviz.ui.visits import STOP_AFTER, Visits
from tests.ui.conftest import ROOT
from tests.ui.test_jobs import Gate, ended


class Hall:
    """Who is here, at what time; and what was cleared up."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.here, self.now, self.left = {"a", "b"}, 0.0, list[str]()
        monkeypatch.setattr(visits, "_EVERY", 0.001)  # the watch looks on by itself, too: what it does is the same
        self.visits = Visits(lambda name: name in self.here, lambda: 60.0, clock=lambda: self.now)
        self.pool = Pool(workers=2)

    def enter(self, name: str) -> Jobs:
        jobs = Jobs(self.pool)
        self.visits.enter(name, jobs, lambda: self.left.append(name))
        return jobs


@pytest.fixture
def hall(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hall]:
    made = Hall(monkeypatch)
    yield made
    made.here, made.now = set(), made.now + 1000.0
    made.visits.look()


def test_work_stops_soon_after_its_visitor_has_gone_and_others_go_on(hall: Hall) -> None:
    gates = Gate(), Gate()
    first, second = (hall.enter(name).start("key", "Work", gate) for name, gate in zip("ab", gates, strict=True))
    assert all(gate.begun.wait(10) for gate in gates)
    hall.here.discard("a")
    hall.now = STOP_AFTER / 2
    hall.visits.look()
    assert first.active and second.active  # a connection that breaks for a moment ends nothing
    hall.now = STOP_AFTER
    hall.visits.look()
    assert ended(first).state == "stopped" and second.active
    gates[1].open.set()
    assert ended(second).state == "done"


def test_what_a_visit_made_is_cleared_up_once_its_visitor_cannot_come_back(hall: Hall) -> None:
    hall.enter("a"), hall.enter("b")
    hall.here.discard("a")
    hall.now = 59.0
    hall.visits.look()
    assert hall.left == [] and len(hall.visits) == 2
    hall.now = 62.0
    hall.visits.look()
    assert hall.left == ["a"] and len(hall.visits) == 1


def test_visitor_who_comes_back_in_time_keeps_everything(hall: Hall) -> None:
    hall.enter("a")
    hall.here.discard("a")
    hall.now = 50.0
    hall.visits.look()
    hall.here.add("a")
    hall.visits.look()
    hall.here.discard("a")
    hall.now = 100.0
    hall.visits.look()
    assert hall.left == []


def test_trouble_in_clearing_up_one_visit_leaves_the_watch_alive(hall: Hall) -> None:
    def trouble() -> None:
        raise SystemExit(1)

    hall.visits.enter("a", Jobs(hall.pool), trouble)
    gate = Gate()
    job = hall.enter("b").start("key", "Work", gate)
    assert gate.begun.wait(10)
    hall.here.clear()
    hall.now = 1000.0
    assert ended(job).state == "stopped"  # by the watch alone: nobody looks here


# A page whose work runs until it is stopped, and which tells how things stand in a file named by its visitor.
_PAGE = """
    import json, threading
    from pathlib import Path
    import streamlit as st
    from headviz.ui import page as pages
    from headviz.ui.controls import slider

    def work(on_progress, cancel):
        while not cancel.wait(0.01):
            pass
        raise SystemExit("stopped")

    page, name = pages.current(), st.query_params["name"]
    job = page.jobs.get("key") or page.jobs.start("key", "Work", work)
    shelf = page.results.shelf.views
    shelf.put(name, name)
    told = {"state": job.state, "threads": sorted(one.name for one in threading.enumerate() if "headviz" in one.name)}
    st.session_state.setdefault("slider", 5)
    slider(st.slider, "A slider that Python sets before it is drawn", 0, 9, key="slider", value=5)
    told["shelf"] = [one for one in "ab" if shelf.get(one)]
    Path(st.query_params["into"]).write_text(json.dumps(told))
"""


@contextmanager
def _visitor(app: Served, name: str, folder: Path) -> Iterator[Callable[..., dict[str, Any]]]:
    """A visitor on a connection of its own: ``say(message)`` sends a message, and gives what the page then tells."""
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
    from websockets.sync.client import connect

    into = folder / f"{name}.json"
    with connect(f"ws://127.0.0.1:{app.port}/_stcore/stream", origin=app.url, max_size=None) as socket:  # type: ignore[arg-type]

        def run_page() -> dict[str, Any]:
            message = BackMsg()
            message.rerun_script.query_string = f"name={name}&into={into}"
            socket.send(message.SerializeToString())
            while True:
                got = socket.recv(timeout=60)
                if ForwardMsg.FromString(got).WhichOneof("type") == "script_finished":  # type: ignore[arg-type]
                    return dict(json.loads(into.read_text()))

        def say(message: BackMsg | None = None) -> dict[str, Any]:
            if message is not None:
                socket.send(message.SerializeToString())
            return run_page()

        yield say


def _messages() -> Iterator[Any]:
    """One of every kind that a client can send but a run of the page, which is sent all the time, and those that end
    the own connection."""
    from streamlit.proto.BackMsg_pb2 import BackMsg

    for field in BackMsg.DESCRIPTOR.fields:
        if field.name in ("rerun_script", "debug_disconnect_websocket"):
            continue
        message = BackMsg()
        if field.message_type is None:
            setattr(message, field.name, True)
        else:
            getattr(message, field.name).SetInParent()
        assert message.WhichOneof("type") == field.name
        yield message


def test_no_message_of_one_visitor_reaches_the_work_of_another(tmp_path: Path) -> None:
    script = tmp_path / "app.py"
    script.write_text(textwrap.dedent(_PAGE))
    with Served(script=script) as app, _visitor(app, "a", tmp_path) as first, _visitor(app, "b", tmp_path) as second:
        before = first(), second()
        assert [told["state"] for told in before] == ["running", "running"] or first()["state"] == "running"
        kinds = [message for message in _messages() for _ in range(3)]
        assert {message.WhichOneof("type") for message in kinds} >= {"clear_cache", "stop_script", "app_heartbeat"}
        for message in kinds:
            second(message)
        told = first()
        assert told["state"] == "running" and told["shelf"] == ["a", "b"]
        assert told["threads"] == second()["threads"] == ["headviz-visits", "headviz-work", "headviz-work"]
        assert "Session State API" not in app.log() and "Traceback" not in app.log()


# A page with a run in a folder of its own and a result that holds one, as packed models do.
_FOLDERS = """
    import json, tempfile
    from pathlib import Path
    import streamlit as st
    from headviz.ui import page as pages
    from headviz.ui.recovery_run import RecoveryRun

    page = pages.current()
    run = RecoveryRun(*[None] * 8)
    run.take_folder(page.results)
    run.folder.mkdir()
    page.session.recoveries["key"] = run
    job = page.jobs.start("key", "Work", lambda *follow: tempfile.TemporaryDirectory(prefix="headviz-"))
    job.ended.wait(20)
    Path(st.query_params["into"]).write_text(json.dumps({"folders": [str(run.folder), job.result.name]}))
"""


def test_folders_of_a_closed_visit_go_and_those_of_others_stay(tmp_path: Path) -> None:
    script = tmp_path / "app.py"
    script.write_text(textwrap.dedent(_FOLDERS))
    with Served("--server.disconnectedSessionTTL=1", script=script) as app, _visitor(app, "a", tmp_path) as stays:
        kept = [Path(folder) for folder in stays()["folders"]]
        with _visitor(app, "b", tmp_path) as goes:
            gone = [Path(folder) for folder in goes()["folders"]]
            assert all(folder.is_dir() for folder in (*kept, *gone))
        until = time.monotonic() + 60
        while any(folder.exists() for folder in gone):
            assert time.monotonic() < until, app.log()
            threading.Event().wait(0.05)
        assert all(folder.is_dir() for folder in kept)
        assert "Traceback" not in app.log()


def test_app_gives_a_broken_connection_a_minute() -> None:
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text("utf-8"))
    assert settings["server"]["disconnectedSessionTTL"] <= 60
