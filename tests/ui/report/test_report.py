"""The report of a made-up model: what it says is what was given, whole, escaped, and needs nothing from elsewhere."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pandas as pd
import pytest

import headviz as hv
from headviz.cost import cost
from headviz.evaluation import Evaluation
from headviz.provenance import record
from headviz.ui import numbers
from headviz.ui.report import HeadMap, Measured, Report, written
from headviz.ui.speeds import milliseconds
from headviz.units import in_bytes
from tests.tiny import tiny_model

NASTY = "<script>alert('x')</script> & \"y\""
LABELS = (NASTY, "fine", "good")
VOID = {"meta", "br", "link", "img", "input", "hr"}
BY_HAND = "L2H3"


class Reader(HTMLParser):
    """Checks that every tag is closed in its turn, and keeps what a reader of the file would find."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.pairs: dict[str, str] = {}
        self.text = ""
        self._name = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag == "dt":
            self._name = ""
        if tag == "dd":
            self.pairs[self._name] = ""

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-1:]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("style", "title") and "svg" not in self.open:
            return
        self.text += data
        if "td" in self.open or "th" in self.open:
            self.rows[-1][-1] += data
        if "dt" in self.open:
            self._name += data
        if "dd" in self.open:
            self.pairs[self._name] += data

    def row(self, first: str) -> list[str]:
        """The cells of the first row of that name."""
        return next(row for row in self.rows if row and row[0] == first)

    def inside(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def subject() -> hv.Subject:
    return hv.Subject.wrap(*tiny_model("bert", labels=LABELS), name=f"model {NASTY}")


@pytest.fixture(scope="module")
def data() -> hv.Data:
    return hv.load_data(pd.DataFrame({"text": ["a text"] * 10, "label": ["fine"] * 10}))


def evaluation(subject: hv.Subject, data: hv.Data, right: int) -> Evaluation:
    """Ten examples of the label "fine": the first ``right`` are called so, the others by the first label. An example
    that is right has a loss of 0.25 nats, one that is wrong of 1.25."""
    predicted = np.where(np.arange(10) < right, 1, 0)
    return Evaluation(
        logits=np.eye(3, dtype=np.float32)[predicted],
        labels=np.ones(10, dtype=np.int64),
        loss=np.where(predicted == 1, 0.25, 1.25),
        ids=np.arange(10),
        classes=LABELS,
        task="text-classification",
        metric_names=("accuracy",),
        provenance=record(subject, data, {}) | {"truncated": 3},
    )


@pytest.fixture(scope="module")
def report(subject: hv.Subject, data: hv.Data) -> Report:
    given = {"criterion": {"name": "hies", "options": {"alpha": 0.97}}, "selection": {"prune": 2, "never": ["L1H2"]}}
    mask = hv.Mask(hv.Mask.full(subject).keep, subject=subject, provenance=given)
    mask = mask.with_(always=("L0H1", BY_HAND))
    values = np.arange(12.0).reshape(3, 4) / 1000
    return Report(
        mask=mask,
        subject=subject,
        data={"scores": data, "final figures": data},
        data_note=f"Rows of {NASTY}.",
        scoring={"entropy": "normalised", "order": 1.0},
        maps=(HeadMap("HIS", values, "nats", "What it is."),),
        measured=(Measured("Final figures", NASTY, evaluation(subject, data, 8), evaluation(subject, data, 5)),),
        savings=cost(subject, mask),
        looks=4,
    )


@pytest.fixture(scope="module")
def read(report: Report) -> Reader:
    return Reader(written(report))


def test_report_of_a_family_whose_weights_are_not_known_leaves_out_what_is_not(report: Report) -> None:
    """attention_parameters of such a Subject is None, and there are no savings to tell."""
    read = Reader(written(replace(report, subject=replace(report.subject, attention_parameters=None), savings=None)))
    assert read.pairs["Parameters"] == f"{report.subject.parameters:,}"
    assert "what cutting would save is unknown" in read.text


def test_report_is_whole_html_in_one_language_with_one_heading(read: Reader) -> None:
    assert read.inside("html") == [{"lang": "en"}]
    assert len(read.inside("h1")) == 1 and {"charset": "utf-8"} in read.inside("meta")


def test_report_loads_nothing_and_runs_nothing(report: Report, read: Reader) -> None:
    assert not {name for name, _ in read.tags} & {"script", "link", "img", "iframe", "object", "embed", "base", "form"}
    for name, attributes in read.tags:
        assert not {"src", "href", "srcset", "xlink:href"} & set(attributes), name
        assert not [key for key in attributes if key.startswith("on")], name
    text = written(report)
    assert not re.search(r"https?:|url\(|@import", text)


def test_names_and_labels_are_escaped_and_come_through_letter_by_letter(report: Report, read: Reader) -> None:
    text = written(report)
    assert "<script" not in text
    assert f"model {NASTY}" in read.text and f"Rows of {NASTY}." in read.text
    assert NASTY in [cell for row in read.rows for cell in row]


def test_figures_are_those_of_the_evaluations(read: Reader) -> None:
    """Eight of ten right before and five now, three predictions broken; Wilson's intervals by the formula."""
    assert read.row("Accuracy")[1:3] == ["80.0 %49.0 to 94.3 %", "50.0 %23.7 to 76.3 %"]
    assert read.row("Accuracy")[3].startswith("\u221230.0 pts")
    assert read.row("Agreement with the whole model")[2] == "70.0 %39.7 to 89.2 %"
    assert read.row("Mean loss, nats")[1:3] == ["0.450", "0.750"] and read.row("Mean loss, nats")[3][:6] == "+0.300"
    assert read.row("Accuracy of a constant classifier")[1:3] == ["100.0 %", "100.0 %"]
    assert "Of 10 examples 3 predictions changed: 3 broken." in read.text
    assert "4 masks were measured on these examples" in read.text
    assert "3 texts are longer than the model's limit and were cut there" in read.text


def test_chosen_metric_stands_first_with_its_difference_and_constant_line(report: Report) -> None:
    """With all ten examples "fine" the macro-F1 before is that of eight right: F1 8/9 and 0, of two classes that
    occur; a constant classifier's is 1."""
    measured = report.measured[0]
    both = {name: replace(getattr(measured, name), metric_names=("accuracy", "macro_f1")) for name in ("before", "now")}
    told = Reader(written(replace(report, measured=(replace(measured, **both),), metric="macro_f1")))
    assert told.row("Macro-F1")[1].startswith("44.4 %") and told.row("Macro-F1")[2].startswith("33.3 %")
    assert told.row("Macro-F1")[3].startswith("\u221211.1 pts")
    assert told.row("Macro-F1 of a constant classifier")[1:3] == ["100.0 %", "100.0 %"]
    assert "Macro-F1 is 33.3 %" in told.text and "Macro-F1: a dot with its 95 % interval" in told.text


def test_confusion_has_a_row_for_every_label(read: Reader) -> None:
    before, now = (row for row in read.rows if row[0] == "fine")
    assert before == ["fine", "220 %", "880 %", "00 %"] and now == ["fine", "550 %", "550 %", "00 %"]


def test_mask_is_told_as_picture_and_list(report: Report, read: Reader) -> None:
    assert read.row("L0") == ["L0", "3 of 4", "H1", "H0, H2, H3"] and read.row("L1")[2] == "none"
    kept, cut = ([one for one in read.inside("g") if one.get("class") == state] for state in ("kept", "cut"))
    assert len(kept) == 2 * 10 and len(cut) == 2 * 2  # the mask, and one map
    assert f"{BY_HAND}: cut, by hand" in read.text and "L1H2: kept" in read.text
    assert read.pairs["Code of the mask"] == report.mask.code


def test_criterion_is_told_with_all_it_was_given(read: Reader) -> None:
    assert "HIES." in read.text
    told = {"alpha": "0.97", "entropy in scores": "normalised", "heads asked to go": "2", "never cut": "L1H2"}
    assert told.items() <= read.pairs.items()
    assert read.pairs["changed by hand"] == f"L0H1, {BY_HAND}"


def test_every_head_has_its_number_and_colours_alone_tell_nothing(read: Reader) -> None:
    assert read.row("L2H3") == ["L2H3", "cut", "0.011"] and read.row("L0H2") == ["L0H2", "kept", "0.002"]
    assert "L2H3: 0.011 nats, cut" in read.text
    assert "Numbers in the cells: nats times 1,000." in read.text and "11.0" in read.text


def test_savings_are_those_of_shapes(report: Report, read: Reader) -> None:
    """Two heads of size d in a model of width h: 4 h d weights and 3 d biases each; 8 h d + 4 n d FLOPs a token."""
    subject = report.subject
    config: Any = subject.model.config
    width, size = config.hidden_size, config.hidden_size // config.num_attention_heads
    saved = 2 * (4 * width * size + 3 * size)
    assert read.pairs["Parameters saved"].startswith(f"{saved:,}: ")
    assert read.pairs["Parameters left"] == f"{subject.parameters - saved:,} of {subject.parameters:,}"
    assert read.pairs["Weights saved"] == f"{in_bytes(4 * saved)} in float32"
    assert read.pairs["FLOPs of attention saved"].startswith(f"{2 * (8 * width * size + 4 * 128 * size):,} of ")


def test_model_data_and_versions_are_named(report: Report, read: Reader, data: hv.Data) -> None:
    assert read.pairs["Fingerprint"] == report.subject.fingerprint
    assert read.pairs["Heads"] == "12 in 3 layers, 4 heads each"
    assert read.row("scores")[3:] == ["10", data.fingerprint]
    assert read.pairs["Version of headviz"] == hv.__version__


def test_report_of_nothing_but_a_mask_says_what_is_not_known(report: Report) -> None:
    bare = replace(report, mask=hv.Mask.full(report.subject), measured=(), maps=(), savings=None, scoring={})
    read = Reader(written(bare))
    assert "Nothing was measured with this mask." in read.text and "what cutting would save is unknown" in read.text
    assert "No criterion was needed." in read.text and read.pairs["changed by hand"] == "no head"


def test_wide_model_has_small_cells_and_every_head_in_the_table(report: Report) -> None:
    heads = 40
    subject = hv.Subject.wrap(*tiny_model("bert", heads=heads, hidden=2 * heads), name="wide")
    values = np.full((3, heads), np.nan)
    values[:, 1:] = 2e-7
    made = replace(
        report, mask=hv.Mask.full(subject), subject=subject, maps=(HeadMap("HIS", values, "", "It."),), measured=(),
        savings=None,
    )  # fmt: skip
    read = Reader(written(made))
    assert read.row("L1H0")[2] == "unknown" and read.row("L2H39")[2] == numbers.small(2e-7)
    assert "Numbers in the cells" not in read.text


def test_speed_and_proof_are_told_where_they_are_known(report: Report, data: hv.Data) -> None:
    from headviz.latency import measure_latency

    subject: Any = hv.Subject.wrap(*tiny_model("bert"), name="tiny")
    pruned = hv.prune(subject, report.mask)
    models = {"whole model": subject, "pruned": pruned}
    table = measure_latency(models, lengths=(8,), batch_sizes=(3,), repeat=2)
    proof = hv.verify(subject, report.mask, pruned, data)
    read = Reader(written(replace(report, speed=table, proofs=(proof,))))
    ratio = table.iloc[1]["flops_ratio"]
    (row,) = [row for row in read.rows if row[:2] == ["3", "8"]]
    assert f"{ratio:.2f}" in row and milliseconds(table.iloc[0]["seconds"]) in row
    assert proof.sentence in read.text
