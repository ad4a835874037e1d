"""The command line at its edges: streams that are closed, full or ASCII alone, readers that go, and Ctrl-C at once."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headviz.cli import main, score
from headviz.cli.output import Result

ROOT = Path(__file__).resolve().parent.parent.parent
SAYING = ["score", "MODEL", "DATA"]


def saying(text: str) -> Callable[..., Result]:
    return lambda args, console: (console.note(text), Result([text], {"name": text}))[1]


def shell(line: str) -> subprocess.CompletedProcess[str]:
    """``line`` in a shell, in which $headviz is the command."""
    environment = {**os.environ, "headviz": f"{sys.executable} -m headviz", "PYTHONPATH": str(ROOT)}
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, env=environment, timeout=60)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a system without /dev/full")
@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        ("$headviz select no.parquet --criterion his --prune 1 >&-", 2, "standard output is closed"),
        ("$headviz --version >/dev/full", 2, "No space left on device"),
        ("$headviz --help >/dev/full", 2, "No space left on device"),
        ("$headviz --help >&- 2>&-", 2, None),
        ("$headviz --nothing 2>&-", 2, None),
        ("$headviz --help | true; exit ${PIPESTATUS[0]}", 0, None),
    ],
)
def test_shell_sees_a_code_and_one_sentence_whatever_the_streams_are(line: str, code: int, says: str | None) -> None:
    ran = shell(line)
    assert ran.returncode == code, ran
    assert "Traceback" not in ran.stderr and "Exception ignored" not in ran.stderr and ran.stdout == ""
    if says is None:
        assert ran.stderr == ""
    else:
        (told,) = ran.stderr.splitlines()
        assert told.startswith("headviz: The result cannot be printed: ") and says in told and told.endswith(".")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a system without /dev/full")
def test_result_that_finds_no_room_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(score, "run", saying("a result"))
    for flags in ([], ["--json"]):
        with open("/dev/full", "w", encoding="utf-8") as full:
            monkeypatch.setattr(sys, "stdout", full)
            assert main([*SAYING, *flags]) == 2
            monkeypatch.undo()
            monkeypatch.setattr(score, "run", saying("a result"))
        told = capsys.readouterr().err.splitlines()[-1]
        assert told.startswith("headviz: The result cannot be printed: No space left on device.")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
@pytest.mark.parametrize("text", ["dé.csv", "日本.csv", os.fsdecode(b"d\xe9.csv"), "…\n"])
def test_odd_names_are_printed_in_every_encoding_and_json_stays_json(
    encoding: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for flags in ([], ["--json"]):
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2))
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        monkeypatch.setattr(score, "run", saying(text))
        code = main([*SAYING, *flags])
        written, noted = (stream.buffer.getvalue().decode(encoding) for stream in (out, err))  # type: ignore[attr-defined]
        monkeypatch.undo()
        assert code == 0 and noted.startswith("Note: "), noted
        expected = text.encode("utf-8", "backslashreplace").decode()
        if flags:
            assert json.loads(written) == {"name": expected}
        else:
            assert written.rstrip("\n") == text.encode(encoding, "backslashreplace").decode(encoding).rstrip("\n")


INTERRUPTED = """
import importlib.abc, os, signal, sys

class Interrupt(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == {at!r}:
            sys.meta_path.remove(self)
            try:
                os.kill(os.getpid(), signal.SIGINT)
                for _ in range(10**7):
                    pass
            except KeyboardInterrupt:
                raise {then}
        return None

sys.meta_path.insert(0, Interrupt())
sys.argv = ["headviz", "score", "a", "b"]
from headviz.__main__ import start
sys.exit(start())
"""


@pytest.mark.parametrize("at", ["headviz.cli", "headviz.cli.recover", "headviz.data"])
@pytest.mark.parametrize("then", ["KeyboardInterrupt()", "ImportError('interrupted')"])
def test_ctrl_c_in_the_middle_of_an_import_is_one_sentence(at: str, then: str) -> None:
    script = INTERRUPTED.format(at=at, then=then)
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, timeout=60,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (130, ""), ran
    assert ran.stderr == "headviz: interrupted; nothing half-written is left.\n"


def test_installed_command_is_the_one_that_listens_first() -> None:
    import tomllib

    scripts: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
    assert scripts == {"headviz": "headviz.__main__:start"}
