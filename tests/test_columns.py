"""Which columns are taken, and the values they give."""

from __future__ import annotations

import numpy as np
import pytest

from headviz.columns import extract, numeral
from headviz.errors import DataError
from headviz.readers.delimited import read_tsv
from headviz.readers.table import Skipped, Table


def table(**columns: list) -> Table:
    names, values = tuple(columns), list(columns.values())
    return Table("it", names, range(len(values[0])), len(values[0]), lambda j: list(values[j]))


def tsv(text: str) -> Table:
    return read_tsv(text.encode(), "file.tsv")


@pytest.mark.parametrize(
    ("names", "inputs", "label"),
    [
        ("text label", ("text",), "label"),
        ("id review sentiment", ("review",), "sentiment"),
        ("Sentence Class", ("Sentence",), "Class"),
        ("content", ("content",), None),
        ("idx sentence1 sentence2 gold_label", ("sentence1", "sentence2"), "gold_label"),
        ("premise hypothesis target", ("premise", "hypothesis"), "target"),
        ("question1 question2 is_duplicate", ("question1", "question2"), None),
        ("sentence question labels", ("question", "sentence"), "labels"),
        ("sentence1 text label", ("text",), "label"),
    ],
)
def test_columns_are_guessed_where_one_reading_is_possible(names: str, inputs: tuple, label: str | None) -> None:
    rows = extract([table(**{name: ["a"] for name in names.split()})], None, None)
    assert rows.columns == (inputs, label)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("text review label", "the text may be in text or review"),
        ("premise hypothesis text", "the text may be in premise/hypothesis or text"),
        ("text label sentiment", "the label may be in label or sentiment"),
        ("tweet label", "no column with a known name for the text; its columns are 'tweet', 'label'"),
        ("sentence1 label", "no column with a known name"),
    ],
)
def test_columns_in_doubt_are_an_error_that_lists_them(names: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        extract([table(**{name: ["a"] for name in names.split()})], None, None)


def test_named_columns_win_over_guesses() -> None:
    rows = extract([table(text=["a"], review=["b"], label=["c"], sentiment=["d"])], ("review",), "sentiment")
    assert (rows.columns, rows.inputs, rows.labels) == ((("review",), "sentiment"), [("b",)], ["d"])


def test_label_taken_by_name_is_no_candidate_for_the_text() -> None:
    assert extract([table(text=["a"], content=["b"])], None, "content").columns == (("text",), "content")


@pytest.mark.parametrize(
    ("inputs", "label", "message"),
    [
        (("txt",), None, r"no column 'txt'; it has 'text', 'label'\. Did you mean 'text'"),
        (("text",), "lable", "no column 'lable'.*Did you mean 'label'"),
        (("text", "text"), None, "column 'text' is asked for twice"),
        (("text",), "text", "column 'text' is asked for twice"),
    ],
)
def test_named_column_that_cannot_be_taken_is_an_error(inputs: tuple, label: str | None, message: str) -> None:
    with pytest.raises(DataError, match=message):
        extract([table(text=["a"], label=["b"])], inputs, label)


def test_only_class_label_column_is_the_label_under_any_name() -> None:
    one = Table("it", ("text", "intent"), range(1), 1, lambda j: [["a"], [0]][j], class_names={"intent": ("x", "y")})
    rows = extract([one], None, None)
    assert (rows.columns[1], rows.label_names, rows.labels) == ("intent", ("x", "y"), [0])


def test_name_twice_is_an_error_only_where_it_is_taken() -> None:
    with pytest.raises(DataError, match=r"2 columns called 'text'. Rename one, or name it by number, such as \"0\""):
        extract([tsv("text\ttext\tlabel\na\tb\tc\n")], None, None)
    assert extract([tsv("text\ttext\tlabel\na\tb\tc\n")], ("1",), "2").inputs == [("b",)]
    assert extract([tsv("id\tid\ttext\na\tb\tc\n")], None, None).inputs == [("c",)]


@pytest.mark.parametrize(
    ("names", "asked", "taken"),
    [
        (("premise", "hypothesis"), "premise, hypothesis", ("premise", "hypothesis")),
        (("Review, full", "label"), "Review, full", ("Review, full",)),  # a column of that very name wins
        (("Review", "full", "Review, full"), "Review, full", ("Review, full",)),
    ],
)
def test_name_with_a_comma_is_a_column_or_two(names: tuple[str, ...], asked: str, taken: tuple[str, ...]) -> None:
    assert extract([table(**{name: ["a"] for name in names})], (asked,), None).columns[0] == taken


def test_columns_match_however_their_accents_are_composed() -> None:
    assert extract([table(résumé=["a"])], ("r\u00e9sum\u00e9",), None).inputs == [("a",)]


# Files without a header line


HEADLESS = "good film\tpos\nbad film\tneg\nso so\tpos\nawful film\tneg\n"


def test_file_without_header_is_read_by_number_with_every_row() -> None:
    rows = extract([tsv(HEADLESS)], ("0",), "1")
    assert rows.columns == (("0",), "1")
    assert rows.inputs[0] == ("good film",)
    assert rows.ids == [0, 1, 2, 3]


def test_file_without_header_is_recognised_where_its_labels_come_again() -> None:
    rows = extract([tsv(HEADLESS)], None, None)
    assert (rows.columns, len(rows.ids), rows.labels) == ((("0",), "1"), 4, ["pos", "neg", "pos", "neg"])


@pytest.mark.parametrize(
    "text",
    [
        "tweet\tstance\n" + HEADLESS,  # a header with other names: its own words never come again
        "1\ta film\n2\tb film\n3\tc film\n4\td film\n",  # numbers of rows, not labels
        "pos\tneg\nneg\tpos\npos\tpos\nneg\tneg\n",  # two columns like labels
        "a film\tx\tpos\nb film\tx\tneg\nc film\tx\tpos\nd film\tx\tneg\n",  # three columns
        "good film\tpos\nbad film\tneg\n",  # too few rows
    ],
)
def test_file_without_known_names_is_an_error_that_tells_how(text: str) -> None:
    with pytest.raises(DataError, match=r'give columns by number, from 0: inputs="0", label="1"'):
        extract([tsv(text)], None, None)


def test_label_number_alone_leaves_the_other_of_two_columns_for_the_text() -> None:
    assert extract([tsv("1\tgood\n0\tbad\n")], None, "0").inputs == [("good",), ("bad",)]
    with pytest.raises(DataError, match="has 3 columns; say which holds the text"):
        extract([tsv("1\tgood\tx\n")], None, "0")


def test_number_that_a_cell_of_the_first_row_equals_is_no_column_name() -> None:
    assert extract([tsv("1\tgood\n0\tbad\n")], ("1",), "0").inputs == [("good",), ("bad",)]


def test_commas_in_a_file_called_tsv_are_pointed_at() -> None:
    with pytest.raises(DataError, match=r"one column, 'text,label'\. If commas separate its fields, name it \.csv"):
        extract([tsv("text,label\na,pos\n")], None, None)


def test_numbers_on_a_file_with_header_take_columns_by_position() -> None:
    rows = extract([tsv("text\tlabel\ngood\tpos\n")], ("0",), "1")
    assert (rows.columns, rows.inputs) == ((("text",), "label"), [("good",)])
    rows = extract([tsv("0\t1\ngood\tpos\n")], ("0",), "1")
    assert (rows.columns, rows.inputs) == ((("0",), "1"), [("good",)])


def test_number_beyond_the_columns_is_an_error() -> None:
    with pytest.raises(DataError, match="no column '5'"):
        extract([tsv(HEADLESS)], ("5",), None)


def test_parts_of_a_split_without_header_are_numbered_on() -> None:
    rows = extract([tsv(HEADLESS), tsv("one\tpos\n\ntwo\tneg\n")], ("0",), "1")
    assert rows.ids == [0, 1, 2, 3, 4, 6]
    assert rows.skipped == [Skipped(5, "blank line")]


def test_parts_of_a_split_with_other_columns_are_an_error() -> None:
    with pytest.raises(DataError, match="other columns or label names"):
        extract([table(text=["a"]), table(review=["a"])], None, None)


# Values


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ("pos", "pos"),
        (" pos", " pos"),
        ("1", "1"),
        (1, 1),
        (np.int64(1), 1),
        (1.0, 1),
        (0.5, "0.5"),
        (True, "True"),
        (np.bool_(False), "False"),
        (-1, -1),
        (None, None),
        (float("nan"), None),
        ("", None),
        (" ", None),
    ],
)
def test_raw_label_is_a_name_a_whole_number_or_none(value: object, label: object) -> None:
    found = extract([table(text=["a"], label=[value])], None, None).labels[0]
    assert found == label and type(found) is type(label)


@pytest.mark.parametrize(("value", "label"), [(1, 1), ("1", 1), ("1.0", 1), (-1, None), ("-1", None), ("yes", "yes")])
def test_label_with_class_names_is_an_integer_and_minus_one_is_none(value: object, label: object) -> None:
    named = Table("it", ("text", "label"), range(1), 1, lambda j: [["a"], [value]][j], class_names={"label": ("no",)})
    assert extract([named], None, None).labels == [label]


@pytest.mark.parametrize("value", [[1, 0], {"a": 1}, b"pos"])
def test_label_of_another_kind_names_the_row(value: object) -> None:
    with pytest.raises(DataError, match=r"it, row 1: column 'label' holds .*a label is a name or a whole number"):
        extract([table(text=["a", "b"], label=[0, value])], None, None)


@pytest.mark.parametrize("value", [7, ["a"], b"a", 0.5])
def test_text_of_another_kind_names_the_row(value: object) -> None:
    with pytest.raises(DataError, match=r"it, row 1: column 'text' holds .* not a text"):
        extract([table(text=["a", value])], None, None)


def test_text_with_half_a_character_names_the_row() -> None:
    with pytest.raises(DataError, match=r"it, row 1: column 'text' holds half of a character"):
        extract([table(text=["a", "b\ud83d"])], None, None)


def test_row_without_text_is_listed_and_its_number_stays_free() -> None:
    rows = extract([table(premise=["a", None, "c"], hypothesis=["d", "e", float("nan")], label=[0, 1, 2])], None, None)
    assert (rows.ids, rows.inputs, rows.labels) == ([0], [("a", "d")], [0])
    assert rows.skipped == [Skipped(1, "no text in column 'premise'"), Skipped(2, "no text in column 'hypothesis'")]


@pytest.mark.parametrize("blank", ["", "   ", "\t\n", "\u00a0", "\u200b\ufeff", None, float("nan")])
def test_blank_text_is_listed_as_no_text(blank: object) -> None:
    rows = extract([table(text=[blank, "a", " \u200b."], label=[0, 1, 1])], None, None)
    assert rows.inputs == [("a",), (" \u200b.",)]
    assert rows.skipped == [Skipped(0, "no text in column 'text'")]


@pytest.mark.parametrize(
    ("columns", "suggested"),
    [
        ({"": ["0", "1"], "review_text": ["good film", "bad film"], "stars": ["5", "1"]}, 'inputs="review_text"'),
        ({"v1": ["ham", "spam", "ham"], "v2": ["go until", "free entry", "see you"], "": ["", "", ""]}, 'inputs="v2"'),
        ({"id": ["a b", "c d"], "tweet": ["one two three", "four five six"], "user": ["x", "y"]}, 'inputs="tweet"'),
        ({"stars": [1, 2], "note": ["a word", None]}, 'inputs="note"'),
        ({"topic": ["world news"] * 4, "body": ["a b", "c d", "e f", "g h"]}, 'inputs="body"'),
    ],
)
def test_column_that_is_suggested_is_the_wordiest(columns: dict, suggested: str) -> None:
    with pytest.raises(DataError, match="no column with a known name") as e:
        extract([table(**columns)], None, None)
    assert suggested in str(e.value)


def test_no_column_is_suggested_where_none_has_words() -> None:
    with pytest.raises(DataError, match=r"Say which to take\."):
        extract([table(a=[1, 2], b=[3, 4])], None, None)


def test_column_without_a_name_is_suggested_by_its_number() -> None:
    with pytest.raises(DataError, match=r'such as inputs="0" \(columns by number, from 0\)'):
        extract([tsv("\tstars\na good film\t5\na bad one\t1\n")], None, None)


def test_no_rows_or_none_with_a_text_is_an_error() -> None:
    with pytest.raises(DataError, match=r"file\.tsv has no rows"):
        extract([tsv("text\tlabel\n")], None, None)
    with pytest.raises(DataError, match=r"no rows that can be used \(no text in column 'text'\)"):
        extract([table(text=[None], label=[1])], None, None)


@pytest.mark.parametrize(
    ("label", "number"),
    [(3, 3), ("3", 3), (" -3 ", -3), ("3.0", 3), ("3.", 3), ("3.5", None), ("x3", None), ("", None), (None, None)],
)
def test_numeral_of_what_spells_a_whole_number(label: str | int | None, number: int | None) -> None:
    assert numeral(label) == number
