"""The frame around the commands: help, usage errors, exit codes as a shell sees them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import headviz
from headviz.cli import COMMANDS, main, score

ROOT = Path(__file__).resolve().parent.parent.parent
NAMES = [command.__name__.rpartition(".")[2] for command in COMMANDS]


@pytest.mark.parametrize("name", NAMES)
def test_help_of_a_command_has_an_example_that_parses(name: str, run: Callable) -> None:
    ran = run(name, "--help")
    assert ran.code == 0 and ran.err == ""
    (example,) = [line for line in ran.out.splitlines() if line.startswith("Example: headviz ")]
    from headviz.cli import _split, parser

    own, _ = _split(example.removeprefix("Example: headviz ").split())
    assert parser().parse_args(own).run.__module__ == f"headviz.cli.{name}"
    assert "--json" in ran.out


@pytest.mark.parametrize("name", ["score", "select", "evaluate", "cahp", "prune", "export"])
def test_commands_that_read_data_take_the_same_flags(name: str, run: Callable) -> None:
    shown = run(name, "--help").out
    for flag in ("--device", "--limit", "--seed", "--split", "--inputs", "--label ", "--labels"):
        assert flag in shown


def test_version_is_printed(run: Callable) -> None:
    assert run("--version").out == f"headviz {headviz.__version__}\n"


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "COMMAND"),
        (["cut"], "invalid choice: 'cut'"),
        (["score", "demo/reviews"], "DATA"),
        (["score", "a", "b", "--limit", "many"], "'many' is not a whole number"),
        (["select", "s.parquet", "--criterion", "his", "--prune", "half"], "such as 36"),
        (["evaluate", "a", "b", "--labels", "x"], "RAW=LABEL"),
        (["evaluate", "a", "b", "--devise", "cpu"], "--devise"),
        (["app", "--port", "0"], "from 1 to 65535"),
        (["app", "stray"], "stray"),
    ],
)
def test_wrong_arguments_are_one_sentence_and_exit_code_2(argv: list[str], said: str, refused: Callable) -> None:
    sentence = refused(*argv)
    assert said in sentence
    assert sentence.endswith("--help shows how it is called.")


def test_interrupt_in_the_middle_is_exit_code_130(monkeypatch: pytest.MonkeyPatch, refused: Callable) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(score, "open_data", interrupted)
    assert main(["score", "a", "b"]) == 130


def test_bug_in_the_middle_is_exit_code_1(monkeypatch: pytest.MonkeyPatch, run: Callable) -> None:
    def broken(*_: object) -> None:
        raise KeyError("key")

    monkeypatch.setattr(score, "open_data", broken)
    ran = run("score", "a", "b")
    assert ran.code == 1 and ran.out == ""
    assert "Traceback" in ran.err and "please report" in ran.err


def shell(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "headviz", *argv], cwd=ROOT, capture_output=True, text=True, timeout=120
    )


def test_help_in_a_process_of_its_own_loads_no_torch() -> None:
    code = (
        "import sys; from headviz.cli import main; code = main(['score', '--help']);"
        "sys.exit(code or int(bool({'torch', 'numpy', 'pandas', 'streamlit'} & set(sys.modules))))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, timeout=60).returncode == 0


def test_process_with_a_missing_file_ends_with_2_and_one_line() -> None:
    ran = shell("score", "demo/reviews", "no-such-file.csv")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "no-such-file.csv" in ran.stderr.splitlines()[-1] and "Traceback" not in ran.stderr


def test_process_whose_reader_leaves_ends_quietly() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "headviz", "--help"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) in (0, 120) and b"Traceback" not in err
