"""Tables of what a mask flips: texts beside their rows, sentences, classes worth drawing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import headviz as hv
from headviz.ui import flip_frames
from headviz.ui.charts import SIDES
from tests.test_evaluation import predicting

LABELS = [0, 0, 1, 2]
BEFORE, NOW = predicting([0, 0, 1, 0], LABELS), predicting([0, 1, 0, 1], LABELS)


def data_of(texts: list[str], first: int = 100) -> hv.Data:
    """Data whose rows are 100, 101, ..., as those of `predicting`."""
    rows = [{"text": "before", "label": "a"}] * first + [{"text": text, "label": "a"} for text in texts]
    return hv.load_data(pd.DataFrame(rows))[first:]


def many(predictions: np.ndarray, labels: np.ndarray, classes: int) -> hv.Evaluation:
    return hv.Evaluation(
        logits=np.eye(classes, dtype=np.float32)[predictions], labels=labels, loss=np.zeros(len(labels)),
        ids=np.arange(len(labels)), classes=tuple(f"c{number}" for number in range(classes)),
        task="text-classification", metric_names=("accuracy",), provenance={},
    )  # fmt: skip


def test_flipped_puts_each_text_beside_its_row() -> None:
    table = flip_frames.flipped(NOW, BEFORE, data_of(["zero", "one", "two", "three"]))
    assert dict(zip(table["id"], table["text"], strict=True)) == {101: "one", 102: "two", 103: "three"}
    assert table["kind"].tolist() == ["broken", "broken", "moved"]


def test_flipped_of_a_pair_has_both_texts() -> None:
    frame = pd.DataFrame({"sentence1": ["x", "y"], "sentence2": ["u", "v"], "label": ["a", "b"]})
    labels = np.array([0, 1])
    table = flip_frames.flipped(many(labels, labels, 2), many(labels[::-1], labels, 2), hv.load_data(frame))
    assert table[["text", "second text"]].to_numpy().tolist() == [["x", "u"], ["y", "v"]]


def test_flipped_with_other_examples_than_were_measured_is_refused() -> None:
    with pytest.raises(hv.DataError, match="not the ones that were measured"):
        flip_frames.flipped(NOW, BEFORE, data_of(["zero", "one", "two"]))


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ([0, 0, 1, 0], "Of 4 examples none has another prediction with this mask."),
        ([0, 1, 1, 0], "Of 4 examples 1 prediction changed: 1 broken."),
        ([0, 1, 0, 2], "Of 4 examples 3 predictions changed: 2 broken, 1 mended."),
        ([0, 0, 1, 1], "Of 4 examples 1 prediction changed: 1 moved between wrong labels."),
    ],
)
def test_counts_stand_in_one_sentence(now: list[int], told: str) -> None:
    assert flip_frames.in_words(predicting(now, LABELS).flips(BEFORE), 4) == told


def test_brief_texts_are_one_short_line_and_others_stay_whole() -> None:
    table = flip_frames.flipped(NOW, BEFORE, data_of(["zero", "a\n\n b", "word " * 200, "c"]))
    short = dict(zip(table["id"], flip_frames.brief(table, 3)["text"], strict=True))
    assert short[101] == "a b" and short[103] == "c"
    assert len(short[102]) == 160 and short[102].endswith("…") and "position" not in flip_frames.brief(table, 3)
    assert len(flip_frames.brief(table, 1)) == 1


def test_drawn_classes_are_all_of_few_and_the_most_changed_of_many() -> None:
    assert flip_frames.drawn_classes(NOW, BEFORE).tolist() == [0, 1, 2]
    labels = np.arange(30)
    before, now = many(labels, labels, 30), many(np.where(labels < 20, labels, 29 - labels), labels, 30)
    # 20 to 29 are right before and become 9 to 0; nothing happens to 10 to 19
    assert flip_frames.drawn_classes(now, before).tolist() == [*range(10), *range(20, 30)]


def test_matrix_shares_are_of_all_examples_of_the_true_label() -> None:
    counts, shares = flip_frames.matrix(predicting([0, 1, 2, 0], [0, 0, 0, 1]), np.array([0, 2]))
    assert counts.tolist() == [[1, 1], [0, 0]]
    np.testing.assert_allclose(shares[0], [1 / 3, 1 / 3])
    assert np.isnan(shares[1]).all()


def test_recall_rows_have_both_sides_of_each_class_with_its_examples() -> None:
    rows = flip_frames.recall_rows(NOW, BEFORE, np.array([0, 2]))
    assert rows["class"].tolist() == ["a (n = 2)", "a (n = 2)", "c (n = 1)", "c (n = 1)"]
    assert rows["side"].tolist() == list(SIDES) * 2
    assert rows["value"].tolist() == [1.0, 0.5, 0.0, 0.0]
