"""A tiny model folder, a data file in its words, and a way to run a command and see what it printed."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from headviz.cli import main
from tests.tiny import LABELS, save_tiny, tiny_texts

ROWS = 24


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    def run(*argv: object) -> Ran:
        capsys.readouterr()
        code = main([str(part) for part in argv])
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


@pytest.fixture
def refused(run: Callable[..., Ran]) -> Callable[..., str]:
    """Run a command that has to fail with exit code 2; returns its one sentence."""

    def refused(*argv: object) -> str:
        ran = run(*argv)
        assert ran.code == 2, ran
        assert ran.out == ""
        assert "Traceback" not in ran.err
        lines = [line for line in ran.err.splitlines() if line.startswith("headviz: ")]
        assert len(lines) == 1, ran.err
        assert lines[0].endswith((".", "?", ")"))
        return lines[0].removeprefix("headviz: ")

    return refused


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(save_tiny(tmp_path_factory.mktemp("cli") / "model", "bert"))


@pytest.fixture(scope="session")
def data_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ROWS rows of text and label name, the three labels in turn."""
    path = tmp_path_factory.mktemp("cli-data") / "rows.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for i, text in enumerate(tiny_texts(ROWS)):
            writer.writerow([text, LABELS[i % 3]])
    return path


@pytest.fixture(scope="session")
def scores_file(tmp_path_factory: pytest.TempPathFactory, model_folder: Path, data_file: Path) -> Path:
    path = tmp_path_factory.mktemp("cli-scores") / "scores.parquet"
    assert main(["score", str(model_folder), str(data_file), "-o", str(path)]) == 0
    return path


CUT = ("L0H1", "L1H0", "L1H1", "L1H2", "L1H3")
"""The heads that `mask_file` prunes of the tiny model: one layer loses all of its four."""


@pytest.fixture(scope="session")
def mask_file(tmp_path_factory: pytest.TempPathFactory, model_folder: Path) -> Path:
    import headviz as hv

    path = tmp_path_factory.mktemp("cli-mask") / "mask.json"
    hv.Mask.full(hv.load(model_folder)).with_toggled(*CUT).save(path)
    return path
