"""Tokenizers that were made to do harm: they fail in a process of their own, and known ones are not tried at all."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import headviz as hv
from headviz.checkpoint import trust
from headviz.checkpoint.trust import is_harmless, require_harmless
from headviz.errors import LoadError
from tests.tiny import FAMILIES, save_tiny


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("trust") / "bert")


@pytest.fixture
def copy(bert: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(bert, tmp_path / "model"))


def _change(folder: Path, file: str = "tokenizer.json", **parts: Any) -> Path:
    content = json.loads((folder / "tokenizer.json").read_text()) | parts
    (folder / file).write_text(json.dumps(content))
    config = json.loads((folder / "tokenizer_config.json").read_text())
    config["tokenizer_class"] = "PreTrainedTokenizerFast"
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return folder


def _split(pattern: str) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}


def _grow(pattern: str, times: int, rules: int) -> dict[str, Any]:
    rule = {"type": "Replace", "pattern": {"String": pattern}, "content": pattern * times}
    return {"type": "Sequence", "normalizers": [rule] * rules}


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"pre_tokenizer": _split("(a+)+$")}, "fails on ordinary texts"),
        ({"pre_tokenizer": _split(r"(\s*\w*)*[0-9]{9}$")}, "fails on ordinary texts"),
        ({"normalizer": _grow("a", 1000, 3)}, "takes too much memory or time"),
        ({"normalizer": _grow("zq", 40, 2)}, "makes short texts far longer"),
    ],
)
def test_load_a_hostile_tokenizer_is_refused_and_this_process_lives(
    parts: dict[str, Any], words: str, copy: Path
) -> None:
    with pytest.raises(hv.LoadError, match=f"^tokenizer.json of model {words}"):
        hv.load(_change(copy, **parts))


def test_a_hostile_file_for_another_version_of_transformers_is_tried_too(copy: Path) -> None:
    _change(copy, "tokenizer.4.0.0.json", normalizer=_grow("zq", 40, 2))
    with pytest.raises(LoadError, match=r"^tokenizer\.4\.0\.0\.json of m makes"):
        require_harmless(copy, "m")


def test_an_unknown_but_honest_rule_is_tried_once_and_opens(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []
    run = subprocess.run
    monkeypatch.setattr(trust.subprocess, "run", lambda *a, **k: started.append(a) or run(*a, **k))
    monkeypatch.setattr(trust, "_tried", set())
    folder = _change(copy, pre_tokenizer=_split(r"\s+"))
    assert hv.load(folder).heads == (4, 4, 4)
    assert hv.load(folder).heads == (4, 4, 4)
    assert len(started) == 1


@pytest.mark.parametrize("family", FAMILIES)
def test_tokenizers_of_known_families_start_no_process(
    family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("this tokenizer needs no trial")

    monkeypatch.setattr(trust.subprocess, "run", refuse)
    monkeypatch.setattr(trust, "_tried", set())
    require_harmless(save_tiny(tmp_path, family), family)


@pytest.mark.parametrize(
    ("part", "rule"),
    [
        ("normalizer", {"type": "Replace", "pattern": {"String": " "}, "content": "▁▁"}),
        ("normalizer", {"type": "Replace", "pattern": {"String": ""}, "content": ""}),
        ("normalizer", {"type": "Replace", "pattern": {"Regex": "a"}, "content": "a"}),
        ("normalizer", {"type": "Prepend", "prepend": "aaa"}),
        ("normalizer", {"type": "Precompiled", "precompiled_charsmap": "AAAA"}),
        ("pre_tokenizer", {"type": "Sequence", "pretokenizers": [{"type": "Whitespace"}, _split("a+")]}),
        (
            "decoder",
            {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}]},
        ),
        ("pre_tokenizer", {"type": "OfTomorrow"}),
        ("model", {"type": "WordPiece", "max_input_chars_per_word": 10**9}),
    ],
)
def test_rules_that_could_do_harm_are_not_known_to_be_harmless(part: str, rule: dict[str, Any]) -> None:
    assert is_harmless(json.dumps({"model": {"type": "WordPiece"}}).encode())
    assert not is_harmless(json.dumps({"model": {"type": "WordPiece"}, part: rule}).encode())


def test_a_text_that_a_tokenizer_fails_on_is_named_in_one_sentence() -> None:
    class Panic(BaseException):
        pass

    class Fragile:
        def __call__(self, texts: list[str], **_: Any) -> dict[str, list[list[int]]]:
            if any("evil" in text for text in texts):
                raise Panic("retry-limit-in-match over")
            return {"input_ids": [[1]] * len(texts)}

    from headviz.tasks.text_classification import tokenise

    with pytest.raises(hv.DataError, match=r"fails on a text that begins 'an evil text': retry-limit-in-match over\."):
        tokenise(Fragile(), [("good",), ("an evil text",), ("bad",)], 8, False)


def test_an_endless_text_is_read_no_further_than_it_can_matter_and_counts_as_cut() -> None:
    lengths: list[int] = []

    class Counting:
        def __call__(self, texts: list[str], **_: Any) -> dict[str, list[list[int]]]:
            lengths.extend(len(text) for text in texts)
            return {"input_ids": [[1]] * len(texts)}

    from headviz.tasks.text_classification import tokenise

    assert tokenise(Counting(), [("a" * 10_000_000,), ("b",)], 8, False)[1] == 1
    assert lengths == [8_000, 1]
