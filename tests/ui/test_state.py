"""A visitor's session: choices, undo, hand edits, links."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from headviz.mask import Mask
from headviz.ui.edits import edits_between, with_edits
from headviz.ui.rules import room_for
from headviz.ui.state import OpenedModel, Session
from headviz.ui.taken import Taken


def model(heads: tuple[int, ...] = (4, 4), fingerprint: str = "0" * 16, link: str | None = None) -> OpenedModel:
    subject: Any = SimpleNamespace(
        name="tiny", revision=None, fingerprint=fingerprint, family="bert", heads=heads, shape=(len(heads), max(heads))
    )
    return OpenedModel(subject, "tiny", link or fingerprint)


def mask_of(session: Session, *pruned: str) -> Mask:
    return Mask.full(session.subject).with_toggled(*pruned)


@pytest.fixture
def session() -> Session:
    made = Session()
    made.open_model(model())
    return made


def asked(**values: str) -> dict[str, list[str]]:
    return {name: [value] for name, value in values.items()}


# -- choices -----------------------------------------------------------------------------------------------------------


def test_opening_a_model_cuts_thirty_percent_of_its_heads() -> None:
    session = Session()
    session.open_model(model((12,) * 6))
    assert session.choice.prune == 22


def test_a_plans_mask_stands_until_the_criterion_is_chosen_again(session: Session) -> None:
    mask = mask_of(session, "L0H1", "L1H2", "L1H3")
    plan = Taken("plan", mask)
    session.take(plan)
    assert (session.choice.taken, session.choice.prune) == (plan, 3)
    session.commit(calibration=32)
    session.toggle(["L0H0"], mask, mask)
    assert session.choice.taken == plan and session.choice.edits == {"L0H0": False}
    session.commit(criterion="his")
    assert session.choice.taken is None
    session.undo()
    assert session.choice.taken == plan


@pytest.mark.parametrize("change", [{"alpha": 0.2}, {"prune": 1}, {"options": {}}, {"criterion": "his"}])
def test_any_choice_of_the_criterion_takes_the_plans_place(session: Session, change: dict[str, Any]) -> None:
    session.take(Taken("plan", mask_of(session, "L0H1")))
    session.commit(**change)
    assert session.choice.taken is None


def test_a_mask_in_a_link_and_another_model_take_the_plans_place(session: Session) -> None:
    session.take(Taken("plan", mask_of(session, "L0H1")))
    other = mask_of(session, "L1H1")
    session.adopt_link(asked(mask=other.code))
    taken = session.choice.taken
    assert taken is not None and (taken.kind, taken.mask) == ("link", other)
    session.take(Taken("plan", mask_of(session, "L0H1")))
    session.open_model(model((2, 2), fingerprint="1" * 16))
    assert session.choice.taken is None


def test_settings_of_a_plan_stand_in_the_link_and_undo_leaves_them_alone(session: Session) -> None:
    session.commit(prune=3)
    session.choose_plan(degree=None, count=4)
    assert session.address(None)["cahp"] == "count:4,degree:none"
    session.undo()
    assert session.plan.count == 4
    session.adopt_link(asked(cahp="degree:3"))
    assert (session.plan.degree, session.plan.count) == (3, None)


def test_undo_and_redo_go_over_commits_and_a_new_commit_forgets_what_was_undone(session: Session) -> None:
    session.commit(prune=3)
    session.commit(prune=4)
    session.undo()
    assert session.choice.prune == 3
    session.redo()
    assert session.choice.prune == 4
    session.undo()
    session.undo()
    assert session.choice.prune == 2
    session.undo()
    assert session.choice.prune == 2
    session.commit(prune=5)
    session.redo()
    assert session.choice.prune == 5


def test_commit_that_changes_nothing_is_no_step(session: Session) -> None:
    session.commit(prune=session.choice.prune)
    assert session.past == []


def test_option_at_its_default_is_not_kept(session: Session) -> None:
    session.set_option("his", "scale", "layer_l2", "raw")
    assert session.option("his", "scale", "raw") == "layer_l2"
    session.set_option("his", "scale", "raw", "raw")
    assert session.choice.options == {}
    session.undo()
    assert session.option("his", "scale", "raw") == "layer_l2"


def test_another_model_takes_neither_edits_nor_history_nor_the_cut(session: Session) -> None:
    session.commit(prune=7, edits={"L0H0": False})
    session.pick("L0H0")
    session.open_model(model((12,) * 6, "1" * 16))
    assert (session.choice.edits, session.past, session.picked, session.choice.prune) == ({}, [], None, 22)


def test_the_same_model_again_keeps_everything(session: Session) -> None:
    session.commit(prune=7, edits={"L0H0": False})
    session.open_model(model())
    assert (session.choice.prune, session.choice.edits) == (7, {"L0H0": False})


# -- hand edits --------------------------------------------------------------------------------------------------------


def test_edits_stand_on_the_preset_and_move_with_it(session: Session) -> None:
    preset = mask_of(session, "L0H0", "L0H1")
    session.toggle(["L0H0", "L1H3"], preset, preset)
    assert session.choice.edits == {"L0H0": True, "L1H3": False}
    other = mask_of(session, "L1H0")
    assert session.mask(other).pruned == ("L1H0", "L1H3")  # type: ignore[union-attr]


def test_mask_of_a_link_stands_until_it_is_known_what_the_criterion_gives(session: Session) -> None:
    linked = mask_of(session, "L0H2")
    assert session.mask(None) is None
    session.adopt_link(asked(mask=linked.code))
    assert session.choice.taken is not None and session.mask(session.choice.taken.mask) == linked
    session.toggle(["L1H3"], linked, linked)
    preset = mask_of(session, "L0H3").with_provenance(criterion={"name": "his"})
    session.settle_link(preset)
    assert session.choice.taken is None and session.choice.by_link == ("L0H2", "L0H3")
    assert session.choice.edits == {"L0H2": False, "L0H3": True, "L1H3": False}
    mask = session.mask(preset)
    assert mask is not None and mask.pruned == ("L0H2", "L1H3")
    assert mask.by_hand == ("L0H2", "L0H3", "L1H3") and mask.steps == ({"by": "link", "heads": ["L0H2", "L0H3"]},)


def test_a_link_that_says_what_the_criterion_gives_leaves_no_trace(session: Session) -> None:
    preset = mask_of(session, "L0H0").with_provenance(criterion={"name": "his"})
    session.adopt_link(asked(mask=preset.code))
    session.settle_link(preset)
    assert session.mask(preset) is preset


def test_edits_are_the_difference_and_give_the_mask_back() -> None:
    rng = np.random.default_rng(0)
    preset, mask = Mask(rng.random((3, 5)) < 0.5), Mask(rng.random((3, 5)) < 0.5)
    assert with_edits(preset, edits_between(preset, mask)) == mask
    assert edits_between(preset, preset) == {}


def test_edits_of_heads_that_are_not_there_are_left_out() -> None:
    assert with_edits(Mask([[True, True]]), {"L0H1": False, "L7H0": False, "rubbish": True}).pruned == ("L0H1",)


def test_edits_are_recorded_as_by_hand(session: Session) -> None:
    preset = mask_of(session).with_provenance(criterion={"name": "his", "options": {}})
    mask = with_edits(preset, {"L1H2": False})
    assert mask.provenance["criterion"]["by_hand"] == ["L1H2"]


# -- links -------------------------------------------------------------------------------------------------------------


def test_address_is_empty_before_anything_is_open() -> None:
    assert Session().address(None) == {}


def test_address_carries_the_mask_and_never_a_path(session: Session) -> None:
    mask = mask_of(session, "L0H0")
    address = session.address(mask)
    assert address["model"] == "0" * 16 and address["mask"] == mask.code
    assert "data" not in address and not any("/" in value for value in address.values())


def test_link_restores_settings_and_edits(session: Session) -> None:
    session.commit(criterion="his", prune=3, alpha=0.25)
    preset = mask_of(session, "L0H0", "L0H1", "L0H2")
    session.toggle(["L1H1"], preset, preset)
    address = session.address(session.mask(preset))

    other = Session()
    other.adopt_link(asked(**address))
    assert other.wanted_model == "0" * 16 and other.model is None
    assert other.address(None) == address
    other.open_model(model())
    assert (other.choice.criterion, other.choice.prune, other.choice.alpha) == ("his", 3, 0.25)
    other.settle_link(preset)
    assert other.mask(preset) == session.mask(preset)
    assert other.choice.edits == {"L1H1": False}


def test_back_takes_a_setting_and_its_mask_back(session: Session) -> None:
    presets = {3: mask_of(session, "L0H0", "L0H1", "L0H2"), 4: mask_of(session, "L0H0", "L0H1", "L0H2", "L0H3")}
    session.commit(prune=3)
    older = session.address(session.mask(presets[3]))
    session.commit(prune=4)
    session.written = session.address(session.mask(presets[4]))
    session.adopt_link(asked(**older))
    session.settle_link(presets[3])
    assert session.choice.prune == 3
    assert session.mask(presets[3]) == presets[3]
    assert session.choice.edits == {}


def test_back_over_a_hand_edit_takes_it_back(session: Session) -> None:
    preset = mask_of(session, "L0H0")
    older = session.address(session.mask(preset))
    session.toggle(["L1H1"], preset, preset)
    session.written = session.address(session.mask(preset))
    session.adopt_link(asked(**older))
    session.settle_link(preset)
    assert session.mask(preset) == preset
    assert session.choice.edits == {}


def test_back_to_an_address_of_this_visit_brings_back_what_chose_its_mask(session: Session) -> None:
    plan = Taken("plan", mask_of(session, "L0H1").with_provenance(criterion={"name": "cahp", "options": {"k": 7}}))
    session.take(plan)
    session.toggle(["L1H1"], plan.mask, plan.mask)
    older = session.address(session.mask(plan.mask))
    session.remember(older)
    session.commit(criterion="his", edits={})
    session.written = session.address(mask_of(session, "L0H0"))
    session.remember(session.written)
    session.adopt_link(asked(**older))
    assert (session.choice.taken, session.choice.edits, session.choice.by_link) == (plan, {"L1H1": False}, ())
    session.open_model(model((4, 4), fingerprint="1" * 16))
    assert session.visited == {}


def test_link_with_settings_and_no_mask_drops_edits(session: Session) -> None:
    session.commit(edits={"L0H0": False})
    session.adopt_link(asked(criterion="his", prune="2"))
    assert session.choice.edits == {}


def test_link_as_we_wrote_it_changes_nothing(session: Session) -> None:
    session.commit(prune=3, edits={"L0H0": False})
    session.written = session.address(mask_of(session, "L0H0"))
    before = session.choice
    session.adopt_link(asked(**session.written))
    assert session.choice is before and session.choice.edits == {"L0H0": False}


def test_prune_beyond_the_model_falls_back_to_the_default_with_a_note(session: Session) -> None:
    session.adopt_link(asked(prune="99"))
    assert session.choice.prune == 2
    assert "99 heads to cut were asked for, but this model has 8" in session.notes[0]


def test_prune_of_a_link_is_checked_once_its_model_is_open() -> None:
    session = Session()
    session.adopt_link(asked(model="demo/reviews", prune="9999"))
    assert session.notes == []
    session.open_model(model(link="demo/reviews"))
    assert session.choice.prune == 2 and "9999" in session.notes[0]


def test_mask_of_another_shape_is_left_out_with_a_note(session: Session) -> None:
    session.adopt_link(asked(mask=Mask([[True] * 5] * 5).code))
    assert session.choice.taken is None
    assert "mask was left out" in session.notes[0]


def test_mask_of_a_link_for_another_folder_model_is_left_out_with_a_note() -> None:
    session = Session()
    session.adopt_link(asked(model="f" * 16, mask=Mask([[False] * 4] * 2).code))
    session.open_model(model())
    assert session.choice.taken is None
    assert "another model" in session.notes[0]


def test_alpha_of_a_link_becomes_a_stop_of_the_slider(session: Session) -> None:
    session.adopt_link(asked(alpha="0.12345"))
    assert session.choice.alpha == 0.12345 and 0.12345 in session.alpha_stops


def test_options_belong_to_the_criterion_of_their_link(session: Session) -> None:
    session.set_option("hies", "normalise", "rank", "global")
    address = session.address(None)
    assert address["options"] == "normalise:rank"
    other = Session()
    other.adopt_link(asked(**address))
    assert other.choice.options == {"hies": {"normalise": "rank"}}
    other.adopt_link(asked(criterion="his"))
    assert other.choice.options == {}


# -- locks and rules ---------------------------------------------------------------------------------------------------


def test_a_lock_wins_over_a_preset_and_over_an_edit(session: Session) -> None:
    session.commit(locks={"L0H1": True, "L1H0": False}, edits={"L0H1": False, "L1H1": False})
    mask = session.mask(mask_of(session, "L0H1"))
    assert mask is not None and mask.pruned == ("L1H0", "L1H1")


def test_locking_is_a_step_that_undo_takes_back_and_leaves_mask_and_hand_alone(session: Session) -> None:
    preset = mask_of(session, "L0H0").with_provenance(criterion={"name": "his"})
    session.toggle(["L0H1"], preset, preset)
    mask = session.mask(preset)
    assert mask is not None and mask.pruned == ("L0H0", "L0H1")
    session.toggle([], mask, preset, {"L0H1": False})
    assert session.choice.locks == {"L0H1": False} and session.choice.edits == {"L0H1": False}
    locked = session.mask(preset)
    assert locked == mask and locked.by_hand == ("L0H1",)
    session.undo()
    assert session.choice.locks == {} and session.choice.edits == {"L0H1": False}


def test_what_a_lock_changes_is_the_locks_and_not_by_hand(session: Session) -> None:
    session.commit(locks={"L0H0": True, "L1H0": False}, edits={"L0H0": False, "L1H1": False})
    mask = session.mask(mask_of(session, "L0H0").with_provenance(criterion={"name": "his"}))
    assert mask is not None and mask.pruned == ("L1H0", "L1H1")
    assert mask.by_hand == ("L1H1",) and mask.steps == ({"by": "lock", "heads": ["L0H0", "L1H0"]},)


def test_another_model_takes_locks_and_rules_with_it(session: Session) -> None:
    session.commit(locks={"L0H1": True}, least=2)
    session.open_model(model(fingerprint="1" * 16))
    assert (session.choice.locks, session.choice.least) == ({}, 0)


@pytest.mark.parametrize(
    ("prune", "locks", "least", "room"),
    [
        (5, {}, 0, 5),
        (8, {"L0H0": True, "L0H1": True}, 0, 6),
        (8, {}, 1, 6),
        (8, {"L0H0": True}, 1, 6),  # the kept one is the one that the layer keeps
        (8, {"L0H0": True, "L0H1": True}, 1, 5),
        (1, {"L0H0": False, "L1H0": False}, 0, 2),
        (8, {}, 9, 0),
    ],
)
def test_locks_and_least_heads_leave_room_for_so_many_cuts(
    prune: int, locks: dict[str, bool], least: int, room: int
) -> None:
    assert room_for(prune, (4, 4), locks, least) == room
