"""A pruned model in the app: a model like any other, with uneven layers and one that lost all of its heads."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headviz as hv
from tests.tiny import save_tiny
from tests.ui.conftest import said, send


@pytest.fixture(scope="module")
def pruned_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("pruned")
    subject = hv.load(save_tiny(place / "whole"))
    keep = np.array([[1, 0, 1, 1], [0, 0, 0, 0], [1, 1, 0, 1]], dtype=bool)
    return hv.save_pruned(hv.prune(subject, hv.Mask(keep)), place / "pruned")


@pytest.fixture
def opened(app: Callable[..., Any], pruned_folder: Path, tiny_file: Path) -> Any:
    return send(send(app(), model_source=str(pruned_folder)), data_source=str(tiny_file))


def test_home_says_what_is_left_of_a_pruned_model(opened: Any) -> None:
    assert not opened.error
    assert opened.session_state["headviz"].model.subject.heads == (3, 0, 3)
    texts = said(opened) + "\n".join(block.value for block in [*opened.markdown, *opened.caption])
    assert "Pruned: 6 of 12 heads are left; layer 1 has none." in texts.replace("\\", "")
    assert "3 layers, 6 heads in all" in texts


@pytest.mark.parametrize("page", ["scores", "mask", "export", "complementarity"])
def test_page_works_with_a_pruned_model(opened: Any, page: str) -> None:
    at = opened.switch_page(f"pages/{page}.py").run()
    assert not at.exception and not at.error


def test_export_offers_a_pruned_model_only_the_forms_that_it_can_have(opened: Any, tiny_folder: Path) -> None:
    at = opened.switch_page("pages/export.py").run()
    assert at.segmented_control(key="model_form").options == ["Pruned, smaller", "ONNX, smaller"]
    assert at.segmented_control(key="model_form").value == "pruned"
    at = send(at.switch_page("app.py").run(), model_source=str(tiny_folder)).switch_page("pages/export.py").run()
    assert at.segmented_control(key="model_form").options[0] == "Masked, same size"
    assert not at.exception and not at.error


def test_pruned_model_can_be_cut_further(opened: Any) -> None:
    at = opened.switch_page("pages/mask.py").run()
    at.select_slider(key="_w_prune").set_value(2).run()
    assert not at.exception and not at.error
    at.switch_page("pages/export.py").run()
    assert not at.exception and not at.error
    record = json.loads(at.code[0].value)
    assert record["model"]["heads"] == [3, 0, 3]
    assert sum(map(len, record["pruned_heads"].values())) == 2
