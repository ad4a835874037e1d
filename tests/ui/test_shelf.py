"""Boards: bounded, least recently used out first, one thing per key."""

from __future__ import annotations

from headviz.ui.shelf import Board


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
