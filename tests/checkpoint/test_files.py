"""Weight files: which are read, which are refused, and the fingerprint, recomputed here in the plainest way."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from headviz.checkpoint import state_fingerprint, weight_files, weights_fingerprint
from headviz.checkpoint.files import read_header
from headviz.errors import LoadError
from tests.tiny import FAMILIES, REFUSED, save_tiny, tiny_model


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("files") / "tiny")


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files") / "shards"
    tiny_model("bert")[0].save_pretrained(folder, max_shard_size="60KB")
    return folder


def _copy(source: Path, target: Path) -> Path:
    target.mkdir()
    for path in source.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    return target


def _by_hand(*files: Path) -> str:
    """The fingerprint as its docstring says, from whole files in memory."""
    digest = hashlib.sha256()
    for file in files:
        content = file.read_bytes()
        (length,) = struct.unpack("<Q", content[:8])
        header = json.loads(content[8 : 8 + length])
        header.pop("__metadata__", None)
        for name, about in header.items():
            begin, end = about["data_offsets"]
            digest.update(json.dumps([name, about["dtype"], about["shape"]]).encode())
            digest.update(content[8 + length + begin : 8 + length + end])
    return digest.hexdigest()[:16]


def test_fingerprint_is_the_hash_of_names_dtypes_shapes_and_bytes(saved: Path) -> None:
    assert weights_fingerprint(saved) == _by_hand(saved / "model.safetensors")


def test_fingerprint_of_shards_goes_file_by_file(shards: Path) -> None:
    index = json.loads((shards / "model.safetensors.index.json").read_text())
    files = list(dict.fromkeys(index["weight_map"].values()))
    assert len(files) > 1
    assert weight_files(shards, "shards") == [shards / file for file in files]
    assert weights_fingerprint(shards) == _by_hand(*(shards / file for file in files))


@pytest.mark.parametrize("family", [*FAMILIES, *REFUSED])
def test_fingerprint_of_a_model_in_memory_is_that_of_its_saved_folder(family: str, tmp_path: Path) -> None:
    model, _ = tiny_model(family, seed=4)
    model.save_pretrained(tmp_path)
    assert state_fingerprint(model) == weights_fingerprint(tmp_path)


def test_fingerprint_of_mixed_dtypes_in_memory_is_that_of_the_saved_file(tmp_path: Path) -> None:
    model = torch.nn.Module()
    for name, dtype in (("d", torch.float16), ("a", torch.float64), ("c", torch.bfloat16), ("b", torch.float32)):
        model.register_buffer(name, torch.arange(6.0).reshape(2, 3).to(dtype))
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    assert state_fingerprint(model) == weights_fingerprint(tmp_path)


def test_fingerprint_counts_tied_weights_once(tmp_path: Path) -> None:
    model = torch.nn.ModuleDict({"a": torch.nn.Linear(3, 3), "b": torch.nn.Linear(3, 3)})
    model["b"].weight = model["a"].weight
    alone = {name: tensor for name, tensor in model.state_dict().items() if name != "b.weight"}
    save_file(alone, tmp_path / "model.safetensors")
    assert state_fingerprint(model) == weights_fingerprint(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        lambda tensors: tensors | {"w": tensors["w"] + torch.tensor([0.0, 0.0, 0.0, 1e-6])},
        lambda tensors: {"v": tensors["w"], "b": tensors["b"]},
        lambda tensors: tensors | {"w": tensors["w"].reshape(2, 2)},
        lambda tensors: tensors | {"w": tensors["w"].half()},
        lambda tensors: tensors | {"w": tensors["w"].view(torch.int32)},
    ],
    ids=["value", "name", "shape", "dtype", "same bytes as integers"],
)
def test_fingerprint_changes_with(
    change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]], tmp_path: Path
) -> None:
    tensors = {"w": torch.tensor([1.0, 2.0, 3.0, 4.0]), "b": torch.zeros(1)}
    fingerprints = set()
    for number, content in enumerate((tensors, change(tensors))):
        folder = tmp_path / str(number)
        folder.mkdir()
        save_file(content, folder / "model.safetensors")
        fingerprints.add(weights_fingerprint(folder))
    assert len(fingerprints) == 2


def test_fingerprint_ignores_the_metadata_of_the_file(tmp_path: Path) -> None:
    fingerprints = set()
    for number, metadata in enumerate(({"format": "pt"}, {"format": "pt", "note": "another"})):
        folder = tmp_path / str(number)
        folder.mkdir()
        save_file({"w": torch.ones(3)}, folder / "model.safetensors", metadata=metadata)
        fingerprints.add(weights_fingerprint(folder))
    assert len(fingerprints) == 1


def _header(text: str, data: bytes = b"") -> bytes:
    return struct.pack("<Q", len(text)) + text.encode() + data


_ONE = '{"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}'


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b"\0\0\0", "it has only 3 bytes"),
        (_header(_ONE, b"12345678")[:30], "it ends within its header, after 30 bytes"),
        (_header(_ONE, b"1234"), f"it was cut short, {len(_ONE) + 12} of {len(_ONE) + 16} bytes are there"),
        (_header(_ONE, b"12345678xx"), "it is 2 bytes longer than its header says"),
        (_header("[1, 2]"), "it is not a safetensors file"),
        (_header("{" * 50_000), "it is not a safetensors file"),
        (_header(_ONE.replace("[2]", "[-2]"), b"12345678"), "its header gives w an impossible shape"),
        (_header(_ONE.replace("[2]", "[true]"), b"12345678"), "its header gives w an impossible shape"),
        (_header(_ONE.replace("[2]", "[3]"), b"12345678"), "its header contradicts itself about w"),
        (_header(_ONE.replace("F32", "F99"), b"12345678"), "it is not a safetensors file"),
        (_header(_ONE.replace("[0, 8]", "[8, 16]"), b"x" * 16), "its tensors overlap or leave gaps"),
    ],
)
def test_read_header_of_a_damaged_file_says_what_is_wrong(content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(LoadError) as told:
        read_header(path, "a model")
    assert str(told.value) == f"model.safetensors of a model is damaged: {reason}. Download or save it again."


def test_read_header_gives_names_in_the_order_of_the_file(tmp_path: Path) -> None:
    header = json.dumps(
        {
            "z": {"dtype": "U8", "shape": [1], "data_offsets": [1, 2]},
            "a": {"dtype": "U8", "shape": [], "data_offsets": [0, 1]},
        }
    )
    path = tmp_path / "model.safetensors"
    path.write_bytes(_header(header, b"\1\2"))
    assert list(read_header(path, "x")) == ["z", "a"]
    assert weights_fingerprint(tmp_path) == _by_hand(path)


def _index(folder: Path, change: Callable[[dict[str, str]], object]) -> None:
    path = folder / "model.safetensors.index.json"
    content = json.loads(path.read_text())
    content["weight_map"] = change(content["weight_map"])
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        ("../model.safetensors", "'../model.safetensors' is not the name of a safetensors file in the same folder"),
        ("/etc/passwd", "'/etc/passwd' is not the name of a safetensors file in the same folder"),
        ("..\\model.safetensors", "is not the name of a safetensors file in the same folder"),
        ("sub/model.safetensors", "'sub/model.safetensors' is not the name of a safetensors file in the same folder"),
        ("pytorch_model.bin", "'pytorch_model.bin' is not the name of a safetensors file in the same folder"),
        (7, "7 is not the name of a safetensors file in the same folder"),
        ("gone.safetensors", "lacks the weight file gone.safetensors that its index names"),
    ],
)
def test_weight_files_index_that_names_another_place_is_refused(
    place: object, sentence: str, shards: Path, tmp_path: Path
) -> None:
    folder = _copy(shards, tmp_path / "m")
    _index(folder, lambda places: {**places, "classifier.bias": place})
    with pytest.raises(LoadError, match=sentence.replace("\\", "\\\\").replace(".", r"\.")):
        weight_files(folder, "m")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"weight_map": []}', '{"weight_map": {"a": []}}', "\ufeff{"])
def test_weight_files_broken_index_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors.index.json").write_text(content)
    with pytest.raises(LoadError, match=r"model\.safetensors\.index\.json of m is not a usable index"):
        weight_files(tmp_path, "m")


def test_weight_files_index_that_promises_an_absent_tensor_is_refused(shards: Path, tmp_path: Path) -> None:
    folder = _copy(shards, tmp_path / "m")
    _index(folder, lambda places: {**places, "extra.weight": places["classifier.bias"]})
    with pytest.raises(LoadError, match=r"holds extra\.weight, which is not there"):
        weight_files(folder, "m")


def test_weight_files_pickle_alone_is_refused_and_never_opened(tmp_path: Path) -> None:
    (tmp_path / "training_args.bin").write_bytes(b"")
    (tmp_path / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    with pytest.raises(LoadError, match=r"has its weights only in pytorch_model\.bin, a format that can run code"):
        weight_files(tmp_path, "m")


def test_weight_files_other_safetensors_are_named(tmp_path: Path) -> None:
    (tmp_path / "model.fp16.safetensors").write_bytes(b"")
    with pytest.raises(LoadError, match=r"has no model\.safetensors; found only model\.fp16\.safetensors"):
        weight_files(tmp_path, "m")


def test_weights_fingerprint_of_minilm_is_the_hash_by_hand(shared: Path) -> None:
    folder = shared / "models" / "minilm-sst5"
    assert weights_fingerprint(folder) == _by_hand(folder / "model.safetensors")
