"""``headviz score`` end to end on a tiny model, and each kind of bad input as its one sentence."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import headviz as hv
from tests.cli.conftest import ROWS
from tests.hub.fake_hub import FakeHub
from tests.tiny import LABELS, REFUSED, save_tiny


def test_score_saves_what_the_library_gives(run: Callable, model_folder: Path, data_file: Path, tmp_path: Path) -> None:
    target = tmp_path / "scores.parquet"
    ran = run("score", model_folder, data_file, "-o", target)
    assert ran.code == 0
    saved = hv.open_scores(target)
    expected = hv.score(hv.load(model_folder), hv.load_data(data_file))
    np.testing.assert_array_equal(saved.gate_gradient, expected.gate_gradient)
    np.testing.assert_array_equal(saved.entropy, expected.entropy)
    assert ran.out.splitlines()[-1] == f"Saved to {target}"


def test_score_as_json_has_the_numbers_of_the_file_by_head(
    run: Callable, model_folder: Path, data_file: Path, tmp_path: Path
) -> None:
    target = tmp_path / "scores.parquet"
    data = run("score", model_folder, data_file, "-o", target, "--json").data
    saved = hv.open_scores(target)
    assert data["examples"] == ROWS
    assert [row["head"] for row in data["heads"]] == [f"L{i}H{j}" for i in range(3) for j in range(4)]
    for name in ("his", "ae", "fisher"):
        found = np.array([row[name] for row in data["heads"]]).reshape(3, 4)
        np.testing.assert_allclose(found, getattr(saved, name), rtol=1e-12)
    assert data["loss"] == pytest.approx(saved.loss.mean())
    assert data["model"]["heads"] == [4, 4, 4]


def test_score_tells_progress_and_what_it_guessed_on_stderr_alone(
    run: Callable, model_folder: Path, data_file: Path
) -> None:
    ran = run("score", model_folder, data_file)
    assert f"{ROWS} of {ROWS}" in ran.err
    assert "text from text, label from label" in ran.err
    assert "Note" not in ran.out and " of " not in ran.out.splitlines()[0]


def test_limit_and_seed_draw_as_load_data_does(
    run: Callable, model_folder: Path, data_file: Path, tmp_path: Path
) -> None:
    target = tmp_path / "scores.parquet"
    assert run("score", model_folder, data_file, "-o", target, "--limit", 5, "--seed", 3).code == 0
    expected = hv.load_data(data_file, limit=5, seed=3)
    assert hv.open_scores(target).ids.tolist() == [example.id for example in expected]


def test_integer_labels_ask_and_both_ways_out_work(
    run: Callable, refused: Callable, model_folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "ints.csv"
    path.write_text("sentence,y\nthe film was good,2\nthe plot was dull,0\n", encoding="utf-8")
    base = ("score", model_folder, path, "--inputs", "sentence", "--label", "y", "--json")
    sentence = refused(*base)
    assert "ids" in sentence and all(label in sentence for label in LABELS)
    by_id, by_name = run(*base, "--labels", "ids"), run(*base, "--labels", "2=good,0=bad")
    assert by_id.code == by_name.code == 0
    assert by_id.data["heads"] == by_name.data["heads"]


def test_predicted_targets_need_no_labels(run: Callable, model_folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_text("the film was good\nthe plot was dull\n", encoding="utf-8")
    ran = run("score", model_folder, path, "--targets", "predicted", "--json")
    assert ran.code == 0 and ran.data["examples"] == 2
    assert "own predictions" in ran.err


def broken_model(kind: str, folder: Path) -> object:
    if kind == "no such folder":
        return folder / "absent"
    if kind == "no such id":
        return "nobody/no-such-model"
    if kind in REFUSED:
        return save_tiny(folder / "model", kind)
    model = Path(save_tiny(folder / "model", "bert"))
    config = json.loads((model / "config.json").read_text("utf-8"))
    if kind == "no head":
        config["architectures"] = ["BertModel"]
        _drop(model, "classifier.")
    elif kind == "pickle only":
        (model / "model.safetensors").rename(model / "pytorch_model.bin")
    elif kind == "corrupt":
        weights = model / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-100])
    elif kind == "config contradicts":
        config["hidden_size"] *= 2
    elif kind == "no config":
        (model / "config.json").unlink()
        return model
    (model / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return model


def _drop(model: Path, prefix: str) -> None:
    from safetensors.torch import load_file, save_file

    kept = {
        name: tensor for name, tensor in load_file(model / "model.safetensors").items() if not name.startswith(prefix)
    }
    save_file(kept, model / "model.safetensors", metadata={"format": "pt"})


MODELS = {
    "no such folder": "absent",
    "no such id": "nobody/no-such-model",
    "no head": "head",
    "pickle only": "safetensors",
    "corrupt": "model.safetensors",
    "config contradicts": "config",
    "no config": "config.json",
    "deberta-v2": "deberta",
    "mpnet": "mpnet",
}


@pytest.mark.parametrize("kind", MODELS)
def test_bad_model_is_one_sentence(kind: str, refused: Callable, data_file: Path, tmp_path: Path) -> None:
    target = tmp_path / "scores.parquet"
    sentence = refused("score", broken_model(kind, tmp_path), data_file, "-o", target)
    assert MODELS[kind] in sentence
    assert not target.exists()


DATA = {
    "no such file": (None, "absent.csv"),
    "empty": ("", "rows.csv"),
    "label the model does not have": ("text,label\na good film,meh\n", "meh"),
    "unlabelled row": ("text,label\na good film,good\na dull film,\n", "Row 1"),
    "no text column": ("a,b\n1,2\n", "columns"),
    "no label column": ("text\na good film\n", "label"),
    "quotes that can be read in two ways": ('text,label\n"a good, film,good\nmore" here,bad\n', "rows.csv"),
    "no header line": ("a good film,7\na dull film,9\n", "no header line"),
}


@pytest.mark.parametrize("kind", DATA)
def test_bad_data_is_one_sentence(kind: str, refused: Callable, model_folder: Path, tmp_path: Path) -> None:
    content, said = DATA[kind]
    path = tmp_path / ("absent.csv" if content is None else "rows.csv")
    if content is not None:
        path.write_text(content, encoding="utf-8")
    target = tmp_path / "scores.parquet"
    assert said in refused("score", model_folder, path, "-o", target)
    assert not target.exists()


FLAGS = {
    "no such split": (("--split", "test"), "split"),
    "no such column": (("--inputs", "txt"), "Did you mean 'text'?"),
    "no such label column": (("--label", "stars"), "no column 'stars'"),
    "mapping to no label of the model": (("--labels", "good=splendid"), "good=splendid"),
    "labels are no ids": (("--labels", "ids"), "not one of the model's ids"),
    "no rows wanted": (("--limit", "0"), "at least 1"),
    "no such device": (("--device", "hamster"), "cpu or auto"),
    "device without numbers": (("--device", "meta"), "cpu or auto"),
    "order of no entropy": (("--order", "-1"), "above 0"),
    "revision of a folder": (("--revision", "v2"), "revision"),
}


@pytest.mark.parametrize("kind", FLAGS)
def test_bad_flag_is_one_sentence(kind: str, refused: Callable, model_folder: Path, data_file: Path) -> None:
    flags, said = FLAGS[kind]
    assert said in refused("score", model_folder, data_file, *flags)


@pytest.mark.parametrize("command", ["score", "evaluate"])
def test_id_that_the_hub_does_not_have_is_one_sentence(
    command: str, refused: Callable, model_folder: Path, data_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeHub({}) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        assert "There is no model 'nobody/nothing'" in refused(command, "nobody/nothing", data_file)
        assert "There is no data set 'nobody/nothing'" in refused(command, model_folder, "nobody/nothing")


@pytest.mark.parametrize("command", ["score", "evaluate"])
def test_network_that_is_not_there_is_one_sentence(
    command: str, refused: Callable, model_folder: Path, data_file: Path
) -> None:
    assert "does not answer" in refused(command, "nobody/nothing", data_file)
    assert "does not answer" in refused(command, model_folder, "nobody/nothing")


@pytest.mark.parametrize("kind", MODELS)
def test_bad_model_is_the_same_sentence_to_evaluate(
    kind: str, refused: Callable, data_file: Path, tmp_path: Path
) -> None:
    model = broken_model(kind, tmp_path)
    assert refused("evaluate", model, data_file) == refused("score", model, data_file)


def test_split_that_is_not_said_lists_them(
    refused: Callable, model_folder: Path, data_file: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "splits"
    folder.mkdir()
    for name in ("train", "test"):
        shutil.copy(data_file, folder / f"{name}.csv")
    sentence = refused("score", model_folder, folder)
    assert "train" in sentence and "test" in sentence


def test_output_that_cannot_be_is_told_before_anything_is_loaded(refused: Callable) -> None:
    assert ".parquet" in refused("score", "absent-model", "absent-data", "-o", "scores.txt")
