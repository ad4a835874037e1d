"""The code that the Export page gives: both forms run, and do what the mask does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headviz as hv
from headviz.errors import MaskError
from headviz.ui import snippets
from tests.tiny import save_tiny, tiny_model


def run(code: str, folder: Path) -> str:
    """In a fresh interpreter, as a reader would; under it headviz is found as it is here."""
    root = Path(__file__).resolve().parents[2]
    made = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(root)!r})\n{code}"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    return made.stdout


def test_snippet_with_headviz_measures_the_exported_mask(
    tiny_subject: Any, tiny_folder: Path, tiny_file: Path, tmp_path: Path
) -> None:
    mask = hv.Mask.full(tiny_subject).with_toggled("L0H1", "L2H3")
    mask.save(tmp_path / "mask.json")
    data = hv.load_data(tiny_file)
    said = run(snippets.with_headviz(str(tiny_folder), None, data, str(tiny_file)), tmp_path)
    assert "('L0H1', 'L2H3')" in said
    value = hv.evaluate(tiny_subject, data, mask).metrics["accuracy"].value
    assert f"accuracy Estimate(value={value}" in said


@pytest.mark.parametrize("family", ["bert", "distilbert", "roberta", "electra"])
def test_snippet_with_transformers_predicts_as_the_masked_model(family: str, tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / family, family)
    subject = hv.load(folder)
    mask = hv.Mask.full(subject).with_toggled("L0H1", "L0H2", "L2H3")
    code = snippets.with_transformers(str(folder), None, subject, mask)
    assert "headviz" not in code.replace(str(folder), "")
    told: dict[str, Any] = {"print": lambda *parts: None}
    exec(compile(code, "snippet", "exec"), told)  # the same interpreter: torch is here already

    text = "A text to classify."
    expected = subject.forward(
        subject.encode([(text,)]).batch(__import__("numpy").array([0])).inputs, gates=subject.gates(mask.keep)
    )
    assert told["logits"].allclose(expected, atol=1e-5)
    unmasked = subject.forward(subject.encode([(text,)]).batch(__import__("numpy").array([0])).inputs)
    assert not told["logits"].allclose(unmasked, atol=1e-3)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What would have stopped a reader's terminal until they answer."""
    questions: list[str] = []
    monkeypatch.setattr("builtins.input", lambda question="": questions.append(question) or "n")
    return questions


@pytest.mark.parametrize("family", ["bert", "gpt2"])
def test_snippet_for_a_pruned_folder_cuts_further(family: str, tmp_path: Path, asked: list[str]) -> None:
    model, tokenizer = tiny_model(family)
    whole = hv.Subject.wrap(model, tokenizer, name=family)
    folder = hv.save_pruned(hv.prune(whole, hv.Mask.full(whole).with_toggled("L0H1", "L2H3")), tmp_path / family)
    subject = hv.load(folder)
    mask = hv.Mask.full(subject).with_toggled("L0H1", "L1H3")
    told: dict[str, Any] = {"print": lambda *parts: None}
    exec(compile(snippets.with_transformers(str(folder), None, subject, mask), "snippet", "exec"), told)
    inputs = subject.encode([("A text to classify.",)]).batch(np.array([0])).inputs
    assert told["logits"].allclose(subject.forward(inputs, gates=subject.gates(mask.keep)), atol=1e-5)
    assert asked == []


def test_snippet_that_opens_a_pruned_folder_asks_nothing(tmp_path: Path, asked: list[str]) -> None:
    whole = hv.Subject.wrap(*tiny_model("bert"), name="bert")
    folder = hv.save_pruned(hv.prune(whole, hv.Mask.full(whole).with_toggled("L0H1")), tmp_path / "pruned")
    exec(compile(snippets.pruned_folder(str(folder), False), "snippet", "exec"), {"print": lambda *parts: None})
    assert asked == []


def test_snippet_with_transformers_runs_by_itself(tiny_subject: Any, tiny_folder: Path, tmp_path: Path) -> None:
    mask = hv.Mask.full(tiny_subject).with_toggled("L1H0")
    assert (
        run(snippets.with_transformers(str(tiny_folder), None, tiny_subject, mask), tmp_path).strip()
        in tiny_subject.labels
    )


def test_snippet_for_pairs_gives_two_texts(tiny_subject: Any, tiny_folder: Path) -> None:
    mask = hv.Mask.full(tiny_subject).with_toggled("L1H0")
    code = snippets.with_transformers(str(tiny_folder), None, tiny_subject, mask, pair=True)
    assert 'tokenizer("A first text.", "And a second.", return_tensors="pt")' in code
    exec(compile(code, "snippet", "exec"), {"print": lambda *parts: None})


def test_head_cut_in_some_uses_of_shared_weights_is_refused_by_name(tmp_path: Path) -> None:
    subject = hv.load(save_tiny(tmp_path / "albert", "albert"))
    with pytest.raises(MaskError, match="L1H2"):
        snippets.with_transformers("x", None, subject, hv.Mask.full(subject).with_toggled("L1H2"))
    everywhere = hv.Mask.full(subject).with_toggled("L0H2", "L1H2", "L2H2")
    assert "[2]" in snippets.with_transformers("x", None, subject, everywhere)


def test_names_with_quotes_stay_one_string(tiny_subject: Any) -> None:
    mask = hv.Mask.full(tiny_subject)
    name = "a'b\"c\\d\n"
    for code in (
        snippets.with_transformers(name, "r'ev", tiny_subject, mask),
        snippets.with_headviz(name, "r'ev", hv.load_data(_rows()), name),
    ):
        compile(code, "snippet", "exec")


def _rows() -> Any:
    import pandas as pd

    return pd.DataFrame({"text": ["a", "b"], "label": ["good", "bad"]})
