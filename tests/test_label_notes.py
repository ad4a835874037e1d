"""Notes on labels that may not mean what they are taken for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import headviz as hv
from headviz.label_notes import id_notes
from tests.tiny import tiny_model, tiny_texts


def data(labels: list, option=None) -> hv.Data:
    return hv.load_data(pd.DataFrame({"text": ["a"] * len(labels), "label": labels}), labels=option)


@pytest.mark.parametrize(
    ("labels", "option", "model", "noted"),
    [
        ([1, 2, 1], "ids", ("a", "b", "c"), True),
        (["1", "2"], None, ("LABEL_0", "LABEL_1", "LABEL_2"), True),
        ([0, 2, 2], "ids", ("a", "b", "c"), False),
        ([1, 2], {1: "a", 2: "b"}, ("a", "b"), False),
        (["b", "c"], None, ("a", "b", "c"), False),
    ],
)
def test_ids_without_a_zero_are_noted(labels: list, option: object, model: tuple[str, ...], noted: bool) -> None:
    found = id_notes(data(labels, option), model)
    assert bool(found) == noted
    assert not noted or "Do its labels count from 1?" in found[0]


def test_evaluation_says_that_no_label_is_zero() -> None:
    subject = hv.Subject.wrap(*tiny_model("bert"), name="tiny")
    texts = pd.DataFrame({"text": tiny_texts(4), "label": [1, 1, 1, 1]})
    (note, *_) = hv.evaluate(subject, hv.load_data(texts, labels="ids")).notes
    assert "has the label 0" in note


def answering(confusion: list[list[int]], pruned: tuple[str, ...] = ()) -> hv.Evaluation:
    """An evaluation whose confusion table is ``confusion``."""
    table = np.array(confusion)
    pairs = [(i, j) for i, j in np.ndindex(*table.shape) for _ in range(table[i, j])]
    labels, predictions = np.array(pairs).T
    return hv.Evaluation(
        logits=np.eye(len(table), dtype=np.float32)[predictions],
        labels=labels,
        loss=np.zeros(len(labels)),
        ids=np.arange(len(labels)),
        classes=("a", "b", "c", "d")[: len(table)],
        task="text-classification",
        metric_names=("accuracy",),
        provenance={"options": {"pruned": list(pruned)}},
    )


@pytest.mark.parametrize(
    "confusion",
    [
        [[10, 40], [35, 15]],  # right one time in four
        [[0, 9], [9, 0]],
        [[50, 1, 1], [2, 5, 40], [1, 45, 4]],  # better than the constant, but two of three exchanged
    ],
)
def test_two_labels_answered_with_each_other_are_asked_about(confusion: list[list[int]]) -> None:
    (note,) = answering(confusion).notes
    assert note.startswith("Are the labels swapped?")


@pytest.mark.parametrize(
    "confusion",
    [
        [[40, 10], [10, 40]],
        [[26, 24], [27, 23]],  # no better than chance, and no worse
        [[2, 0], [1, 0]],
        [[50, 0], [50, 0]],  # always the same answer
        [[20, 15, 15], [15, 20, 15], [15, 15, 20]],
    ],
)
def test_models_that_are_merely_bad_are_not_asked_about(confusion: list[list[int]]) -> None:
    assert answering(confusion).notes == ()


def test_labels_that_all_moved_on_by_one_are_asked_about() -> None:
    (note,) = answering([[1, 30, 0], [0, 1, 30], [30, 0, 1]]).notes
    assert note.startswith("Are the labels mixed up?")


def test_cut_model_that_answers_the_other_way_round_is_no_sign_of_swapped_labels() -> None:
    assert answering([[0, 9], [9, 0]], pruned=("L0H0",)).notes == ()
