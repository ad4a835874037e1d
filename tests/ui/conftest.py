"""The app without a browser: pages run by Streamlit's AppTest, background work done at once, tiny models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headviz.ui import calibration as calibration_module
from headviz.ui import engine, sources
from headviz.ui import results as results_module
from headviz.ui.jobs import Job, Jobs, Pool
from headviz.ui.results import Results
from headviz.ui.shelf import Shelf
from headviz.ui.state import OpenedModel, Session
from tests.tiny import LABELS, save_tiny, tiny_labels, tiny_texts

ROOT = Path(__file__).resolve().parent.parent.parent
ROWS = 40


class AtOnce(Pool):
    """A pool that does each job before it comes back."""

    def submit(self, owner: int, job: Job) -> None:
        job.run()


@pytest.fixture(scope="session", autouse=True)
def _engine() -> None:
    """Pages import torch in the background; no test begins while that is under way."""
    assert engine.wait(120)


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("models") / "tiny-bert")


@pytest.fixture(scope="session")
def tiny_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty labelled texts."""
    path = tmp_path_factory.mktemp("data") / "reviews.tsv"
    rows = [f"{text}\t{label}" for text, label in zip(tiny_texts(ROWS), tiny_labels(ROWS), strict=True)]
    path.write_text("\n".join(["text\tlabel", *rows]) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def tiny_subject(tiny_folder: Path) -> Any:
    import headviz as hv

    return hv.load(tiny_folder)


@pytest.fixture
def made(tiny_subject: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Results:
    """Results without a page, of the tiny model and sixty texts in two halves; sizes of 16 instead of 512, so that
    thirty examples are many."""
    for module in (results_module, calibration_module):
        monkeypatch.setattr(module, "DEFAULT_CALIBRATION", 16)
    rows = [f"{text}\t{label}" for text, label in zip(tiny_texts(60), tiny_labels(60), strict=True)]
    (tmp_path / "many.tsv").write_text("\n".join(["text\tlabel", *rows]), encoding="utf-8")
    session = Session()
    session.choice.calibration = 16
    session.open_model(OpenedModel(tiny_subject, "tiny", tiny_subject.fingerprint))
    session.data = sources.open_data(str(tmp_path / "many.tsv"), local=True)
    return Results(session, Shelf(), Jobs(AtOnce()))


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A visitor with a session of their own: ``app()``, or ``app("pages/scores.py", alpha="0.5")`` by a link."""
    from streamlit.testing.v1 import AppTest

    shelf, jobs = (
        Shelf(),
        Jobs(AtOnce()),
    )  # AppTest gives all its sessions one name, so caches of a session are one, too
    monkeypatch.setattr("headviz.ui.page._jobs", lambda: jobs)
    monkeypatch.setattr("headviz.ui.page._shelf", lambda: shelf)
    # AppTest makes its list of pages anew at each run, and not at one of fragments alone: here the whole page runs
    monkeypatch.setattr("headviz.ui.controls.draw_again", lambda fragments: None)

    def visit(page: str | None = None, /, **parameters: str) -> Any:
        at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
        for name, value in parameters.items():
            at.query_params[name] = value
        at.run()
        return at if page is None else at.switch_page(page).run()

    return visit


@pytest.fixture
def opened(app: Callable[..., Any], tiny_folder: Path, tiny_file: Path) -> Any:
    """A visitor with the tiny model and its data open."""
    at = app()
    send(at, model_source=str(tiny_folder))
    send(at, data_source=str(tiny_file))
    assert at.session_state["headviz"].data is not None
    return at


def send(at: Any, **fields: str) -> Any:
    """Fill fields of one of Home's forms and send it."""
    for key, value in fields.items():
        at.text_input(key=key).input(value)
    name = "Open model" if "model_source" in fields else "Open data"
    next(button for button in at.button if button.label == name).click()
    at.run()
    assert not at.exception
    return at


def said(at: Any) -> str:
    """All that a page says in alerts, as a person reads it."""
    return "\n".join(alert.value.replace("\\", "") for alert in [*at.error, *at.warning, *at.info, *at.success])


__all__ = ["LABELS", "ROWS", "said", "send"]
