"""What becomes of an edit made in the head grid, and which heads a preset keeps for the sake of their layers."""

from __future__ import annotations

import numpy as np
import pytest

from headviz.head_scores import HeadScores
from headviz.mask import Mask
from headviz.ui.grid import Edit
from headviz.ui.page import Page
from headviz.ui.panels import cut
from headviz.ui.results import Results

SHAPE = (3, 4)


@pytest.fixture
def page(made: Results, monkeypatch: pytest.MonkeyPatch) -> Page:
    """A page on which the scores of 3 layers x 4 heads rise in reading order, and four heads are to be cut."""
    scores = HeadScores(np.arange(12.0).reshape(SHAPE), "hies")
    monkeypatch.setattr(made, "head_scores", lambda: scores)
    made.session.choice.prune = 4
    return Page(made.session, made, made.jobs, True)


def mask_of(page: Page) -> Mask:
    mask = page.results.mask()
    assert mask is not None
    return mask


def edit(
    keep: np.ndarray, *toggled: tuple[int, int], last: str | None = None, locks: dict[str, bool] | None = None
) -> Edit:
    keep = keep.copy()
    for place in toggled:
        keep[place] ^= True
    return Edit(keep, locks or {}, last)


def test_an_edit_becomes_the_mask_that_stands_and_its_last_head_is_picked(page: Page) -> None:
    mask, rev = mask_of(page), page.session.rev
    assert mask.pruned == ("L0H0", "L0H1", "L0H2", "L0H3")
    cut._edited(page, mask, edit(mask.keep, (0, 1), (2, 3), last="L2H3"))
    assert mask_of(page).pruned == ("L0H0", "L0H2", "L0H3", "L2H3")
    assert page.session.choice.edits == {"L0H1": True, "L2H3": False}
    assert (page.session.picked, page.session.rev) == ("L2H3", rev)  # the grid shows it already


def test_an_edit_of_a_whole_row_leaves_the_picked_head(page: Page) -> None:
    page.session.picked = "L1H1"
    mask = mask_of(page)
    cut._edited(page, mask, edit(mask.keep, *((1, head) for head in range(4))))
    assert page.session.picked == "L1H1"
    assert mask_of(page).pruned == tuple(f"L{layer}H{head}" for layer in (0, 1) for head in range(4))


def test_a_lock_leaves_the_mask_as_it_is_and_every_preset_obeys_it(page: Page) -> None:
    mask = mask_of(page)
    cut._edited(page, mask, edit(mask.keep, locks={"L0H1": False, "L1H0": True}))
    assert mask_of(page) == mask
    assert page.session.choice.locks == {"L0H1": False, "L1H0": True}
    page.session.commit(prune=12)
    assert mask_of(page).kept == ("L1H0",)
    page.session.commit(prune=0)
    assert mask_of(page).pruned == ("L0H1",)
    for _ in range(3):
        page.session.undo()
    assert page.session.choice.locks == {}


def test_a_lock_of_a_head_changed_by_hand_keeps_that_change(page: Page) -> None:
    mask = mask_of(page)
    cut._edited(page, mask, edit(mask.keep, (0, 0)))
    changed = mask_of(page)
    cut._edited(page, changed, edit(changed.keep, locks={"L0H0": True}))
    assert mask_of(page) == changed
    assert changed.pruned == ("L0H1", "L0H2", "L0H3")


def test_a_lock_of_a_head_cut_by_hand_leaves_every_other_head_alone(page: Page) -> None:
    mask = mask_of(page)
    cut._edited(page, mask, edit(mask.keep, (2, 3)))
    changed = mask_of(page)
    assert (len(changed.pruned), changed.by_hand) == (5, ("L2H3",))
    cut._edited(page, changed, edit(changed.keep, locks={"L2H3": False}))
    locked = mask_of(page)
    assert locked == changed and locked.by_hand == ("L2H3",)  # were it counted by the criterion, L0H3 would stay
    cut._edited(page, locked, edit(locked.keep, locks={}))
    assert mask_of(page) == changed and mask_of(page).by_hand == ("L2H3",)


def test_a_refused_edit_changes_nothing_and_brings_the_picture_back(page: Page) -> None:
    mask, rev, before = mask_of(page), page.session.rev, len(page.session.past)
    cut._edited(page, mask, None)
    assert mask_of(page) == mask
    assert (page.session.rev, len(page.session.past)) == (rev + 1, before)


def test_locks_that_the_least_heads_of_a_layer_forbid_are_refused_with_a_sentence(page: Page) -> None:
    page.session.commit(least=2)
    mask, rev = mask_of(page), page.session.rev
    three = {f"L2H{head}": False for head in range(3)}
    cut._edited(page, mask, edit(mask.keep, *((2, head) for head in range(3)), locks=three))
    assert mask_of(page) == mask
    assert (page.session.choice.locks, page.session.rev) == ({}, rev + 1)
    (trouble,) = page.session.troubles
    assert "could not keep the 2 heads that the rules ask for" in trouble


def test_rescued_are_the_heads_that_only_the_least_of_their_layer_keeps(page: Page) -> None:
    page.session.commit(prune=9)
    assert cut._rescued(page) == []
    page.session.commit(least=1)
    assert mask_of(page).kept == ("L0H3", "L1H3", "L2H3")
    assert cut._rescued(page) == ["L0H3", "L1H3"]  # by rank L2H1 and L2H2 would stay
    page.session.commit(locks={"L0H3": True})
    assert cut._rescued(page) == ["L1H3"]  # the other is locked
