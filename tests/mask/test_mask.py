"""The Mask itself: what it says, what it gives, that it never changes, and its way through files."""

from __future__ import annotations

import copy
import json
import os
import pickle
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headviz.errors import ExportError, MaskError
from headviz.mask import Mask, head_names
from headviz.stats import Estimate

SUBJECT = SimpleNamespace(name="tiny", revision=None, fingerprint="0123456789abcdef", family="bert", heads=(2, 2))
UNEVEN = SimpleNamespace(name="uneven", revision="main", fingerprint="fedcba9876543210", family="bert", heads=(1, 3, 2))
PROVENANCE = {
    "criterion": {"name": "hies", "options": {"alpha": 0.97}},
    "data": {"name": "reviews", "fingerprint": "00", "examples": 8},
    "measured": {"accuracy": {"value": 0.5, "low": 0.4, "high": 0.6, "examples": 8}},
    "note": ["kept", {"as": "it is"}],
}


@pytest.fixture
def mask() -> Mask:
    return Mask([[True, False], [True, True]], subject=SUBJECT, provenance=PROVENANCE)


@st.composite
def any_masks(draw: st.DrawFn) -> Mask:
    heads = draw(st.lists(st.integers(0, 5), min_size=1, max_size=5))
    subject = SimpleNamespace(name="any", revision=None, fingerprint="ab", family="bert", heads=tuple(heads))
    full = Mask.full(subject)
    return full.with_toggled(*draw(st.sets(st.sampled_from(full.kept)) if full.kept else st.just(set())))


# What it says


def test_mask_says_what_it_keeps_and_what_it_cuts(mask: Mask) -> None:
    assert mask.kept == ("L0H0", "L1H0", "L1H1") and mask.pruned == ("L0H1",)
    assert (mask.count, mask.share, mask.heads) == (3, 0.75, (2, 2))
    assert mask.keep.dtype == bool and mask.keep.tolist() == [[True, False], [True, True]]
    assert repr(mask) == "Mask(3 of 4 heads kept, 2 layers of 2 heads)"


def test_full_mask_of_uneven_layers_keeps_only_heads_that_are_there() -> None:
    mask = Mask.full(UNEVEN)
    assert mask.keep.tolist() == [[True, False, False], [True, True, True], [True, True, False]]
    assert (mask.count, mask.share, mask.pruned) == (6, 1.0, ())


def test_mask_takes_head_counts_from_the_models_block_of_its_provenance() -> None:
    mask = Mask([[1, 0], [1, 1]], provenance={"model": {"heads": [1, 2]}})
    assert mask.heads == (1, 2) and mask.pruned == ()
    assert Mask([[1, 0], [1, 1]], provenance={"model": None}).heads == (2, 2)


@pytest.mark.parametrize(
    ("keep", "subject", "says"),
    [
        ([True, False], None, "shape \\(2,\\)"),
        ([[True], [True, False]], None, "same number for every layer"),
        (np.ones((0, 2)), None, "shape \\(0, 2\\)"),
        ([["L0H0"]], None, "True .kept. and False"),
        ([[0.5, 1]], None, "True .kept. and False"),
        ([[float("nan"), 1]], None, "True .kept. and False"),
        ([[None, True]], None, "True .kept. and False"),
        (np.ones((2, 3)), SUBJECT, "shape \\(2, 3\\) does not fit 2 layers of 2 heads; its shape must be \\(2, 2\\)"),
        (np.ones((3, 3)), UNEVEN, "keeps L0H1, but layer 0 has only 1"),
    ],
)
def test_mask_of_something_else_says_what_is_wrong(keep: Any, subject: Any, says: str) -> None:
    with pytest.raises(MaskError, match=says):
        Mask(keep, subject=subject)


@pytest.mark.parametrize("heads", [[], "12", [2, -1], [True, 2], {"0": 2}])
def test_mask_with_odd_head_counts_in_its_provenance_is_refused(heads: Any) -> None:
    with pytest.raises(MaskError, match="how many heads each layer has"):
        Mask([[True, True]], provenance={"model": {"heads": heads}})


def test_mask_with_ones_and_zeros_of_any_kind_is_the_same_mask() -> None:
    expected = Mask([[True, False]])
    for kind in (np.uint8, np.int64, np.float32, np.float16):
        assert Mask(np.array([[1, 0]], dtype=kind)) == expected


# That it never changes


def test_mask_cannot_be_changed(mask: Mask) -> None:
    before, code = hash(mask), mask.code
    with pytest.raises(ValueError, match="read-only"):
        mask.keep[0, 0] = False
    for change in (lambda: setattr(mask, "keep", 1), lambda: setattr(mask, "new", 1), lambda: delattr(mask, "_keep")):
        with pytest.raises(AttributeError):
            change()
    mask.provenance["criterion"]["name"] = "other"
    mask.record()["note"].append("more")
    assert mask.provenance["criterion"]["name"] == "hies" and len(mask.provenance["note"]) == 2
    assert (hash(mask), mask.code) == (before, code)


def test_mask_does_not_follow_the_array_and_the_record_it_was_made_from() -> None:
    keep, record = np.ones((1, 2), dtype=bool), {"note": [1]}
    mask = Mask(keep, provenance=record)
    keep[0, 0] = False
    record["note"].append(2)
    assert mask.count == 2 and mask.provenance["note"] == [1]


def test_masks_are_equal_by_heads_alone(mask: Mask) -> None:
    same = Mask(mask.keep)
    assert same == mask and hash(same) == hash(mask) and len({same, mask}) == 1
    assert mask != mask.with_toggled("L0H0") and mask != "mask"
    flat = np.ones((1, 4), dtype=bool)
    assert Mask(flat) != Mask(flat.reshape(2, 2))
    last_cut, last_missing = (Mask([[1, 1], [1, 0]], provenance={"model": {"heads": [2, n]}}) for n in (2, 1))
    assert last_cut != last_missing


def test_mask_through_copy_and_pickle_is_the_same(mask: Mask) -> None:
    for again in (copy.copy(mask), copy.deepcopy(mask), pickle.loads(pickle.dumps(mask))):
        assert again == mask and again.provenance == mask.provenance
        assert not again.keep.flags.writeable


# Other masks from it


def test_with_toggled_changes_one_head_and_remembers_that_it_was_by_hand(mask: Mask) -> None:
    toggled = mask.with_toggled("L1H0")
    assert toggled.pruned == ("L0H1", "L1H0") and mask.pruned == ("L0H1",)
    assert toggled.provenance["criterion"] == {**PROVENANCE["criterion"], "by_hand": ["L1H0"]}  # type: ignore[dict-item]
    assert toggled.with_toggled("L0H1").provenance["criterion"]["by_hand"] == ["L0H1", "L1H0"]


def test_with_toggled_twice_is_no_longer_by_hand(mask: Mask) -> None:
    again = mask.with_toggled("L1H0").with_toggled("L1H0")
    assert again == mask and again.provenance["criterion"] == mask.provenance["criterion"]


def test_with_toggled_leaves_behind_what_was_measured_on_the_other_mask(mask: Mask) -> None:
    dated = mask.with_provenance(created="2026-01-31T12:00:00Z", headviz="0.0.1")
    blocks = dated.with_toggled("L1H0").provenance
    assert not {"measured", "created", "headviz"} & set(blocks)
    assert blocks["data"] == PROVENANCE["data"] and blocks["note"] == PROVENANCE["note"]


def test_with_toggled_of_a_mask_without_criterion_says_only_what_was_by_hand() -> None:
    mask = Mask.full(SUBJECT)
    toggled = mask.with_toggled("L0H0")
    assert toggled.provenance["criterion"] == {"by_hand": ["L0H0"]}
    assert "criterion" not in toggled.with_toggled("L0H0").provenance


def test_with_toggled_of_several_heads_toggles_each(mask: Mask) -> None:
    assert mask.with_toggled("L0H1", "L1H1").pruned == ("L1H1",)
    assert mask.with_toggled("L0H1", "L0H1") == mask


@pytest.mark.parametrize("name", ["L2H0", "L0H2", "L0", "3.7"])
def test_with_toggled_of_no_head_says_so(mask: Mask, name: str) -> None:
    with pytest.raises(MaskError, match=name):
        mask.with_toggled(name)


def test_with_cuts_always_keeps_never_and_counts_changes_as_by_hand(mask: Mask) -> None:
    changed = mask.with_(always=["L0H1", "L1H0"], never="L0H0")
    assert changed.pruned == ("L0H1", "L1H0")
    assert changed.provenance["criterion"]["by_hand"] == ["L1H0"]
    assert mask.with_(always="L0H1", never=("L0H0", "L1H1")) is mask


def test_with_step_changes_heads_that_no_hand_changed(mask: Mask) -> None:
    search = {"by": "search", "measure": "loss"}
    found = mask.with_toggled("L1H0").with_step(search, "L1H0", "L1H1")
    assert found.pruned == ("L0H1", "L1H1") and found.by_hand == () and found.steps == (search,)
    assert found.provenance["criterion"] == PROVENANCE["criterion"] and "measured" not in found.provenance
    again = found.with_toggled("L1H1").with_step({"by": "lock", "heads": []})
    assert again.by_hand == ("L1H1",) and [step["by"] for step in again.steps] == ["search", "lock"]
    assert list(again.record())[4:7] == ["criterion", "steps", "data"]


@pytest.mark.parametrize("steps", [None, "by hand", {"by": "search"}, 3])
def test_what_another_program_keeps_as_steps_is_no_error(mask: Mask, steps: Any) -> None:
    other = Mask(mask.keep, subject=SUBJECT, provenance={**PROVENANCE, "steps": steps})
    assert other.steps == () and other.with_step({"by": "lock"}, "L0H0").steps == ({"by": "lock"},)


def test_with_a_head_in_both_lists_or_none_that_is_there_says_so(mask: Mask) -> None:
    with pytest.raises(MaskError, match="L0H0 stands in both always and never"):
        mask.with_(always=["L0H0"], never=["L0H0"])
    with pytest.raises(MaskError, match="no head L7H0"):
        mask.with_(never=["L7H0"])


def test_with_provenance_takes_estimates_and_removes_with_none(mask: Mask) -> None:
    measured = mask.with_provenance(measured={"accuracy": Estimate(0.25, 0.125, 0.5, 4)}, note=None)
    expected = {"accuracy": {"value": 0.25, "low": 0.125, "high": 0.5, "examples": 4}}
    assert measured == mask and measured.provenance["measured"] == expected and "note" not in measured.provenance


@given(any_masks(), st.data())
def test_by_hand_is_always_the_difference_to_what_the_criterion_gave(mask: Mask, data: st.DataObject) -> None:
    names = head_names(mask.heads)
    changed = mask.with_provenance(criterion={"name": "his"})
    for name in data.draw(st.lists(st.sampled_from(names), max_size=8)) if names else []:
        changed = changed.with_toggled(name)
    assert tuple(changed.provenance["criterion"].get("by_hand", ())) == changed.differing(mask)


def test_overlap_is_shared_kept_heads_over_all_kept_heads() -> None:
    a, b = Mask([[1, 1, 0, 0]]), Mask([[0, 1, 1, 1]])
    assert a.overlap(b) == b.overlap(a) == 1 / 4
    assert a.overlap(a) == 1.0
    nothing = Mask([[0, 0, 0, 0]])
    assert nothing.overlap(nothing) == 1.0 and a.overlap(nothing) == 0.0
    assert a.differing(b) == ("L0H0", "L0H2", "L0H3")


def test_overlap_of_masks_of_two_models_is_refused() -> None:
    with pytest.raises(MaskError, match="1 layer of 4 heads and for 2 layers of 2 heads cannot be compared"):
        Mask([[1, 1, 1, 1]]).overlap(Mask.full(SUBJECT))


# Codes


@given(any_masks())
def test_code_of_any_mask_gives_it_back(mask: Mask) -> None:
    subject = SimpleNamespace(name="any", revision=None, fingerprint="ab", family="bert", heads=mask.heads)
    again = Mask.from_code(mask.code, subject)
    assert again == mask and again.provenance["model"]["fingerprint"] == "ab"


def test_code_of_six_layers_of_twelve_heads_is_20_characters() -> None:
    assert len(Mask(np.ones((6, 12))).code) == 8 + 72 / 6


# Files


@pytest.mark.parametrize("suffix", [".json", ".npz", ".JSON", ".Npz"])
def test_mask_through_a_file_is_the_same_with_all_that_was_said(mask: Mask, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"mask{suffix}"
    mask.save(path)
    again = Mask.open(path, SUBJECT)
    expected = {**mask.provenance, "created": again.provenance["created"], "headviz": again.provenance["headviz"]}
    assert again == mask and again.provenance == expected and again.warnings == ()
    again.save(tmp_path / "again.json")
    assert Mask.open(tmp_path / "again.json").provenance == again.provenance


_names = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=3),
    max_leaves=6,
)
_KNOWN = ("format", "version", "model", "pruned_heads", "criterion", "data", "measured", "created", "headviz", "steps")


@st.composite
def any_records(draw: st.DrawFn) -> dict[str, Any]:
    """What the file of a mask may hold: the four keys that it must, some of those that headviz knows, and others'."""
    mask = draw(any_masks())
    record: dict[str, Any] = draw(st.dictionaries(_names.filter(lambda name: name not in _KNOWN), _values, max_size=3))
    record |= {"format": "headviz.mask", "version": 1}
    model = {"name": "any", "fingerprint": "ab", "heads": list(mask.heads)}
    record["model"] = draw(st.sampled_from([model, {"heads": list(mask.heads)}, {**model, "licence": {"kept": [1]}}]))
    record["pruned_heads"] = mask.record()["pruned_heads"]
    by_hand = draw(st.lists(st.sampled_from(head_names(mask.heads)))) if sum(mask.heads) else []
    blocks = {
        "criterion": {"name": "hies", "options": {"alpha": 0.97}, "by_hand": by_hand},
        "data": {"name": "d", "split": "validation", "examples": 64},
        "measured": {"accuracy": {"value": 0.5, "low": 0.4, "high": 0.6}},
        "measured_on": {"part": "report"},
        "created": "2026-01-31T12:00:00Z",
        "headviz": "0.0.1",
        "steps": [{"by": "search", "swaps": []}, {"by": "another program"}],
    }
    return record | {key: blocks[key] for key in draw(st.sets(st.sampled_from(sorted(blocks))))}


@given(any_records(), st.booleans())
def test_opening_a_mask_file_and_saving_it_changes_nothing(record: dict[str, Any], through_npz: bool) -> None:
    mask = Mask.read(json.dumps(record).encode(), "mask.json")
    if through_npz:
        mask = Mask.read(mask.content(".npz"), "mask.npz")
    assert json.loads(mask.content(".json")) == record
    subject = SimpleNamespace(name="any", revision=None, fingerprint="ab", family="bert", heads=mask.heads)
    assert json.loads(Mask.read(mask.content(".json"), "mask.json", subject).content(".json")) == record


@given(any_records(), st.data())
def test_what_is_changed_in_an_opened_mask_is_all_that_changes(record: dict[str, Any], data: st.DataObject) -> None:
    mask = Mask.read(json.dumps(record).encode(), "mask.json")
    names = head_names(mask.heads)
    if not names:
        return
    head = data.draw(st.sampled_from(names))
    changed = json.loads(mask.with_toggled(head).content(".json"))
    by_hand = set(record.get("criterion", {}).get("by_hand", ())) ^ {head}
    assert set(changed.get("criterion", {}).get("by_hand", ())) == by_hand
    parts = {"pruned_heads", "criterion", "measured", "measured_on", "created", "headviz", "digest"}
    assert {k: v for k, v in changed.items() if k not in parts} == {k: v for k, v in record.items() if k not in parts}
    assert not {"measured", "measured_on"} & set(changed)


@given(any_masks(), st.sampled_from([".json", ".npz"]))
def test_mask_of_any_heads_through_a_file_is_the_same(mask: Mask, suffix: str) -> None:
    again = Mask.read(mask.content(suffix), f"mask{suffix}")
    assert again == mask and again.heads == mask.heads


def test_json_holds_what_the_format_says(mask: Mask, tmp_path: Path) -> None:
    import headviz

    mask.with_toggled("L1H0").save(tmp_path / "mask.json")
    record = json.loads((tmp_path / "mask.json").read_text("utf-8"))
    assert record.pop("created").endswith("Z") and len(record.pop("digest")) == 16
    assert record == {
        "format": "headviz.mask",
        "version": 1,
        "model": {
            "name": "tiny",
            "revision": None,
            "fingerprint": "0123456789abcdef",
            "family": "bert",
            "heads": [2, 2],
        },
        "pruned_heads": {"0": [1], "1": [0]},
        "criterion": {"name": "hies", "options": {"alpha": 0.97}, "by_hand": ["L1H0"]},
        "data": PROVENANCE["data"],
        "note": PROVENANCE["note"],
        "headviz": headviz.__version__,
    }


def test_npz_holds_what_other_tools_read(tmp_path: Path) -> None:
    Mask.full(UNEVEN).with_toggled("L1H1").save(tmp_path / "mask.npz")
    with np.load(tmp_path / "mask.npz", allow_pickle=False) as arrays:
        assert arrays["keep"].dtype == bool and arrays["head_mask"].dtype == np.float32
        assert arrays["head_mask"].tolist() == [[1, 0, 0], [1, 0, 1], [1, 1, 0]]
        np.testing.assert_array_equal(arrays["keep"], arrays["head_mask"] == 1)
        assert arrays["heads"].tolist() == [1, 3, 2]
        assert json.loads(str(arrays["record"]))["model"]["name"] == "uneven"


def test_npz_without_a_record_takes_head_counts_from_the_subject(tmp_path: Path) -> None:
    np.savez(tmp_path / "mask.npz", head_mask=np.array([[1, 0, 0], [1, 0, 1], [1, 1, 0]], dtype=np.float32))
    assert Mask.open(tmp_path / "mask.npz", UNEVEN).pruned == ("L1H1",)
    assert Mask.open(tmp_path / "mask.npz").heads == (3, 3, 3)


def test_open_of_a_mask_for_other_head_counts_names_both(mask: Mask, tmp_path: Path) -> None:
    for suffix in (".json", ".npz"):
        mask.save(tmp_path / f"mask{suffix}")
        with pytest.raises(MaskError, match=r"mask for 2 layers of 2 heads, but uneven has 3 layers of 1, 3, 2 heads"):
            Mask.open(tmp_path / f"mask{suffix}", UNEVEN)
    np.savez(tmp_path / "bare.npz", keep=np.ones((4, 4), dtype=bool))
    with pytest.raises(MaskError, match=r"bare.npz is a mask for the shape \(4, 4\), but tiny"):
        Mask.open(tmp_path / "bare.npz", SUBJECT)


@pytest.mark.parametrize("suffix", [".json", ".npz"])
def test_open_of_a_mask_for_other_weights_warns_and_keeps_the_sentence(mask: Mask, tmp_path: Path, suffix: str) -> None:
    mask.save(tmp_path / f"mask{suffix}")
    other = SimpleNamespace(**{**vars(SUBJECT), "name": "other", "fingerprint": "ffff"})
    with pytest.warns(UserWarning, match="made for other weights: 'tiny' .0123456789abcdef., not other .ffff.") as seen:
        opened = Mask.open(tmp_path / f"mask{suffix}", other)
    assert opened == mask and opened.warnings == (str(seen[0].message),)
    assert seen[0].filename == __file__
    assert opened.with_toggled("L0H0").warnings == opened.warnings
    with pytest.warns(UserWarning, match="other weights"):
        Mask.read(mask.content(suffix), f"mask{suffix}", other)


def test_open_of_a_mask_that_does_not_say_its_weights_takes_the_subjects_without_warning(tmp_path: Path) -> None:
    Mask([[1, 0], [1, 1]]).save(tmp_path / "mask.json")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Mask.open(tmp_path / "mask.json", SUBJECT).warnings == ()


def test_save_where_it_cannot_be_leaves_nothing_and_says_so(mask: Mask, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"does not end in \.json or \.npz"):
        mask.save(tmp_path / "mask.pt")
    with pytest.raises(ExportError, match="folder does not exist"):
        mask.save(tmp_path / "missing" / "mask.json")
    assert os.listdir(tmp_path) == []


def test_importing_the_mask_brings_no_heavy_package() -> None:
    code = "import sys, headviz.mask, headviz.selection; print({'torch', 'pandas', 'transformers'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
