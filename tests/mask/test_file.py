"""Mask files: the format word by word, and everything that must not open."""

from __future__ import annotations

import contextlib
import io
import json
import os
import tracemalloc
import warnings
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headviz.errors import MaskError
from headviz.mask import Mask
from headviz.mask import file as mask_file
from headviz.mask.file import content_of, read

# The example of the format's description: 6 layers of 12 heads, 3 heads cut.
EXAMPLE: dict[str, Any] = {
    "format": "headviz.mask",
    "version": 1,
    "model": {"name": "…", "revision": None, "fingerprint": "…", "family": "bert", "heads": [12, 12, 12, 12, 12, 12]},
    "pruned_heads": {"0": [3, 7], "4": [0]},
    "criterion": {"name": "hies", "options": {"alpha": 0.97}, "by_hand": ["L4H0"]},
    "data": {"name": "…", "fingerprint": "…", "examples": 512},
    "measured": {"accuracy": {"value": 0.51, "low": 0.49, "high": 0.53, "examples": 2210}},
    "created": "2026-01-31T12:00:00Z",
    "headviz": "0.1.0",
}
LEAST: dict[str, Any] = {
    "format": "headviz.mask",
    "version": 1,
    "model": {"heads": [2, 3]},
    "pruned_heads": {"1": [0, 2]},
}


def as_json(record: Any) -> bytes:
    return json.dumps(record).encode()


def as_npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def without(*path: str) -> dict[str, Any]:
    record = json.loads(json.dumps(LEAST))
    inner = record
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return record


def changed(value: Any, *path: str) -> dict[str, Any]:
    record = json.loads(json.dumps(LEAST))
    inner = record
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return record


def test_read_of_the_published_example_cuts_its_three_heads() -> None:
    content = read(as_json(EXAMPLE), "mask.json")
    assert content.heads == (12,) * 6
    assert np.argwhere(~content.keep).tolist() == [[0, 3], [0, 7], [4, 0]]
    rest = {key: EXAMPLE[key] for key in EXAMPLE if key not in ("format", "version", "pruned_heads")}
    assert content.provenance == rest


def test_json_of_the_published_example_is_written_back_byte_for_byte() -> None:
    text = Mask.read(as_json(EXAMPLE), "mask.json").content(".json").decode()
    assert json.loads(text) == EXAMPLE and list(json.loads(text)) == list(EXAMPLE)
    assert ' "pruned_heads": {"0": [3, 7], "4": [0]},\n' in text
    assert Mask.read(text.encode(), "mask.json").content(".json").decode() == text


def test_read_of_the_least_that_a_file_must_have_opens() -> None:
    content = read(as_json(LEAST), "mask.json")
    assert content.heads == (2, 3) and content.keep.tolist() == [[True, True, False], [False, True, False]]


@pytest.mark.parametrize("pruned", [{}, {"0": []}], ids=["no layer", "an empty list"])
def test_read_of_a_file_that_cuts_nothing_opens(pruned: dict[str, Any]) -> None:
    assert read(as_json(changed(pruned, "pruned_heads")), "m.json").keep.sum() == 5


ODD_RECORDS = {
    "no format": (without("format"), '"format" is not'),
    "other format": (changed("headviz.scores", "format"), '"format" is not'),
    "format is a list": (changed([], "format"), '"format" is not'),
    "no version": (without("version"), '"version" must be'),
    "version text": (changed("1", "version"), '"version" must be'),
    "version true": (changed(True, "version"), '"version" must be'),
    "version 0": (changed(0, "version"), '"version" must be'),
    "version 1.5": (changed(1.5, "version"), '"version" must be'),
    "later version": (changed(2, "version"), r"later version of headviz \(mask version 2, this one reads 1\)"),
    "no model": (without("model"), '"heads", the list'),
    "model is a list": (changed([2, 3], "model"), '"heads", the list'),
    "no heads": (without("model", "heads"), '"heads", the list'),
    "heads empty": (changed([], "model", "heads"), '"heads", the list'),
    "heads a number": (changed(12, "model", "heads"), '"heads", the list'),
    "heads negative": (changed([2, -3], "model", "heads"), '"heads", the list'),
    "heads true": (changed([2, True], "model", "heads"), '"heads", the list'),
    "heads floats": (changed([2.0, 3.0], "model", "heads"), '"heads", the list'),
    "heads too many": (changed([2, 10**9], "model", "heads"), "more than any model has"),
    "heads far too many": (changed([10**400], "model", "heads"), "more than any model has"),
    "no pruned_heads": (without("pruned_heads"), '"pruned_heads" must be an object'),
    "pruned_heads a list": (changed([[0]], "pruned_heads"), '"pruned_heads" must be an object'),
    "pruned_heads null": (changed(None, "pruned_heads"), '"pruned_heads" must be an object'),
    "layer not there": (changed({"2": [0]}, "pruned_heads"), "no head L2H0"),
    "empty layer not there": (changed({"2": []}, "pruned_heads"), "no head L2H0"),
    "head not there": (changed({"0": [2]}, "pruned_heads"), "no head L0H2: the heads of layer 0 are H0 to H1"),
    "head negative": (changed({"0": [-1]}, "pruned_heads"), "whole numbers from 0"),
    "head true": (changed({"0": [True]}, "pruned_heads"), "whole numbers from 0"),
    "head float": (changed({"0": [1.0]}, "pruned_heads"), "whole numbers from 0"),
    "head text": (changed({"0": ["1"]}, "pruned_heads"), "whole numbers from 0"),
    "heads no list": (changed({"0": 1}, "pruned_heads"), "whole numbers from 0"),
    "head twice": (changed({"0": [1, 1]}, "pruned_heads"), "a head of layer 0 twice"),
    "layer 00": (changed({"0": [1], "00": [0]}, "pruned_heads"), "'00' where the number of a layer"),
    "layer -1": (changed({"-1": [0]}, "pruned_heads"), "'-1' where the number of a layer"),
    "layer +1": (changed({"+1": [0]}, "pruned_heads"), r"'\+1' where the number of a layer"),
    "layer name": (changed({"layer": [0]}, "pruned_heads"), "'layer' where the number of a layer"),
    "layer other digits": (changed({"١": [0]}, "pruned_heads"), "where the number of a layer"),
    "too deep": (changed(json.loads("[" * 500 + "]" * 500), "note"), "levels deep"),
    "half of a pair": (changed("\ud800", "note"), "half of a pair"),
    "criterion a text": (changed("hies", "criterion"), '"criterion" must be an object'),
    "measured a list": (changed([1], "measured"), '"measured" must be an object'),
    "data a number": (changed(3, "data"), '"data" must be an object'),
    "fingerprint a number": (changed(3, "model", "fingerprint"), '"fingerprint" of "model" must be a text'),
    "model name a list": (changed([], "model", "name"), '"name" of "model" must be a text'),
    "criterion name a number": (changed({"name": 1}, "criterion"), '"name" of "criterion" must be a text'),
    "options a list": (changed({"options": [1]}, "criterion"), '"options" of "criterion"'),
    "by_hand a text": (changed({"by_hand": "L0H0"}, "criterion"), '"by_hand" of "criterion"'),
    "by_hand no names": (changed({"by_hand": [3]}, "criterion"), "not the name of a head"),
    "by_hand not there": (changed({"by_hand": ["L0H9"]}, "criterion"), "no head L0H9"),
}


@pytest.mark.parametrize(("record", "says"), ODD_RECORDS.values(), ids=ODD_RECORDS)
def test_open_of_an_odd_record_says_what_is_wrong_and_where(tmp_path: Path, record: Any, says: str) -> None:
    (tmp_path / "odd.json").write_bytes(as_json(record))
    with pytest.raises(MaskError, match=rf"odd\.json.*{says}"):
        Mask.open(tmp_path / "odd.json")


def test_read_of_a_key_that_stands_twice_is_refused() -> None:
    text = as_json(LEAST).replace(b'{"1": [0, 2]}', b'{"1": [0], "1": [2]}')
    with pytest.raises(MaskError, match="'1' stands there twice"):
        read(text, "mask.json")


# What is on the disk


def test_content_of_a_file_that_is_missing_or_a_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(MaskError, match="There is no file"):
        content_of(tmp_path / "mask.json")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(MaskError, match="is not a file"):
        content_of(tmp_path / "folder.json")
    with pytest.raises(MaskError, match="cannot be read"):
        content_of("mask\0.json")


def test_content_of_a_pipe_does_not_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "mask.json")
    with pytest.raises(MaskError, match="is not a file"):
        content_of(tmp_path / "mask.json")


@pytest.mark.parametrize("suffix", [".json", ".npz"])
def test_open_of_a_file_too_large_reads_no_more_than_the_limit(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"mask{suffix}"
    with path.open("wb") as file:
        file.truncate(10**12)  # a hole: takes no room on the disk
    with pytest.raises(MaskError, match=r"larger than 5\.0 MB"):
        Mask.open(path)


@pytest.mark.parametrize("name", ["mask", "mask.txt", "mask.json.gz", ".json", "mask.pt"])
def test_open_of_another_kind_of_file_names_the_two_forms(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(as_json(LEAST))
    with pytest.raises(MaskError, match=r"does not end in \.json or \.npz"):
        Mask.open(tmp_path / name)


# .npz


def test_read_of_an_npz_with_one_of_the_two_masks_alone_opens() -> None:
    for arrays in (
        {"keep": np.array([[True, False]])},
        {"head_mask": np.array([[1.0, 0.0]], dtype=np.float32)},
        {"keep": np.array([[True, False]]), "head_mask": np.array([[1, 0]]), "notes": np.array(["kept"])},
    ):
        content = read(as_npz(**arrays), "mask.npz")
        assert content.keep.tolist() == [[True, False]] and content.keep.dtype == bool and content.heads is None


def with_header(shape: str, data: bytes, descr: str = "'|b1'") -> bytes:
    """An .npy whose header claims ``shape``, whatever is behind it."""
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data


def zipped(member: bytes, name: str = "keep.npy", how: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", how) as archive:
        archive.writestr(name, member)
    return buffer.getvalue()


KEEP = np.array([[True, False]])
ODD_ARCHIVES: dict[str, tuple[bytes, str]] = {
    "no zip": (b"not a zip", "not an .npz file"),
    "empty": (b"", "not an .npz file"),
    "cut off": (as_npz(keep=KEEP)[:-30], "not an .npz file"),
    "no mask in it": (as_npz(weights=KEEP), 'neither "keep" nor "head_mask"'),
    "objects": (zipped(with_header("(1, 2)", b"\0" * 16, "'|O'")), "not what it says"),
    "pickle": (zipped(b"\x80\x04K\x01."), "is not an array"),
    "one dimension": (as_npz(keep=np.array([True])), "shape .layers, heads."),
    "three dimensions": (as_npz(keep=np.ones((1, 1, 1), dtype=bool)), "shape .layers, heads."),
    "no layers": (as_npz(keep=np.ones((0, 3), dtype=bool)), "shape .layers, heads."),
    "texts": (as_npz(keep=np.array([["a"]])), "ones and zeros"),
    "not a number": (as_npz(keep=np.array([[np.nan]])), "ones and zeros"),
    "half a head": (as_npz(head_mask=np.array([[0.5]])), "ones and zeros"),
    "byte 2 for true": (zipped(with_header("(1, 2)", b"\1\2")), "ones and zeros"),
    "masks that differ": (as_npz(keep=KEEP, head_mask=np.array([[1.0, 1.0]])), "do not say the same"),
    "masks of two shapes": (as_npz(keep=KEEP, head_mask=np.array([[1.0]])), "do not say the same"),
    "huge shape": (zipped(with_header("(100000, 100000000)", b"\1")), "not what it says"),
    "shape beyond numbers": (zipped(with_header("(" + "9" * 400 + ", 2)", b"\1")), "not what it says|not an array"),
    "negative shape": (zipped(with_header("(-1, -2)", b"\1\1")), "."),
    "code for a shape": (zipped(with_header("__import__('os').getcwd()", b"\1")), "is not an array"),
    "nested header": (zipped(with_header("(" * 3000, b"\1")), "is not an array"),
    "LZMA": (zipped(with_header("(1, 2)", b"\1\0"), how=zipfile.ZIP_LZMA), "packed in a way"),
    "record of bytes": (as_npz(keep=KEEP, record=np.array(b"{}")), '"record" is not one text'),
    "record of two": (as_npz(keep=KEEP, record=np.array(["a", "b"])), '"record" is not one text'),
    "record no JSON": (as_npz(keep=KEEP, record=np.array("{")), "is not JSON"),
    "record of another mask": (as_npz(keep=KEEP, record=np.array(json.dumps(LEAST))), "do not say the same"),
    "record no characters": (
        as_npz(keep=KEEP, record=np.array([0x110000], "<u4").view("<U1")),
        '"record" is not one text',
    ),
}


@pytest.mark.parametrize(("content", "says"), ODD_ARCHIVES.values(), ids=ODD_ARCHIVES)
def test_read_of_an_odd_npz_says_what_is_wrong(content: bytes, says: str) -> None:
    with pytest.raises(MaskError, match=rf"odd\.npz.*({says})"):
        read(content, "odd.npz")


def test_read_of_a_zip_bomb_takes_little_memory() -> None:
    honest = zipped(with_header("(100, 1000000)", b"\0" * 10**8))
    # The same, but claiming to be small.
    lying = honest.replace((10**8 + 128).to_bytes(4, "little"), (10**6 + 128).to_bytes(4, "little"))
    assert lying != honest and len(honest) < mask_file.MAX_BYTES
    for content in (honest, lying):
        tracemalloc.start()
        with pytest.raises(MaskError):
            read(content, "bomb.npz")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 40_000_000


def _damaged(content: bytes, edits: list[tuple[int, int]]) -> bytes:
    changed = bytearray(content)
    for place, value in edits:
        changed[place % len(changed)] = value
    return bytes(changed)


EDITS = st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=6)


@settings(max_examples=300)
@given(EDITS, st.sampled_from([".json", ".npz"]))
def test_read_of_a_damaged_file_is_a_mask_or_a_mask_error(edits: list[tuple[int, int]], suffix: str) -> None:
    content = Mask.read(as_json(EXAMPLE), "mask.json").content(suffix)
    with contextlib.suppress(MaskError):
        Mask.read(_damaged(content, edits), f"mask{suffix}")


@settings(max_examples=100)
@given(st.binary(max_size=300), st.sampled_from(["m.json", "m.npz"]))
def test_read_of_any_bytes_is_a_mask_error(content: bytes, name: str) -> None:
    with pytest.raises(MaskError):
        read(content, name)


@pytest.mark.parametrize("suffix", [".json", ".npz"])
def test_open_of_a_file_of_every_version_ever_written_is_what_was_saved(suffix: str) -> None:
    """Files in ``written`` are never made anew: what was saved once must open for ever."""
    mask = Mask.open(Path(__file__).parent / "written" / f"version-1{suffix}")
    assert mask.heads == (4, 3, 4) and mask.pruned == ("L0H3",)
    assert mask.provenance["criterion"]["by_hand"] == ["L0H3"]
    assert mask.provenance["measured"]["accuracy"]["value"] == 0.5
    assert mask.provenance["later"] == {"key": [1, None]}
    subject = SimpleNamespace(name="m", revision=None, fingerprint="0", family="bert", heads=(4, 3, 4))
    assert Mask.from_code("1xPwO3K27-", subject) == mask


@pytest.mark.parametrize("suffix", [".json", ".npz"])
def test_saved_mask_with_one_flipped_bit_never_gives_other_heads_or_figures_in_silence(suffix: str) -> None:
    mask = Mask.read(as_json(EXAMPLE), "mask.json").with_toggled("L1H1").with_provenance(measured=EXAMPLE["measured"])
    content, told = mask.content(suffix), ("criterion", "data", "measured", "model")
    refused = warned = 0
    for bit in range(0, 8 * len(content), 3):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                again = Mask.read(bytes(flipped), f"mask{suffix}")
        except MaskError:
            refused += 1
            continue
        if any("was edited or is damaged" in sentence for sentence in again.warnings):
            warned += 1
            continue
        # a digest under another name is none any more, and an array "record" under another name is no record
        nothing = suffix == ".npz" and not set(told) & set(again.provenance)
        assert again == mask and (nothing or all(again.provenance[key] == mask.provenance[key] for key in told)), bit
    assert refused and (warned or suffix == ".npz")


def test_heads_edited_by_hand_open_with_a_warning_and_other_keys_may_come_and_go() -> None:
    record = json.loads(Mask.read(as_json(EXAMPLE), "mask.json").with_toggled("L1H1").content(".json"))
    assert not Mask.read(as_json({**record, "mine": 1}), "mask.json").warnings
    edited = {**record, "pruned_heads": {"0": [2]}}
    with pytest.warns(UserWarning, match=r"mask\.json is not as headviz saved it: it was edited or is damaged\."):
        assert Mask.read(as_json(edited), "mask.json").pruned == ("L0H2",)
    edited.pop("digest")
    assert not Mask.read(as_json(edited), "mask.json").warnings
    kept = Mask.read(as_json(record), "mask.json")
    assert json.loads(kept.content(".json")) == record and "digest" not in kept.provenance
