"""Boards: bounded, least recently used out first, one thing per key."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from headviz.ui.shelf import Board
from tests.ui.conftest import send


def test_board_lets_go_of_what_was_used_longest_ago() -> None:
    board = Board(2)
    board.put("a", 1)
    board.put("b", 2)
    assert board.get("a") == 1
    board.put("c", 3)
    assert (board.get("a"), board.get("b"), board.get("c"), len(board)) == (1, None, 3, 2)


def test_the_first_thing_of_a_key_is_the_one_that_all_share() -> None:
    board = Board(2)
    first, second = object(), object()
    assert board.put("a", first) is first
    assert board.put("a", second) is first


def test_forget_takes_every_key_that_has_the_part_at_any_depth() -> None:
    board = Board(9)
    for key in ("model", ("scores", "model", 3), ("plan", ("model", 1)), ("scores", "other"), ("model 2",)):
        board.put(key, key)
    board.forget("model")
    assert board.values() == [("scores", "other"), ("model 2",)]


def test_model_of_the_same_weights_with_other_labels_is_taken_with_its_own_and_nothing_computed_before(
    app: Callable[..., Any], tiny_folder: Path, tiny_file: Path, tmp_path: Path
) -> None:
    other = Path(shutil.copytree(tiny_folder, tmp_path / "tiny-bert"))
    config = json.loads((other / "config.json").read_text("utf-8"))
    turned = dict(zip(("0", "1", "2"), reversed(config["id2label"].values()), strict=True))
    config |= {"id2label": turned, "label2id": {name: int(place) for place, name in turned.items()}}
    (other / "config.json").write_text(json.dumps(config), "utf-8")
    at = app()
    send(at, model_source=str(tiny_folder))
    send(at, data_source=str(tiny_file))
    session = at.session_state["headviz"]
    first = session.subject
    at.switch_page("pages/mask.py").run()
    at.switch_page("app.py").run()
    send(at, model_source=str(other))
    assert session.subject.fingerprint == first.fingerprint
    assert session.subject.labels == tuple(reversed(first.labels))
    at.switch_page("pages/mask.py").run()
    assert not at.exception and not at.error
