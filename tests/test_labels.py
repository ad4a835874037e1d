"""Raw labels to the model's class ids."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headviz.data import Data, load_data, read_upload
from headviz.errors import DataError
from headviz.labels import is_nameless, match_labels, needs_choice

NLI = ("contradiction", "neutral", "entailment")
NAMELESS = ("LABEL_0", "LABEL_1", "LABEL_2")


def data(labels: list, option=None) -> Data:
    return load_data(
        pd.DataFrame({"text": ["a"] * len(labels), "label": pd.Series(labels, dtype=object)}), labels=option
    )


def named(labels: list, names: tuple[str, ...], option=None) -> Data:
    """Integers with names, as a Hugging Face ClassLabel has them."""
    import io
    import json

    import pyarrow as pa
    import pyarrow.parquet as parquet

    features = {"info": {"features": {"label": {"_type": "ClassLabel", "names": list(names)}}}}
    table = pa.table({"text": ["a"] * len(labels), "label": labels})
    buffer = io.BytesIO()
    parquet.write_table(table.replace_schema_metadata({"huggingface": json.dumps(features)}), buffer)
    return read_upload("a.parquet", buffer.getvalue(), labels=option)


def ids(of: Data, model: tuple[str, ...]) -> list[int]:
    found = match_labels(of, model)
    assert found.dtype == np.int64 and found.shape == (len(of),)
    return found.tolist()


# By name


def test_names_match_in_the_models_order() -> None:
    assert ids(data(["entailment", "neutral", "contradiction"]), NLI) == [2, 1, 0]


@given(st.sampled_from(["very negative", "neutral"]), st.sampled_from(["", " ", "_", "-", "  "]), st.booleans())
def test_names_match_without_case_spaces_underscore_and_hyphen(name: str, gap: str, upper: bool) -> None:
    spelled = name.replace(" ", gap)
    model = ("Very_Negative", "NEUTRAL")
    assert ids(data([f" {spelled.upper() if upper else spelled}"]), model) == [name == "neutral"]


def test_names_of_integers_match_whatever_the_order_of_the_integers() -> None:
    of = named([0, 1, 2], ("entailment", "neutral", "contradiction"))
    assert ids(of, NLI) == [2, 1, 0]
    assert not needs_choice(of, NLI)


def test_name_that_the_model_lacks_names_row_and_both_lists() -> None:
    with pytest.raises(
        DataError, match=r"Row 1: label 'meh' is not one of the model's: contradiction, neutral, enta"
    ) as e:
        match_labels(data(["neutral", "meh"]), NLI)
    assert "the data has meh, neutral" in str(e.value) and "labels={'meh': ...}" in str(e.value)


def test_row_in_the_message_is_the_rows_number_in_the_source() -> None:
    of = read_upload("a.tsv", b"text\tlabel\na\tneutral\n\nb\tmeh\n")
    with pytest.raises(DataError, match="Row 2: label 'meh'"):
        match_labels(of, NLI)


def test_two_model_labels_of_one_name_are_an_error_unless_one_is_exact() -> None:
    model = ("1-2", "12 ", "x")
    assert ids(data(["x", "1-2"]), model) == [2, 0]
    with pytest.raises(DataError, match="label '1_2' may be any of the model's labels '1-2', '12 '"):
        match_labels(data(["1_2"]), model)


def test_name_of_nothing_but_hyphens_matches_no_label() -> None:
    with pytest.raises(DataError, match="Row 0: label '-' is not one"):
        match_labels(data(["-"]), ("_", "x"))


# Integers


@pytest.mark.parametrize("labels", [[0, 2, 1], ["0", "2", "1"], [0.0, 2.0, 1.0], ["0.0", "2.0", "1"]])
def test_integers_without_names_are_ids_only_when_said_so(labels: list) -> None:
    assert ids(data(labels, "ids"), NLI) == [0, 2, 1]
    assert not needs_choice(data(labels, "ids"), NLI)
    assert needs_choice(data(labels), NLI)
    with pytest.raises(DataError, match=r"Row 0: label 0(\.0)? is an integer without a name") as e:
        match_labels(data(labels), NLI)
    message = str(e.value)
    assert "contradiction, neutral, entailment" in message
    assert 'labels="ids"' in message and "labels={'0': ...}" in message


STARS = ("1 star", "2 stars", "3 stars", "4 stars", "5 stars")


@pytest.mark.parametrize(
    ("labels", "model", "example"),
    [
        ([1, 2, 3, 4, 5], STARS, "labels={'1': '1 star', ...}"),
        (["5", "4", "3", "2", "1"], STARS, "labels={'5': '5 stars', ...}"),
        ([1, 2, 3, 4, 0], STARS, "labels={'1': ...}"),  # counted from 0: 1 is "2 stars"
        ([1, 2, 3], STARS, "labels={'1': ...}"),  # may be counted from 0 as well
        ([1, 0], NLI, "labels={'1': ...}"),
        ([1, 2], ("1 of 2", "2 of 2"), "labels={'1': ...}"),
        ([-1, 0, 1], ("bad", "so so", "good"), "labels={'-1': ...}"),
    ],
)
def test_mapping_in_the_message_is_true_or_left_open(labels: list, model: tuple[str, ...], example: str) -> None:
    with pytest.raises(DataError) as e:
        match_labels(data(labels), model)
    assert str(e.value).endswith(f"a mapping such as {example}.")


def test_ids_that_count_from_one_are_said_to() -> None:
    with pytest.raises(DataError, match=r"may count from 1\. Give a mapping such as labels=\{'5': '5 stars', \.\.\.\}"):
        match_labels(data([1, 2, 3, 4, 5], "ids"), STARS)


@pytest.mark.parametrize(
    ("model", "labels", "expected"),
    [
        (("1", "2", "3"), ["3", "1", "2"], [2, 0, 1]),
        (("-1", "0", "1"), ["0", "-1", "1"], [1, 0, 2]),
        (("1", "0"), ["0", "1.0"], [1, 0]),
    ],
)
def test_text_that_spells_a_label_of_the_model_is_its_name(model: tuple, labels: list, expected: list[int]) -> None:
    assert ids(data(labels), model) == expected
    assert not needs_choice(data(labels), model)


def test_text_of_a_negative_number_is_no_label_of_the_number_without_its_sign() -> None:
    with pytest.raises(DataError, match="Row 0"):
        match_labels(data(["-1", "0", "1"]), ("0", "1", "2"))
    with pytest.raises(DataError, match="No row of DataFrame has a label"):
        match_labels(data(["-1", "-1"]), ("1", "2", "3"))


def test_integer_is_no_name_even_where_the_model_has_it() -> None:
    with pytest.raises(DataError, match=r"labels=\{'1': '1', \.\.\.\}"):
        match_labels(data([1, 2, 3]), ("1", "2", "3"))


def test_names_match_however_their_accents_are_composed() -> None:
    composed, apart = "caf\u00e9", "cafe\u0301"
    assert ids(data([composed, "bar"]), (apart, "bar")) == [0, 1]
    assert ids(data(["x", "bar"], {"x": composed}), (apart, "bar")) == [0, 1]
    assert ids(data([composed, "bar"], {apart: "bar", "bar": "bar"}), ("a", "bar")) == [1, 1]


@pytest.mark.parametrize("mark", [-1, "-1", -100, None, "", "?", "N/A", float("nan")])
@pytest.mark.parametrize("option", [None, "ids"])
def test_column_of_one_mark_has_no_label_and_the_mark_is_no_class(mark: object, option: str | None) -> None:
    of = data([mark, mark, mark], option)
    with pytest.raises(DataError, match=r"No row of DataFrame has a label: column 'label' (holds|is empty)") as e:
        match_labels(of, NLI)
    assert "{" not in str(e.value)
    assert not needs_choice(of, NLI)


def test_mark_of_a_missing_label_is_one_of_the_models_where_it_has_it_or_is_mapped() -> None:
    assert ids(data(["-1", "-1"]), ("-1", "0", "1")) == [0, 0]
    assert ids(data([-1, -1], {-1: "neutral"}), NLI) == [1, 1]


def test_mark_of_a_missing_label_in_some_rows_is_never_offered_as_a_class() -> None:
    with pytest.raises(DataError, match="If -1 marks rows without a label, leave them out") as e:
        match_labels(data([0, -1, 1], "ids"), NLI)
    assert "{" not in str(e.value)


@pytest.mark.parametrize("model", [NAMELESS, ("label_0", "label_1", "label_2"), ("0", "1", "2")])
def test_integers_are_ids_of_a_model_without_names(model: tuple[str, ...]) -> None:
    assert ids(data([0, 2, 1]), model) == [0, 2, 1]
    assert not needs_choice(data([0, 2, 1]), model)


def test_nameless_is_only_what_counts_from_zero_in_order() -> None:
    assert is_nameless(NAMELESS)
    assert not is_nameless(("LABEL_1", "LABEL_0"))
    assert not is_nameless(("1", "2", "3"))


def test_integers_with_names_and_a_model_without_ask() -> None:
    of = named([0, 1], ("no", "yes"))
    assert needs_choice(of, ("LABEL_0", "LABEL_1"))
    with pytest.raises(DataError, match=r"Row 0: label 'no' is not one of .* or labels=\"ids\""):
        match_labels(of, ("LABEL_0", "LABEL_1"))
    assert ids(of.with_labels("ids"), ("LABEL_0", "LABEL_1")) == [0, 1]


@pytest.mark.parametrize("label", [3, -1, "3", "neutral"])
def test_ids_that_the_model_lacks_name_the_row(label: object) -> None:
    with pytest.raises(DataError, match=r"Row 1: label .* is not one of the model's ids, 0 to 2 \(contradiction, neu"):
        match_labels(data([0, label], "ids"), NLI)


def test_integer_beyond_the_names_of_the_data_names_the_row() -> None:
    with pytest.raises(DataError, match=r"Row 1: label 5 has no name; the data names 0 to 1"):
        match_labels(named([0, 5], ("neutral", "entailment")), NLI)


def test_names_never_need_a_choice() -> None:
    assert not needs_choice(data(["meh", "1"]), NLI)
    assert not needs_choice(data([None]), NLI)


# A mapping


@pytest.mark.parametrize("key", ["0", 0, 0.0])
@pytest.mark.parametrize("raw", [0, "0", "0.0", 0.0])
def test_mapping_takes_integers_in_any_form(key: object, raw: object) -> None:
    assert ids(data([raw], {key: "Entailment"}), NLI) == [2]


def test_mapping_wins_over_names_and_leaves_the_rest_to_them() -> None:
    of = data(["neutral", "meh", "entailment"], {"neutral": "contradiction", "meh": "neutral"})
    assert ids(of, NLI) == [0, 1, 2]


def test_mapping_wins_over_the_ids_of_a_model_without_names() -> None:
    assert ids(data([0, 1], {"0": "LABEL_2"}), NAMELESS) == [2, 1]


def test_mapping_of_named_integers_goes_by_name_or_integer() -> None:
    names = ("no", "yes")
    assert ids(named([0, 1], names, {"no": "neutral", "1": "entailment"}), NLI) == [1, 2]


def test_mapping_to_a_label_that_the_model_lacks_is_an_error() -> None:
    with pytest.raises(DataError, match=r"Row 0: labels=\{'x': 'entail'\} names no label of the model"):
        match_labels(data(["x"], {"x": "entail"}), NLI)


def test_mapping_that_forgets_an_integer_names_the_row() -> None:
    with pytest.raises(DataError, match="Row 1: label 1 is an integer without a name"):
        match_labels(data([0, 1], {"0": "neutral"}), NLI)


# Rows without a label


def test_row_without_label_is_named() -> None:
    with pytest.raises(DataError, match=r"Row 1 of DataFrame has no label in column 'label'"):
        match_labels(data(["neutral", None]), NLI)


def test_data_without_label_column_says_so_and_lists_its_columns() -> None:
    of = load_data(pd.DataFrame({"text": ["a"], "stars": [3]}))
    with pytest.raises(
        DataError, match=r"DataFrame has no label column, so row 0 has no label; its columns are text, stars"
    ):
        match_labels(of, NLI)


def test_many_labels_are_told_shortly() -> None:
    model = tuple(f"intent {number}" for number in range(150))
    with pytest.raises(DataError, match="and 138 more") as e:
        match_labels(data(["x"]), model)
    assert len(str(e.value)) < 500
