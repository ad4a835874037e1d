"""Reading delimited files: quoting, line ends, header lines, rows that do not fit."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headviz.errors import DataError
from headviz.readers.delimited import read_csv, read_tsv
from headviz.readers.table import Skipped, Table


def rows(table: Table) -> list[tuple[str, ...]]:
    return list(zip(*(table.values(j) for j in range(len(table.names))), strict=True))


def tsv(text: str) -> Table:
    return read_tsv(text.encode(), "file.tsv")


def comma(text: str) -> Table:
    return read_csv(text.encode(), "file.csv")


def test_tsv_lone_quotes_at_field_starts_swallow_no_line() -> None:
    table = tsv('text\tlabel\n"Hello\tpos\nbad\tneg\nhe said bye"\tneg\nfine\tpos\n')
    assert rows(table) == [('"Hello', "pos"), ("bad", "neg"), ('he said bye"', "neg"), ("fine", "pos")]


def test_tsv_whole_text_in_quotes_among_unquoted_ones_keeps_its_quotes() -> None:
    table = tsv('text\tlabel\n"Nice film"\tpos\nso so\tneg\n')
    assert rows(table)[0] == ('"Nice film"', "pos")


def test_tsv_quoted_as_csv_writers_do_is_unquoted() -> None:
    table = tsv('text\tlabel\n"5"" disk"\tpos\nplain\tneg\n')
    assert rows(table) == [('5" disk', "pos"), ("plain", "neg")]


def test_tsv_with_a_column_always_quoted_is_unquoted() -> None:
    table = tsv('"text"\t"label"\n"one"\t"pos"\n"two"\t"neg"\n')
    assert rows(table) == [("one", "pos"), ("two", "neg")]


def test_tsv_quoted_only_around_commas_as_spreadsheets_do_is_unquoted() -> None:
    table = tsv('text\tlabel\n"one, two"\tpos\nthree\tneg\n')
    assert rows(table) == [("one, two", "pos"), ("three", "neg")]


def test_tsv_quotes_around_some_texts_with_commas_are_text() -> None:
    table = tsv('text\tlabel\n"one, two"\tpos\nthree, four\tneg\n')
    assert rows(table) == [('"one, two"', "pos"), ("three, four", "neg")]


def test_tsv_text_over_several_lines_is_one_row() -> None:
    table = tsv('text\tlabel\n"line one\nline two"\tpos\nplain\tneg\n')
    assert rows(table) == [("line one\nline two", "pos"), ("plain", "neg")]


def test_tsv_single_column_with_quotes_over_lines_is_refused_as_unclear() -> None:
    with pytest.raises(DataError, match=r"lines 2 to 3 may be one text in quotes"):
        tsv('text\n"I went\nhome"\nagain\n')


def test_csv_quoting_by_rfc_4180_is_undone() -> None:
    table = comma('text,label\r\n"a, ""b""",pos\r\n"line one\r\n\r\nline two",neg\r\nplain,neg\r\n')
    assert rows(table) == [('a, "b"', "pos"), ("line one\r\n\r\nline two", "neg"), ("plain", "neg")]
    assert table.skipped == ()


@pytest.mark.parametrize("text", ["Hello, world\nsecond line", "a, b\nc", ", \n", "one,\ntwo"])
def test_csv_text_over_lines_that_each_have_a_comma_is_one_row(text: str) -> None:
    table = comma(f'text,label\n"{text}",pos\nplain,neg\n')
    assert rows(table) == [(text, "pos"), ("plain", "neg")]


def test_csv_lone_quotes_swallow_no_line() -> None:
    table = comma('text,label\n"Hello,pos\nbad,neg\nhe said bye",neg\nfine,pos\nworse,neg\n')
    assert rows(table)[:3] == [('"Hello', "pos"), ("bad", "neg"), ('he said bye"', "neg")]
    assert len(table.ids) == 5


def test_csv_with_the_label_first_tells_lone_quotes_from_texts_over_lines() -> None:
    lone = comma('label,text\npos,"Hello\nneg,bad\nneg,he said bye"\npos,fine\nneg,worse\n')
    assert rows(lone)[:3] == [("pos", '"Hello'), ("neg", "bad"), ("neg", 'he said bye"')]
    real = comma('label,text\npos,"Hello\nthere, you"\npos,fine\nneg,worse\n')
    assert rows(real)[0] == ("pos", "Hello\nthere, you")


def test_csv_suspicious_text_over_lines_beside_loose_quotes_is_refused() -> None:
    with pytest.raises(DataError, match="both readings fit"):
        comma('text,label\n"Hello,odd\nbye",neg\nan "odd" one,neg\n')


def test_csv_one_lone_quote_is_text() -> None:
    table = comma('text,label\n"Hello,pos\nbad,neg\n')
    assert rows(table) == [('"Hello', "pos"), ("bad", "neg")]


def test_csv_lone_quotes_beside_real_quoting_are_refused() -> None:
    with pytest.raises(DataError, match=r"lines 2 to 3 may be one text in quotes or rows with lone quote"):
        comma('text,label\n"Hello,pos\nbye",neg\n"a, b",pos\nan "odd" one,neg\n')


def test_csv_unclosed_quote_where_commas_need_quotes_names_the_line() -> None:
    with pytest.raises(DataError, match=r"file\.csv, line 3: a field starts with a quote"):
        comma('text,label\n"a, b",pos\n"Hello, you,pos\n"c, d",neg\n')


def test_csv_where_nothing_tells_the_readings_apart_is_refused() -> None:
    with pytest.raises(DataError, match="both readings fit"):
        comma('text,label\n"lone start,positive\nother lone",negative\n')


def test_csv_quote_inside_a_field_is_text() -> None:
    assert rows(comma('text,label\n5" disk,pos\n')) == [('5" disk', "pos")]


@pytest.mark.parametrize("delimiter", ["\t", ";"])
def test_csv_without_comma_in_the_first_line_takes_its_delimiter(delimiter: str) -> None:
    table = comma(f"text{delimiter}label\ngood, really{delimiter}pos\n")
    assert rows(table) == [("good, really", "pos")]


def test_row_with_another_number_of_fields_is_named() -> None:
    with pytest.raises(DataError, match=r"file\.tsv, row 1 \(line 3\) has 3 fields where the first line has 2"):
        tsv("text\tlabel\na\tpos\nb\tc\tneg\n")
    with pytest.raises(DataError, match=r"row 0 \(line 2\) has 1 field where"):
        tsv("text\tlabel\na\n")


def test_empty_fields_beyond_the_header_are_no_fields() -> None:
    assert rows(comma("text,label\na,pos,,\n")) == [("a", "pos")]


def test_blank_lines_are_listed_and_keep_their_number() -> None:
    table = tsv("text\tlabel\na\tpos\n\nb\tneg\n\t\n\n")
    assert rows(table) == [("a", "pos"), ("b", "neg")]
    assert list(table.ids) == [0, 2]
    assert table.skipped == tuple(Skipped(number, "blank line") for number in (1, 3, 4))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_line_ends_of_every_kind_give_the_same_rows(end: str, last: bool) -> None:
    text = end.join(["text\tlabel", "a\tpos", "b\tneg"]) + (end if last else "")
    assert rows(tsv(text)) == [("a", "pos"), ("b", "neg")]


def test_characters_that_splitlines_would_break_at_stay_in_the_text() -> None:
    text = "a\x0bb\x0cc\x1cd\x85e\u2028f\u2029g\0h"
    assert rows(tsv(f"text\tlabel\n{text}\tpos\n")) == [(text, "pos")]


def test_very_long_field_comes_in_whole() -> None:
    text = "word " * 200_000
    assert rows(comma(f'text,label\n"{text}",pos\n'))[0][0] == text


def test_headless_reads_the_first_line_as_row_0() -> None:
    table = tsv("a\tpos\nb\tneg\n").headless
    assert table is not None
    unnamed = table()
    assert unnamed.names == ("0", "1")
    assert rows(unnamed) == [("a", "pos"), ("b", "neg")]
    assert list(unnamed.ids) == [0, 1]


_TEXT = st.text(st.characters(codec="utf-8"), max_size=12).filter(str.strip)


@given(st.lists(st.tuples(_TEXT, st.sampled_from(["pos", "neg"])), min_size=1), st.sampled_from(["\r\n", "\n"]))
def test_csv_written_by_a_program_comes_back_as_it_was(pairs: list[tuple[str, str]], end: str) -> None:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator=end, quoting=csv.QUOTE_ALL).writerows([("text", "label"), *pairs])
    assert rows(read_csv(buffer.getvalue().encode(), "file.csv")) == pairs


_CELL = st.text(st.characters(codec="utf-8", exclude_characters="\t\r\n"), max_size=12).filter(str.strip)


@given(st.lists(st.tuples(_CELL, st.sampled_from(["pos", "neg"])), min_size=1))
def test_tsv_without_quoting_comes_back_unless_it_looks_quoted_throughout(pairs: list[tuple[str, str]]) -> None:
    content = "".join(f"{text}\t{label}\n" for text, label in [("text", "label"), ('un"quoted', "pos"), *pairs])
    assert rows(read_tsv(content.encode(), "file.tsv"))[1:] == pairs


@given(st.lists(st.tuples(_CELL.filter(lambda text: not text.startswith('"')), _CELL.filter(lambda t: '"' not in t))))
def test_tsv_with_quotes_only_inside_texts_comes_back_as_it_was(pairs: list[tuple[str, str]]) -> None:
    content = "".join(f"{text}\t{label}\n" for text, label in [("text", "label"), ("x", "y"), *pairs])
    assert rows(read_tsv(content.encode(), "file.tsv"))[1:] == pairs


@given(st.text(st.sampled_from('ab",\t\n\r'), max_size=40))
def test_any_file_is_read_or_refused_in_a_sentence(body: str) -> None:
    for read in (read_csv, read_tsv):
        try:
            table = read(("text,label\n" + body).encode(), "file")
        except DataError as error:
            message = str(error)
        else:
            message = "."
            assert len(table.ids) + len(table.skipped) == table.length
        assert message.endswith(".")
