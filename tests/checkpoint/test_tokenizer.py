"""Tokenizers that are missing, broken, of another model, or want to run code."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import headviz as hv
from headviz.checkpoint import open_checkpoint
from headviz.errors import LoadError
from tests.tiny import FAMILIES, WORDS, save_tiny, tiny_model


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("tokenizer") / "bert")


@pytest.fixture
def copy(bert: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(bert, tmp_path / "model"))


def refusal(folder: Path) -> str:
    with pytest.raises(LoadError) as told:
        open_checkpoint(folder, name="my model")
    return str(told.value)


def change(path: Path, **changes: Any) -> None:
    content = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))


@pytest.mark.parametrize("family", FAMILIES)
def test_refuse_a_folder_without_tokenizer(family: str, tmp_path: Path) -> None:
    tiny_model(family)[0].save_pretrained(tmp_path)
    assert refusal(tmp_path) == (
        "my model has no tokenizer (no tokenizer.json). Save the one it was trained with into the same folder: "
        "tokenizer.save_pretrained(folder)."
    )


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"model": {"type": "WordPiece"}}', "\x00\x01"])
def test_refuse_a_broken_tokenizer_file(content: str, copy: Path) -> None:
    (copy / "tokenizer.json").write_text(content)
    assert refusal(copy).startswith("The tokenizer of my model cannot be opened.")


@pytest.mark.parametrize("content", ["", "{", "[]", "7"])
def test_refuse_a_broken_tokenizer_config(content: str, copy: Path) -> None:
    (copy / "tokenizer_config.json").write_text(content)
    assert refusal(copy).startswith("tokenizer_config.json of my model is not ")


def test_refuse_a_tokenizer_with_code_of_its_own(copy: Path) -> None:
    (copy / "own.py").write_text("import pathlib\npathlib.Path(__file__).with_name('ran').touch()\n")
    change(copy / "tokenizer_config.json", auto_map={"AutoTokenizer": ["own.Own", None]})
    assert refusal(copy).startswith("The tokenizer of my model needs code of its own (auto_map")
    assert not (copy / "ran").exists()


def test_refuse_a_tokenizer_of_a_larger_model(copy: Path) -> None:
    import transformers

    words = {word: number for number, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, "more"])}
    transformers.BertTokenizer(vocab=words).save_pretrained(copy)
    assert refusal(copy).startswith("The tokenizer of my model has 61 tokens, but the model knows 60.")


def test_refuse_a_tokenizer_without_words(copy: Path) -> None:
    import transformers

    for path in copy.glob("tokenizer*"):
        path.unlink()
    transformers.BertTokenizer().save_pretrained(copy)
    assert refusal(copy).startswith("The tokenizer of my model knows no words.")


def test_refuse_a_tokenizer_without_padding(copy: Path) -> None:
    import transformers

    backend = copy / "tokenizer.json"
    transformers.PreTrainedTokenizerFast(tokenizer_file=str(backend), unk_token="[UNK]").save_pretrained(copy)
    assert refusal(copy).startswith("The tokenizer of my model has no padding token")


def test_open_a_vocabulary_file_alone(copy: Path, bert: Path) -> None:
    opened = open_checkpoint(bert, name="m").processor
    for path in copy.glob("tokenizer*"):
        path.unlink()
    vocabulary = opened.get_vocab()
    (copy / "vocab.txt").write_text("\n".join(sorted(vocabulary, key=vocabulary.__getitem__)))
    again = open_checkpoint(copy, name="m").processor
    text = "the film was not very good , but i liked it"
    assert again(text)["input_ids"] == opened(text)["input_ids"]
    assert again.unk_token_id not in again(text)["input_ids"]


def test_refuse_a_tokenizer_that_fails_on_the_first_text(copy: Path) -> None:
    path = copy / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"unk_token": None}))
    with pytest.raises(LoadError, match=r"^model cannot read a text\. The model's tokenizer fails .+UNK"):
        hv.load(copy)
