"""Errors of the library in the words of the command line: every sentence that names an argument, and end to end."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import headviz
from headviz.cli import COMMANDS, parser
from headviz.cli.wording import in_flags

PACKAGE = Path(headviz.__file__).parent
PYTHON = re.compile(r"(?<![\w.-])[a-z][a-z_]*=|\bhv\.|\.save\(\)")


def sentences() -> Iterator[tuple[str, str]]:
    """(place, text) of every text in the library that reads like Python; what is filled in stands as x1."""
    for path in sorted(PACKAGE.rglob("*.py")):
        inner = path.relative_to(PACKAGE)
        if inner.parts[0] in ("ui", "cli", "demo", "pruned_modeling"):
            continue
        tree = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)):
                continue
            for argument in node.exc.args:
                parts = argument.values if isinstance(argument, ast.JoinedStr) else [argument]
                text = "".join(str(one.value) if isinstance(one, ast.Constant) else "x1" for one in parts)
                if PYTHON.search(text):
                    yield f"{inner}:{node.lineno}", text


def flags_of(name: str) -> dict[str, str]:
    (commands,) = [action for action in parser()._actions if action.choices and not action.option_strings]
    return {one.dest: one.option_strings[-1] for one in commands.choices[name]._actions if one.option_strings}


NAMES = [command.__name__.rpartition(".")[2] for command in COMMANDS]


@pytest.mark.parametrize("name", NAMES)
def test_no_sentence_of_the_library_speaks_python_on_the_command_line(name: str) -> None:
    found = dict(sentences())
    assert len(found) > 20  # so many name an argument
    flags = flags_of(name)
    for place, text in found.items():
        told = re.sub(r"--option [a-z_]+=", "--option ", in_flags(text, flags))
        assert not PYTHON.search(re.sub(r"(--labels |labels )\S+", "", told)), (place, told)


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        ("The criterion hies needs alpha, a number from 0 to 1; pass alpha=...", "pass --alpha ..."),
        ("Choose one with split=.", "Choose one with --split."),
        ('Say which with labels={"1": "good", "0": ...}.', "Say which with --labels 1=good,0=...."),
        ("normalise='x' is not one of global, layer, rank.", "--option normalise=x is not one of"),
        ("prune=0.75 is not between", "--prune 0.75 is not between"),
        ("make it anew with headviz score or scores.save().", "make it anew with headviz score."),
        ("Start another with hv.recover.", "Start another with headviz recover."),
    ],
)
def test_arguments_become_the_flags_of_the_command(sentence: str, told: str) -> None:
    assert told in in_flags(sentence, flags_of("select"))


@pytest.mark.parametrize(
    "named",
    ["runs/lr=0.1/model has no config.json.", "'runs/lr=3e-5,seed=1/a.csv' is empty.", "Row 2: the label 'label=5'."],
)
def test_names_of_people_that_look_like_arguments_stay_as_they_are(named: str) -> None:
    assert in_flags(named, flags_of("select") | flags_of("score")) == named


def test_what_a_command_has_no_flag_for_is_named_without_python() -> None:
    assert in_flags("try dtype='float32'.", flags_of("score")) == "try dtype float32."
    assert in_flags("a == b, x=1, LABEL=2, --option steps=3", {}) == "a == b, x 1, LABEL=2, --option steps=3"


def test_errors_of_commands_name_flags(
    refused: Callable[..., str], scores_file: Path, model_folder: Path, data_file: Path
) -> None:
    said = refused("select", scores_file, "--criterion", "hies", "--prune", 3)
    assert "--alpha" in said and "alpha=" not in said
    said = refused("evaluate", model_folder, "demo/reviews")
    assert "--split" in said and "split=" not in said
    for command in ("score", "evaluate"):
        said = refused(command, model_folder, data_file, "--inputs", "nothing")
        assert not PYTHON.search(said)
