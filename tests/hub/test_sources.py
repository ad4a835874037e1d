"""Names: demos, local paths, and ids of a hub that runs on this machine."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import headviz as hv
from headviz.checkpoint import open_checkpoint
from headviz.demo import reviews
from headviz.errors import DataError, HeadvizError, LoadError
from headviz.hub import Resolved, resolve
from tests.hub.fake_hub import COMMIT, FakeHub
from tests.tiny import save_tiny

CLOSED = "http://127.0.0.1:9"  # nothing listens at the discard port


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A tiny model as a hub holds one, with much beside it that nobody needs."""
    folder = save_tiny(tmp_path_factory.mktemp("hub") / "tiny")
    content = {path.name: path.read_bytes() for path in folder.iterdir()}
    extra = (
        "pytorch_model.bin",
        "onnx/model.onnx",
        "onnx/config.json",
        "modeling_own.py",
        "checkpoint/model.safetensors",
    )
    return content | dict.fromkeys(extra, b"not wanted") | {".gitattributes": b"", "README.md": b"# tiny"}


@pytest.fixture
def hub(files: dict[str, bytes]) -> Iterator[FakeHub]:
    tables = {
        "train.csv": b"text,label\na,1\n",
        "data/test.parquet": b"PAR1",
        "README.md": b"",
        "load.py": b"",
        "a.bin": b"",
    }
    repositories = {
        "owner/tiny": files,
        "tiny": files,
        "owner/gated": files,
        "owner/pickled": {name: files[name] for name in ("config.json", "pytorch_model.bin", "tokenizer.json")},
        "owner/empty": {"README.md": b""},
        "owner/onnx": {"config.json": b"{}", "model.onnx": b""},
        "owner/adapter": {"adapter_config.json": b"{}", "adapter_model.safetensors": b""},
        "datasets/owner/tables": tables,
        "datasets/owner/script": {"load.py": b"", "README.md": b""},
        "datasets/owner/pictures": {"a.png": b""},
    }
    with FakeHub(repositories, gated=("owner/gated",)) as running:
        yield running


def refused(source: object, error: type[HeadvizError] = LoadError, **options: object) -> str:
    with pytest.raises(error) as told:
        resolve(source, **options)  # type: ignore[arg-type]
    return str(told.value)


# Demos and local paths


def test_demo_name_is_the_bundled_folder() -> None:
    assert resolve("demo/reviews") == Resolved(reviews.MODEL_FOLDER, "demo/reviews", None)


@pytest.mark.parametrize("kind", ["model", "dataset"])
def test_unknown_demo_lists_the_known_ones(kind: str) -> None:
    error = LoadError if kind == "model" else DataError
    assert refused("demo/other", error, kind=kind) == "There is no demo 'demo/other'. Known are demo/reviews."


@pytest.mark.parametrize("as_path", [True, False])
def test_folder_is_itself_under_its_own_name(as_path: bool, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    source = tmp_path / "mine" if as_path else str(tmp_path / "mine")
    assert resolve(source) == Resolved(tmp_path / "mine", "mine", None)


def test_relative_folder_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path / "mine")
    assert resolve(".") == Resolved(tmp_path / "mine", "mine", None)
    assert resolve("../mine/") == Resolved(tmp_path / "mine", "mine", None)


def test_home_folder_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolve("~/mine").folder == tmp_path / "mine"


def test_local_path_wins_over_a_hub_id(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "owner" / "tiny").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert resolve("owner/tiny", endpoint=hub.url).folder == tmp_path / "owner" / "tiny"
    assert hub.requests == []


def test_revision_of_a_demo_is_refused() -> None:
    assert refused("demo/reviews", revision="v2") == (
        "demo/reviews is part of headviz and has no revisions. Leave revision out."
    )


def test_revision_of_a_local_path_is_refused(tmp_path: Path) -> None:
    assert "is a local path, which has no revisions" in refused(str(tmp_path), revision="main")


def test_file_for_a_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert "is a file, not a folder" in refused(str(tmp_path / "model.safetensors"))


@pytest.mark.parametrize(
    "source", ["/no/such", "./no", "../no/such", "no/such/folder", "~/no such", "a\\b", "~nobody-here/x"]
)
def test_path_that_does_not_exist_is_told_as_a_path(source: str) -> None:
    assert refused(source) == f"There is no folder {source!r}. Check the path."


@pytest.mark.parametrize(
    "source", ["two words", "ünïcode", "a--b/c", "a/b..c", "-a", "a/.b", "a?b", "x" * 300, "a/b.git/"]
)
def test_what_can_be_neither_folder_nor_id_is_refused_without_asking(source: str, hub: FakeHub) -> None:
    assert refused(source, endpoint=hub.url).startswith(f"There is no folder {source!r}.")
    assert hub.requests == []


@pytest.mark.parametrize("source", ["", "  ", None, 7, b"bytes", "a\0b"])
def test_what_is_no_name_at_all_is_refused(source: object) -> None:
    assert "does not name a model" in refused(source)
    assert "does not name a data set" in refused(source, DataError, kind="dataset")


# The hub


@pytest.mark.parametrize("name", ["owner/tiny", "tiny"])
def test_hub_model_is_downloaded_and_opens(name: str, hub: FakeHub, tmp_path: Path) -> None:
    found = resolve(name, endpoint=hub.url, cache=tmp_path)
    assert (found.name, found.revision) == (name, COMMIT)
    assert open_checkpoint(found.folder, name=name).family == "bert"


def test_hub_model_only_texts_and_weights_at_the_top_are_fetched(hub: FakeHub, tmp_path: Path) -> None:
    found = resolve("owner/tiny", endpoint=hub.url, cache=tmp_path)
    held = {str(path.relative_to(found.folder)) for path in found.folder.rglob("*") if path.is_file()}
    assert held == {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}


def test_hub_model_second_time_asks_no_network(hub: FakeHub, tmp_path: Path) -> None:
    first = resolve("owner/tiny", endpoint=hub.url, cache=tmp_path)
    hub.requests.clear()
    assert resolve("owner/tiny", endpoint=hub.url, cache=tmp_path) == first
    assert resolve("owner/tiny", endpoint=CLOSED, cache=tmp_path, offline=True) == first
    assert resolve("owner/tiny", endpoint=CLOSED, cache=tmp_path, revision=COMMIT) == first
    assert hub.requests == []


def test_hub_model_interrupted_download_is_completed(hub: FakeHub, tmp_path: Path) -> None:
    first = resolve("owner/tiny", endpoint=hub.url, cache=tmp_path)
    (first.folder / "model.safetensors").unlink()
    assert "is only in part in the Hugging Face cache" in refused("owner/tiny", cache=tmp_path, offline=True)
    assert resolve("owner/tiny", endpoint=hub.url, cache=tmp_path) == first
    assert (first.folder / "model.safetensors").exists()


def test_hub_model_that_is_pruned_gets_the_mask_that_transformers_left_behind(hub: FakeHub, tmp_path: Path) -> None:
    subject = hv.load(save_tiny(tmp_path / "whole"))
    folder = hv.save_pruned(hv.prune(subject, hv.Mask.full(subject).with_toggled("L1H2")), tmp_path / "pruned")
    hub.repositories["owner/pruned"] = {path.name: path.read_bytes() for path in folder.iterdir()}
    first = resolve("owner/pruned", endpoint=hub.url, cache=tmp_path / "cache")
    assert hv.load(first.folder).heads == (4, 3, 4)
    (first.folder / "head_mask.json").unlink()
    assert resolve("owner/pruned", endpoint=hub.url, cache=tmp_path / "cache") == first
    assert hv.load(first.folder).heads == (4, 3, 4)


def test_hub_model_revision_is_asked_for(hub: FakeHub, tmp_path: Path) -> None:
    found = resolve("owner/tiny", endpoint=hub.url, cache=tmp_path, revision="refs/pr/1")
    assert found.revision == COMMIT
    assert any("/revision/refs%2Fpr%2F1" in request for request in hub.requests)


def test_hub_model_in_shards_is_fetched_whole(hub: FakeHub, tmp_path: Path) -> None:
    whole = open_checkpoint(save_tiny(tmp_path / "whole"), name="m")
    whole.model.save_pretrained(tmp_path / "shards", max_shard_size="60KB")
    whole.processor.save_pretrained(tmp_path / "shards")
    hub.repositories["owner/shards"] = {path.name: path.read_bytes() for path in (tmp_path / "shards").iterdir()}
    found = resolve("owner/shards", endpoint=hub.url, cache=tmp_path / "cache")
    assert open_checkpoint(found.folder, name="m").family == "bert"
    assert resolve("owner/shards", endpoint=CLOSED, cache=tmp_path / "cache") == found


def test_hub_address_and_cache_come_from_the_environment_of_the_moment(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", hub.url + "/")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    assert resolve("owner/tiny").folder.is_relative_to(tmp_path / "hub")


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_offline_environment_asks_no_network(
    variable: str, hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "1")
    assert "(offline)" in refused("owner/tiny", endpoint=hub.url, cache=tmp_path)
    assert hub.requests == []


def test_offline_without_a_copy_says_how_to_get_one(tmp_path: Path) -> None:
    assert refused("owner/tiny", offline=True, cache=tmp_path, revision="v2") == (
        "owner/tiny at revision v2 is not in the Hugging Face cache, and the network may not be asked (offline). "
        "Go online once to download it, or give a folder."
    )


def test_progress_is_told_in_megabytes_up_to_the_end(hub: FakeHub, tmp_path: Path) -> None:
    hub.repositories["owner/big"] = hub.repositories["owner/tiny"] | {"vocab.txt": b"x" * 3_500_000}
    calls: list[tuple[int, int, str]] = []
    resolve("owner/big", endpoint=hub.url, cache=tmp_path, on_progress=lambda *call: calls.append(call))
    assert calls[0] == (0, 4, "megabytes downloaded")
    assert calls[-1] == (4, 4, "megabytes downloaded")
    assert [call[0] for call in calls] == sorted(call[0] for call in calls)


@pytest.mark.parametrize(
    ("source", "options", "sentence"),
    [
        ("owner/nobody", {}, "There is no model 'owner/nobody' on 127.0.0.1"),
        ("owner/tiny", {"revision": "v9"}, "owner/tiny has no revision 'v9'. Check its name, or leave it out."),
        ("owner/tiny", {"revision": "../../x"}, "'../../x' cannot be a revision of owner/tiny"),
        ("owner/tiny", {"revision": ""}, "'' cannot be a revision of owner/tiny"),
        ("owner/gated", {}, "owner/gated is gated: its owner gives access on request."),
        ("owner/pickled", {}, "owner/pickled has its weights only in pytorch_model.bin, a format that can run code"),
        ("owner/empty", {}, "owner/empty has no config.json, so it is no transformers model."),
        ("owner/onnx", {}, "owner/onnx has its weights only in model.onnx, an ONNX file, which"),
        ("owner/adapter", {}, "owner/adapter is an adapter, not a whole model."),
    ],
)
def test_hub_model_that_cannot_be_had_gets_its_sentence(
    source: str, options: dict[str, str], sentence: str, hub: FakeHub, tmp_path: Path
) -> None:
    text = refused(source, endpoint=hub.url, cache=tmp_path, **options)
    assert text.startswith(sentence)
    assert text.endswith(".")
    assert "\n" not in text


def test_hub_file_names_that_lead_outside_are_left_alone(hub: FakeHub, tmp_path: Path) -> None:
    hub.repositories["owner/evil"] = hub.repositories["owner/tiny"] | {
        "../../evil.json": b"{}",
        "/evil.json": b"{}",
    }
    found = resolve("owner/evil", endpoint=hub.url, cache=tmp_path / "cache")
    assert open_checkpoint(found.folder, name="m").family == "bert"
    assert not list(tmp_path.rglob("evil.json"))
    assert not any("evil.json" in request for request in hub.requests)


# Data sets


def test_hub_dataset_only_tables_and_the_card_are_fetched(hub: FakeHub, tmp_path: Path) -> None:
    found = resolve("owner/tables", endpoint=hub.url, cache=tmp_path, kind="dataset")
    held = {str(path.relative_to(found.folder)) for path in found.folder.rglob("*") if path.is_file()}
    assert held == {"train.csv", "data/test.parquet", "README.md"}
    assert (found.name, found.revision) == ("owner/tables", COMMIT)


def test_hub_dataset_without_network_comes_from_the_cache(hub: FakeHub, tmp_path: Path) -> None:
    found = resolve("owner/tables", endpoint=hub.url, cache=tmp_path, kind="dataset")
    assert resolve("owner/tables", endpoint=CLOSED, cache=tmp_path, kind="dataset") == found
    assert resolve("owner/tables", endpoint=CLOSED, cache=tmp_path, kind="dataset", offline=True) == found


def test_hub_dataset_known_to_be_incomplete_is_not_taken_from_the_cache(hub: FakeHub, tmp_path: Path) -> None:
    found = resolve("owner/tables", endpoint=hub.url, cache=tmp_path, kind="dataset")
    (found.folder / "train.csv").unlink()
    assert "(offline)" in refused("owner/tables", DataError, cache=tmp_path, kind="dataset", offline=True)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("owner/nobody", "There is no data set 'owner/nobody' on 127.0.0.1"),
        ("owner/script", "owner/script is made by a script, which headviz does not run."),
        ("owner/pictures", "owner/pictures has no table files."),
    ],
)
def test_hub_dataset_that_cannot_be_had_gets_its_sentence(
    source: str, sentence: str, hub: FakeHub, tmp_path: Path
) -> None:
    assert refused(source, DataError, endpoint=hub.url, cache=tmp_path, kind="dataset").startswith(sentence)


def test_hub_dataset_too_large_is_refused_before_the_download(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headviz.hub.sources._MOST_DATA_BYTES", 10)
    text = refused("owner/tables", DataError, endpoint=hub.url, cache=tmp_path, kind="dataset")
    assert "GB of data files" in text
    assert not any("resolve" in request for request in hub.requests)


def test_model_and_dataset_of_one_id_do_not_meet(hub: FakeHub, tmp_path: Path) -> None:
    hub.repositories["datasets/owner/tiny"] = {"train.csv": b"text\na\n"}
    model = resolve("owner/tiny", endpoint=hub.url, cache=tmp_path)
    data = resolve("owner/tiny", endpoint=hub.url, cache=tmp_path, kind="dataset")
    assert model.folder != data.folder
    shutil.rmtree(data.folder)
    assert (model.folder / "config.json").exists()
