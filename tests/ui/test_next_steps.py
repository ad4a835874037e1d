"""The one next step that every page names while something is missing, and that it can be taken where its link leads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.tiny import save_tiny
from tests.ui.conftest import said, send

PAGES = [f"pages/{name}.py" for name in ("scores", "complementarity", "mask", "recover", "export")]


@pytest.fixture
def model_alone(app: Callable[..., Any], tiny_folder: Path) -> Any:
    return send(app(), model_source=str(tiny_folder))


@pytest.fixture
def data_alone(app: Callable[..., Any], tiny_file: Path) -> Any:
    return send(app(), data_source=str(tiny_file))


@pytest.fixture
def unlabelled(model_alone: Any, tmp_path: Path) -> Any:
    (tmp_path / "plain.csv").write_text(
        "\n".join(["text", *(f"film {number} was good" for number in range(9))]), encoding="utf-8"
    )
    return send(model_alone, data_source=str(tmp_path / "plain.csv"))


@pytest.fixture
def regression(app: Callable[..., Any], tiny_folder: Path, tmp_path: Path) -> Any:
    """A model that predicts a number was refused; what was asked for is not open."""
    folder = save_tiny(tmp_path / "score")
    config = folder / "config.json"
    config.write_text(config.read_text("utf-8").replace("{", '{"problem_type": "regression",', 1), encoding="utf-8")
    return send(app(), model_source=str(folder))


def links(at: Any) -> list[str]:
    """The labels of all links but those of the navigation."""
    return [one.proto.label for one in at.get("page_link") if one.proto.label not in NAVIGATION]


NAVIGATION = ("Home", "Scores", "Complementarity", "Mask", "Recover", "Export")


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    ("state", "step", "button"),
    [
        ("model_alone", "Open data on Home", "Open data"),
        ("data_alone", "Open a model of your own on Home", "Open model"),
        ("unlabelled", "Open data with labels on Home", "Open data"),
        ("regression", "Open a model of your own on Home", "Open model"),
    ],
)
def test_step_that_a_page_names_can_be_taken_on_the_page_it_leads_to(
    request: pytest.FixtureRequest, state: str, step: str, button: str, page: str
) -> None:
    at = request.getfixturevalue(state).switch_page(page).run()
    assert not at.exception and links(at) == [step]
    at.switch_page("app.py").run()
    assert not at.exception
    forms = next(one for one in at.expander if one.label.startswith("Open"))
    assert forms.proto.expanded, "what is to be done is in sight"
    assert button in [one.label for one in forms.button]


def test_regression_says_why_it_is_not_opened_and_leaves_the_forms(regression: Any) -> None:
    assert "predicts a number" in said(regression) and not regression.exception
    assert regression.session_state["headviz"].model is None


@pytest.mark.parametrize("page", ["app.py", *PAGES])
@pytest.mark.parametrize(("cut", "step"), [(0, "Cut heads on Mask"), (12, "Restore heads on Mask")])
def test_cutting_nothing_or_all_leads_to_no_dead_end(opened: Any, cut: int, step: str, page: str) -> None:
    at = opened.switch_page("pages/mask.py").run()
    at.select_slider(key="_w_prune").set_value(cut).run()
    at.switch_page(page).run()
    assert not at.exception and not at.error
    if page == "pages/recover.py":
        assert links(at) == [step]
        at.switch_page("pages/mask.py").run()
        assert not at.select_slider(key="_w_prune").disabled
