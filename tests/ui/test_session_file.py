"""Session files: what goes in comes out, and whatever else comes in is one sentence."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest

import headviz as hv
from headviz.ui import session_fields, session_file
from headviz.ui.choice import Choice
from headviz.ui.plan_choice import PlanChoice
from headviz.ui.recover_choice import RecoverChoice
from headviz.ui.state import OpenedModel, Session
from headviz.ui.steps import Step
from headviz.ui.taken import Taken

# What a file does not keep: what is in hand, what waits, and what is of one tab, or of one run of a page.
_NOT_KEPT = """model data mend belongs reopen reopening wanted_model wanted_data wanted_mask notes troubles written
own_run rev grid_code recoveries kept_runs shown_recovery""".split()


@pytest.fixture(scope="module")
def session(tiny_subject: Any) -> Session:
    """A visit in which something stands in every field that is kept."""
    made = Session()
    made.open_model(OpenedModel(tiny_subject, "/home/me/tiny", tiny_subject.fingerprint))
    chosen = {"name": "integrated_gradients", "options": {"steps": 8}, "by_hand": ["L0H1"]}
    mask = hv.Mask.full(tiny_subject).with_toggled("L0H1", "L1H2", "L2H3").with_provenance(criterion=chosen)
    other = mask.with_toggled("L2H3").with_provenance(recovery={"method": "safe", "seed": 1})
    options, edits = {"his": {"normalise": "layer"}}, {"L0H1": True}
    made.choice = Choice("his", 0.97, options, None, 3, Taken("search", mask, "x"), edits, ("L0H1",), {}, 1)
    made.visited = {frozenset({("model", "demo"), ("alpha", "0.970")}): Choice(alpha=0.97, taken=Taken("link", other))}
    made.past, made.future = [Choice(locks={"L1H1": False})], [Choice(alpha=1.0)]
    made.picked, made.metric, made.measure_on, made.last_knee = "L2H3", "macro_f1", None, ("0" * 16, 4)
    made.plan, made.recovering = PlanChoice(degree=None, count=5), RecoverChoice("lora", 3, None, {"lora": {"r": 4}})
    made.steps, made.named = [Step(mask, "3 heads cut"), Step(other, "L2H3 cut")], {"[a](b) $x$": mask, "b": other}
    made.improving, made.reported, made.alpha_stops = other, [mask.code], {0.123456}
    made.typed, made.text_source, made.example = ["good", "\u202ebad"], "typed", ("0" * 16, 3)
    return made


def values_of(one: Session) -> dict[str, Any]:
    """The kept fields of a session as JSON, in which equal masks are of equal records."""
    return {name: value for name, value in session_file.record_of(one, session_file.Table()).items() if name != "saved"}


def test_every_field_of_a_visit_is_kept_or_known_not_to_be() -> None:
    assert {one.name for one in fields(Session)} == {*session_fields.SESSION, *_NOT_KEPT}
    assert {one.name for one in fields(Choice)} == set(session_fields.CHOICE)


@pytest.mark.parametrize("empty", [True, False])
def test_what_is_written_is_what_is_read_masks_with_their_whole_records(session: Session, empty: bool) -> None:
    before = Session() if empty else session
    kept = session_file.read(session_file.content_of(before), "mine.headviz.json")
    after = Session()
    session_file.restore(after, kept)
    assert values_of(after) == values_of(before)
    if not empty:
        assert after.named["b"].record() == session.named["b"].record()
        assert after.wanted_model == session.model.link and after.belongs == session.belongs  # type: ignore[union-attr]


def test_file_to_hand_on_names_no_path_of_this_machine(session: Session) -> None:
    assert b"/home/me" not in session_file.content_of(session)


def test_all_stands_once_the_model_is_open_and_goes_with_another(session: Session, tiny_subject: Any) -> None:
    after = Session()
    session_file.restore(after, session_file.read(session_file.content_of(session), "mine.headviz.json"))
    after.open_model(OpenedModel(tiny_subject, "tiny", tiny_subject.fingerprint))
    assert list(after.named) == list(session.named) and len(after.past) == 1 and after.picked == "L2H3"
    other = Session()
    session_file.restore(other, session_file.read(session_file.content_of(session), "mine.headviz.json"))
    other.open_model(OpenedModel(hv.load("demo/reviews"), "demo/reviews", "demo/reviews"))
    assert not other.named and not other.past and other.picked is None


def test_fields_of_a_later_version_are_passed_over_and_missing_ones_have_their_defaults(session: Session) -> None:
    record = session_file.record_of(session, session_file.Table())
    record["later"], record["session"] = {"x": [1]}, {"typed": ["a"], "of_later": 1, "choice": {"alpha": 1, "new": 2}}
    kept = session_file.read(session_file.encoded(record), "mine")
    assert kept.values == {"typed": ["a"], "choice": Choice(alpha=1.0)}


def test_later_version_damage_and_other_files_say_what_they_are(session: Session) -> None:
    content = session_file.content_of(session)
    said = {
        content.replace(b'"version": 1', b'"version": 2', 1): "later version of headviz (session version 2",
        content.replace(b"L2H3", b"L2H2", 1): "is damaged, or was changed by hand",
        content[:-20]: "is not JSON",
        content.replace(b"headviz.session", b"headviz.mask", 1): "is not a headviz session",
        b"\xff\xfe": "is not text in UTF-8",
        b"[]": "is not a headviz session",
        b" " * (session_file.MAX_BYTES + 1): "is larger than",
    }
    for changed, words in said.items():
        with pytest.raises(session_file.SessionError, match="mine") as caught:
            session_file.read(changed, "mine")
        assert words in str(caught.value)


_ODD = [
    None,
    True,
    -1,
    0,
    10**30,
    1.5,
    1e308,
    "",
    "x" * 9000,
    "L9H9",
    "\x00",
    [],
    [[]],
    {},
    {"a": {"b": []}},
    [None] * 2000,
]


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where there is a value in a record, at whatever depth."""
    yield path
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in pairs:
        yield from _places(one, (*path, key))


def test_no_structure_raises_anything_but_a_sentence(session: Session) -> None:
    """Each value of a true file in turn in the place of another kind, with the digest made anew; what still opens can
    be taken up and written again."""
    record = json.loads(session_file.encoded(session_file.record_of(session, session_file.Table())))
    record.pop("digest")
    draw, said, opened = random.Random(0), list[str](), 0
    for path in list(_places(record))[1:]:
        for odd in draw.sample(_ODD, 4):
            changed = copy.deepcopy(record)
            inner = changed
            for key in path[:-1]:
                inner = inner[key]
            inner[path[-1]] = odd
            try:
                kept = session_file.read(session_file.encoded(changed), "mine")
            except session_file.SessionError as error:
                said.append(str(error))
                continue
            opened += 1
            after = Session()
            session_file.restore(after, kept)
            session_file.content_of(after)
    assert len(said) > 200 and opened > 50
    assert [text for text in said if not text.startswith("mine") or "\n" in text or len(text) > 400] == []


def test_a_mask_for_other_heads_than_the_model_has_is_refused(session: Session) -> None:
    record = session_file.record_of(session, session_file.Table())
    record["model"]["heads"] = [4, 4, 4, 4]
    with pytest.raises(session_file.SessionError, match="other heads than its model"):
        session_file.read(session_file.encoded(record), "mine")


def test_a_snapshot_is_not_reached_by_later_changes(session: Session) -> None:
    snapshot = session_file.snapshot_of(session)
    before = values_of(snapshot)
    try:
        session.commit(alpha=0.1, edits={"L1H0": True})
        session.named["c"] = session.named["b"]
        session.steps.append(session.steps[0])
        assert values_of(snapshot) == before
    finally:
        session.named.pop("c")
        session.steps.pop()
        session.undo()
