"""The address: read without trust, written in full."""

from __future__ import annotations

import string
from types import SimpleNamespace
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headviz.ui import links, page
from headviz.ui.plan_choice import PlanChoice
from headviz.ui.state import Session

FULL = {
    "model": "demo/reviews",
    "data": "demo/reviews",
    "criterion": "hies",
    "alpha": 0.97,
    "prune": 36,
    "mask": "1AbC-_9",
    "options": {"normalise": "rank", "seed": "3"},
    "calibration": 128,
    "cahp": PlanChoice(degree=None, space="pca", guard=False),
}


def address() -> dict[str, str]:
    return links.write(**{**FULL, "alpha": "0.970"})  # type: ignore[arg-type]


def test_write_gives_every_setting_and_no_defaults_are_left_out() -> None:
    assert address() == {
        "model": "demo/reviews",
        "data": "demo/reviews",
        "criterion": "hies",
        "alpha": "0.970",
        "prune": "36",
        "mask": "1AbC-_9",
        "options": "normalise:rank,seed:3",
        "calibration": "128",
        "cahp": "degree:none,guard:off,space:pca",
    }


def test_what_was_written_reads_back_in_another_session() -> None:
    assert links.read({name: [value] for name, value in address().items()}, {}) == (FULL, [])


def test_absent_names_and_those_as_written_are_not_news() -> None:
    written = address()
    asked = {name: [value] for name, value in written.items() if name != "alpha"}
    assert links.read(asked, written) == ({}, [])


def test_only_what_differs_is_adopted() -> None:
    written = address()
    asked = {name: [value] for name, value in written.items()} | {"alpha": ["0.5"]}
    assert links.read(asked, written) == ({"alpha": 0.5}, [])


def test_no_calibration_size_means_all_and_no_options_means_defaults() -> None:
    assert links.read({"calibration": ["all"], "options": ["default"]}, {}) == (
        {"calibration": None, "options": {}},
        [],
    )


@pytest.mark.parametrize("text", ["0", "1", "0.5", ".5", "1.0", "0.0", "1.000000", "0.9999999999999999"])
def test_alpha_takes_numbers_from_0_to_1(text: str) -> None:
    assert links.read({"alpha": [text]}, {}) == ({"alpha": float(text)}, [])


BAD = {
    "model": ["", "../x", "/etc/passwd", "a/b/c", "a b", "https://x.org", "~", "a" * 300, "x\x00", "demo/../x", "é"],
    "data": ["", "/etc/passwd", "a/b/c", "<b>"],
    "criterion": ["", "HIES", "hies;", "a" * 50, "1x"],
    "alpha": [
        "",
        ".",
        "nan",
        "NaN",
        "inf",
        "-inf",
        "-0",
        "-0.1",
        "1.1",
        "2",
        "1e-3",
        "0,5",
        "٠.٥",
        "0.5 ",
        "1." + "0" * 40,
    ],
    "prune": ["", "-1", "1.0", "1e3", "٣", "1 ", "9" * 30, "0x10"],
    "mask": ["", "a b", "é", "%", "a/b", "A" * 2049],
    "options": ["", "a", "a:", ":b", "a:b,", "a:b;c:d", "a:" + "b" * 50, ",".join(["a:b"] * 30)],
    "calibration": ["", "0", "-1", "ALL", "1.5", "٣"],
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in BAD.items() for text in texts])
def test_what_cannot_be_is_noted_and_never_repeated(name: str, text: str) -> None:
    adopted, notes = links.read({name: [text]}, {})
    assert adopted == {}
    assert len(notes) == 1
    assert len(text) < 3 or text not in notes[0]


@pytest.mark.parametrize("name", links.NAMES)
def test_a_name_given_twice_is_noted(name: str) -> None:
    adopted, notes = links.read({name: [address()[name]] * 2}, {})
    assert (adopted, len(notes)) == ({}, 1)


def test_names_outside_the_list_are_not_looked_at() -> None:
    assert links.read({"path": ["/etc/passwd"], "__class__": ["x"]}, {}) == ({}, [])


def test_criterion_that_does_not_exist_is_noted_once_the_names_are_known() -> None:
    assert links.read({"criterion": ["nothing"]}, {}) == ({"criterion": "nothing"}, [])
    adopted, notes = links.read({"criterion": ["nothing"]}, {}, criteria=("his", "hies"))
    assert adopted == {} and "his, hies" in notes[0]


@given(st.dictionaries(st.sampled_from(links.NAMES), st.lists(st.text(max_size=3000), max_size=3)))
def test_no_address_raises(asked: dict[str, list[str]]) -> None:
    adopted, notes = links.read(asked, {})
    assert set(adopted) <= set(links.NAMES)
    assert len(adopted) + len(notes) == sum(1 for values in asked.values() if values)


@given(st.text(alphabet=string.printable, max_size=60))
def test_a_path_is_never_put_into_a_link(text: str) -> None:
    link = links.source_in_link(text)
    if link is not None:
        assert not link.startswith(("/", "~", ".")) and "\\" not in link and quote(link, safe="/@") == link


def test_sources_go_into_a_link_with_their_revision_and_come_back() -> None:
    assert links.source_in_link("org/name", "abc123") == "org/name@abc123"
    assert links.split_source("org/name@abc123") == ("org/name", "abc123")
    assert links.split_source("org/name") == ("org/name", None)
    assert links.source_in_link("/home/me/model") is None
    assert links.source_in_link("../model") is None


def test_fingerprints_are_told_from_names() -> None:
    assert links.is_fingerprint("0123456789abcdef")
    assert not links.is_fingerprint("0123456789ABCDEF")
    assert not links.is_fingerprint("demo/reviews")


@pytest.mark.parametrize(
    ("alpha", "low", "high", "text"),
    [
        (0.97, 0.0, 1.0, "0.970"),
        (0.5, 0.4, 0.6, "0.500"),
        (0.9988, 0.9, 1.0, "0.999"),  # three decimals stay in the interval
        (0.99885, 0.9988, 0.9989, "0.99885"),  # four would leave it
        (0.9996, 0.99955, 0.9999, "0.9996"),  # 1.000 would be another mask
        (0.9999, 0.9995, 1.0, "1.000"),  # the last interval holds 1
        (0.00004, 0.0, 0.001, "0.000"),  # the first one holds 0
        (0.25, 0.25, 0.25, "0.250"),
    ],
)
def test_alpha_has_three_decimals_and_more_where_its_interval_needs_them(
    alpha: float, low: float, high: float, text: str
) -> None:
    assert links.alpha_text(alpha, low, high) == text


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_alpha_text_stays_in_its_interval(a: float, b: float, c: float) -> None:
    low, alpha, high = sorted((a, b, c))
    read = float(links.alpha_text(alpha, low, high))
    assert low <= read <= high


def test_address_is_known_as_our_own_although_the_run_ends_while_it_goes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted(BaseException):
        """What ends a run whose page was pressed again."""

    class Address(dict[str, str]):
        def from_dict(self, wanted: dict[str, str]) -> None:
            raise Interrupted

    wanted = {"model": "demo/reviews", "prune": "3"}
    monkeypatch.setattr(page.st, "query_params", Address())
    monkeypatch.setattr(page.visitor, "has_secret_in_address", lambda: False)
    monkeypatch.setattr(page, "_address", lambda of: wanted)
    session = Session(own_run=True)
    with pytest.raises(Interrupted):
        page.keep_address(SimpleNamespace(session=session))  # type: ignore[arg-type]
    assert session.written == wanted and frozenset(wanted.items()) in session.visited and session.own_run
