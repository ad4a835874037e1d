"""Each section of the page goes in its own place and leaves the others; text is wrapped and tables are not."""

from __future__ import annotations

from pathlib import Path

from results import difference, put_section, share, table, with_section, wrapped

from headviz.stats import Estimate

TITLE = "CAHP on MiniLM fine-tuned on SST-5"


def test_section_goes_to_the_end_of_a_page_without_it() -> None:
    assert with_section("# Results\n\nWords.\n\n## Other\n\nMore.\n", TITLE, f"## {TITLE}\n\nNew.\n") == (
        f"# Results\n\nWords.\n\n## Other\n\nMore.\n\n## {TITLE}\n\nNew.\n"
    )


def test_section_replaces_itself_and_nothing_else() -> None:
    before = f"# Results\n\n## One\n\nA.\n\n## {TITLE}\n\nOld.\n\n### Part\n\nOld.\n\n## Two\n\nB.\n"
    after = with_section(before, TITLE, f"## {TITLE}\n\nNew.\n")
    assert after == f"# Results\n\n## One\n\nA.\n\n## {TITLE}\n\nNew.\n\n## Two\n\nB.\n"
    assert with_section(after, TITLE, f"## {TITLE}\n\nNew.\n") == after


def test_page_that_is_not_there_begins_with_its_heading() -> None:
    assert with_section("", TITLE, f"## {TITLE}\n").startswith("# Results\n")


def test_section_is_put_into_a_file_and_a_second_one_beside_it(tmp_path: Path) -> None:
    page = tmp_path / "results.md"
    put_section("One", "## One\n\nA.\n", page)
    put_section("Two", "## Two\n\nB.\n", page)
    put_section("One", "## One\n\nC.\n", page)
    assert page.read_text("utf-8").endswith("\n\n## One\n\nC.\n\n## Two\n\nB.\n")


def test_long_lines_are_wrapped_and_tables_stay_whole() -> None:
    words = "word " * 40
    rows = table("Of words", ["a", "b"], [["x" * 90, "y" * 90]])
    found = wrapped(f"- {words}\n\n{rows}").split("\n")
    assert [len(line) <= 120 for line in found[:2]] == [True, True] and found[1].startswith("  word")
    assert found[3:] == ["Of words:", "", "| a | b |", "|---|---|", f"| {'x' * 90} | {'y' * 90} |", ""]


def test_estimates_are_told_in_per_cent_and_points() -> None:
    assert share(Estimate(0.5, 0.41, 0.594, 10)) == "50.0 (41.0 to 59.4)"
    assert difference(Estimate(0.01, -0.02, 0.04, 10)) == "+1.0 (-2.0 to +4.0)"
