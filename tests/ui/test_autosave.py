"""What is written of a visit that is large: less of its history, or nothing and a sentence."""

from __future__ import annotations

from typing import Any

import pytest

import headviz as hv
from headviz.ui import autosave, session_file
from headviz.ui.autosave import Autosave, Keeping
from headviz.ui.choice import Choice
from headviz.ui.state import OpenedModel, Session
from headviz.ui.state_folder import InMemory, Memory
from headviz.ui.steps import Step
from headviz.ui.taken import Taken

_HISTORY = 60  # entries


@pytest.fixture
def keeping() -> Keeping:
    return Keeping(InMemory(Memory(), "browser"))


@pytest.fixture
def long(tiny_subject: Any) -> Session:
    """A visit with a long history, in which each mask stands once."""
    session, masks = Session(), iter(range(10**6))
    session.open_model(OpenedModel(tiny_subject, "tiny", tiny_subject.fingerprint))

    def mask() -> hv.Mask:
        return hv.Mask.full(tiny_subject).with_provenance(number=next(masks))

    for number in range(_HISTORY):
        session.past.append(Choice(taken=Taken("file", mask())))
        session.steps.append(Step(mask(), "a step"))
        session.visited[frozenset({("alpha", str(number))})] = Choice(taken=Taken("file", mask()))
    session.named = {"aside": mask()}
    return session


def size_of(session: Session) -> int:
    return len(session_file.content_of(session))


def test_a_large_visit_is_written_with_a_shorter_history_and_without_its_masks(
    long: Session, keeping: Keeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_file, "MAX_BYTES", size_of(long) // 3)
    keeping.write(long)
    content = keeping.place.read(keeping.slot)
    assert content is not None and len(content) <= session_file.MAX_BYTES
    values = session_file.read(content, "It").values
    assert len(values["past"]) == len(values["visited"]) == len(values["steps"]) == 10 and list(values["named"]) == [
        "aside"
    ]
    assert len(long.past) == len(long.visited) == _HISTORY  # the visit itself keeps all


def test_a_visit_that_stays_too_large_is_not_written_and_that_is_said_once(
    long: Session, keeping: Keeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeping.write(long)
    before, encodings = keeping.place.read(keeping.slot), list[int]()
    monkeypatch.setattr(session_file, "MAX_BYTES", 1000)
    encoded = session_file.encoded
    monkeypatch.setattr(session_file, "encoded", lambda record: (encodings.append(1), encoded(record))[1])
    long.typed = ["a slow but warm film"]
    saving = Autosave(delay=0.0)
    for _ in range(2):
        saving.note(keeping, long)
        saving.flush()
    assert keeping.trouble == autosave._TOO_LARGE and keeping.place.read(keeping.slot) == before
    assert len(encodings) == 3  # and not again for the same
    monkeypatch.undo()
    long.typed = ["a warm film"]
    saving.note(keeping, long)
    saving.flush()
    assert keeping.trouble is None and keeping.place.read(keeping.slot) != before
