"""What a visitor may name, and how data is parted."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest

from headviz.errors import DataError, ExportError, LoadError
from headviz.ui import sources
from tests.tiny import tiny_labels, tiny_texts


@pytest.mark.parametrize("local", [True, False])
def test_demo_is_for_everyone(local: bool) -> None:
    assert sources.check_source(" demo/reviews ", local=local) == "demo/reviews"


def test_visitor_of_this_machine_may_name_anything(tmp_path: Path) -> None:
    assert sources.check_source(str(tmp_path), local=True) == str(tmp_path)
    assert sources.check_source("org/name", local=True) == "org/name"


@pytest.mark.parametrize("text", ["/etc", "org/name", "name", "../x", "~"])
def test_visitor_from_elsewhere_may_name_neither_path_nor_hub_id(text: str) -> None:
    with pytest.raises(LoadError, match="--data-root"):
        sources.check_source(text, local=False)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data root of a server, with a folder in it and one beside it."""
    (tmp_path / "root" / "model").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    monkeypatch.setenv("HEADVIZ_DATA_ROOT", str(tmp_path / "root"))
    return tmp_path / "root"


@pytest.mark.parametrize("local", [True, False])
def test_data_root_opens_what_lies_under_it_and_nothing_else(root: Path, local: bool) -> None:
    outside = root.parent / "outside"
    (root / "link").symlink_to(outside)
    (root / "circle").symlink_to(root / "circle")
    assert sources.check_source("model", local=local) == str(root / "model")
    assert sources.check_source(str(root / "model"), local=local) == str(root / "model")
    refused = [str(outside), "../outside", str(root / "link"), "/etc", "/no/such/path", "model/../../outside", "a\0b"]
    refused += ["~", "~root/x", "~nosuchuser", "~nosuchuser/x", str(root / "circle"), "x" * 5000, "file:///etc"]
    said = set()
    for text in refused:
        with pytest.raises(LoadError) as error:
            sources.check_source(text, local=local)
        said.add(str(error.value))
    assert len(said) == 1, "a path outside must sound like one that does not exist"


@pytest.mark.parametrize("text", ["org/name", "name", "link"])
def test_hub_ids_are_for_the_owner_and_for_others_where_the_owner_says_so(
    text: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "link").symlink_to(root.parent / "outside")  # leads outside, so it can only be a hub id
    assert sources.check_source(text, local=True) == text
    with pytest.raises(LoadError, match="fetches nothing from the hub for visitors"):
        sources.check_source(text, local=False)
    monkeypatch.setenv("HEADVIZ_ALLOW_DOWNLOAD", "1")
    assert sources.check_source(text, local=False) == text
    monkeypatch.delenv("HEADVIZ_DATA_ROOT")
    assert sources.check_source(text, local=False) == text
    with pytest.raises(LoadError, match="--data-root"):
        sources.check_source("/etc", local=False)


def test_path_beside_the_server_wins_over_a_hub_id_and_is_not_opened(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root.parent / "elsewhere" / "org" / "name").mkdir(parents=True)
    monkeypatch.chdir(root.parent / "elsewhere")
    with pytest.raises(LoadError, match="data root"):
        sources.check_source("org/name", local=True)


def test_owner_names_a_place_to_write_anywhere_or_under_the_data_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sources.check_destination(str(tmp_path / "a" / "new"), local=True) == tmp_path / "a" / "new"
    monkeypatch.setenv("HEADVIZ_DATA_ROOT", str(tmp_path))
    assert sources.check_destination("a/new", local=True) == tmp_path / "a" / "new"
    with pytest.raises(ExportError, match="data root"):
        sources.check_destination("../new", local=True)
    with pytest.raises(ExportError, match="path"):
        sources.check_destination(" ", local=True)


def test_others_have_nothing_written_unless_the_owner_says_so_and_gives_a_data_root(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ExportError, match="zip"):
        sources.check_destination("new", local=False)
    monkeypatch.setenv("HEADVIZ_ALLOW_WRITE", "1")
    assert sources.check_destination("new", local=False) == root / "new"
    for text in ("../new", "/new", "model/../../new"):
        with pytest.raises(ExportError, match="data root"):
            sources.check_destination(text, local=False)
    for text in ("model", ".", ""):
        with pytest.raises(ExportError, match="new folder"):
            sources.check_destination(text, local=False)
    for text in ("a/b/c", "~root/x", "~nosuchuser/x"):
        with pytest.raises(ExportError, match="a folder that does not exist"):
            sources.check_destination(text, local=False)
    monkeypatch.delenv("HEADVIZ_DATA_ROOT")
    with pytest.raises(ExportError, match="zip"):
        sources.check_destination("new", local=False)


def test_error_names_the_place_as_it_was_typed(root: Path) -> None:
    with pytest.raises(LoadError) as error:
        sources.open_model("model", revision=None, local=False)
    assert "model " in str(error.value) and str(root.parent) not in str(error.value)
    (root / "data.csv").write_text("")
    with pytest.raises(DataError) as error:
        sources.open_data("data.csv", local=False)
    assert str(root.parent) not in str(error.value)
    with (
        pytest.raises(ExportError, match=r"^new is full; see the data root/other\.$"),
        sources.as_typed(f"{root}/new", "new"),
    ):
        raise ExportError(f"{root}/new is full; see {root}/other.")


@pytest.mark.parametrize("text", ["x" * 600, "~no.such.visitor/new", "a\0b", "\ud800"])
@pytest.mark.parametrize("rooted", [False, True])
def test_destination_that_no_file_system_takes_is_refused_with_a_sentence(
    text: str, rooted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if rooted:
        monkeypatch.setenv("HEADVIZ_DATA_ROOT", str(tmp_path))
    with pytest.raises(ExportError, match="path"):
        sources.check_destination(text, local=True)


def test_destination_of_a_file_is_called_a_file(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").touch()
    for text in ("", str(tmp_path / "model.onnx")):
        with pytest.raises(ExportError, match="a new file"):
            sources.check_destination(text, local=True, what="file")


def test_source_in_the_home_of_nobody_is_refused_with_a_sentence() -> None:
    with pytest.raises(LoadError, match="no home folder"):
        sources.check_source("~no.such.visitor/model", local=True)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("data.csv", "data.csv"),
        ("C:\\Users\\me\\data.csv", "data.csv"),
        ("../../etc/passwd", "passwd"),
        ("a\x00b\n.csv", "ab.csv"),
        ("", "upload"),
        ("x" * 200 + ".csv", "x" * 60 + "…" + "x" * 11 + ".csv"),
    ],
)
def test_upload_is_shown_by_the_last_part_of_its_name(name: str, shown: str) -> None:
    assert sources.display_name(name) == shown


def rows(count: int = 20, seed: int = 0) -> bytes:
    pairs = zip(tiny_texts(count, seed), tiny_labels(count, seed), strict=True)
    return "\n".join(["text\tlabel", *(f"{text}\t{label}" for text, label in pairs)]).encode()


def test_one_upload_is_halved_without_a_common_row() -> None:
    opened = sources.open_uploads([("mine.tsv", rows())])
    assert opened.halved and opened.link is None
    assert not set(opened.calibration.ids) & set(opened.report.ids)
    assert len(opened.calibration) + len(opened.report) == 20
    assert opened.selection is opened.calibration
    assert "split in halves" in opened.note


@pytest.mark.parametrize("count", [2, 3])
def test_several_uploads_are_to_score_to_choose_and_to_report_on(count: int) -> None:
    files = [(f"{number}.tsv", rows(seed=number)) for number in range(count)]
    opened = sources.open_uploads(files)
    names = [opened.calibration.name, opened.selection.name, opened.report.name]
    assert names == (["0.tsv", "0.tsv", "1.tsv"] if count == 2 else ["0.tsv", "1.tsv", "2.tsv"])
    assert all(name in opened.note for name in names) and not opened.halved


def test_a_fourth_upload_is_refused() -> None:
    with pytest.raises(DataError, match="three parts at most"):
        sources.open_uploads([(f"{number}.tsv", rows(seed=number)) for number in range(4)])


def test_the_same_file_twice_is_refused() -> None:
    with pytest.raises(DataError, match="same rows"):
        sources.open_uploads([("one.tsv", rows()), ("two.tsv", rows())])


@pytest.mark.parametrize("name", ["model.pkl", "script.py", "noending", "data.csv.exe"])
def test_upload_of_another_kind_is_refused(name: str) -> None:
    with pytest.raises(DataError):
        sources.open_uploads([(name, rows())])


def test_folder_with_splits_gives_one_to_score_one_to_choose_and_one_to_report_on(tmp_path: Path) -> None:
    for number, split in enumerate(("train", "validation", "test")):
        (tmp_path / f"{split}.tsv").write_bytes(rows(seed=number))
    opened = sources.open_data(str(tmp_path), local=True)
    assert splits_of(opened) == ("train", "validation", "test") and not opened.halved
    assert opened.link is None
    for asked, got in (
        (("validation", None, None), ("validation", "validation", "test")),
        ((None, "train", None), ("train", "train", "test")),
        ((None, None, "validation"), ("train", "train", "validation")),
        ((None, "test", None), ("train", "test", "validation")),
        (("train", "validation", "test"), ("train", "validation", "test")),
    ):
        assert splits_of(sources.open_data(str(tmp_path), local=True, splits=asked)) == got
    same = sources.open_data(str(tmp_path), local=True, splits=("train", "train", "train"))
    assert same.halved and not set(same.calibration.ids) & set(same.report.ids)
    with pytest.raises(DataError, match="named twice"):
        sources.open_data(str(tmp_path), local=True, splits=("train", "test", "test"))


def splits_of(opened: sources.OpenedData) -> tuple[str | None, ...]:
    return opened.calibration.split, opened.selection.split, opened.report.split


def test_labels_are_taken_as_said_on_all_parts() -> None:
    opened = sources.with_labels(sources.open_uploads([("mine.tsv", rows())]), {"bad": "good"})
    parts = opened.calibration, opened.selection, opened.report
    assert all(part.labels_option == {"bad": "good"} for part in parts)


def test_demo_is_scored_on_train_chosen_on_validation_and_reported_on_test() -> None:
    opened = sources.open_data("demo/reviews", local=False)
    assert (*splits_of(opened), opened.link) == ("train", "validation", "test", "demo/reviews")
    assert not {np.str_(e.inputs[0]) for e in opened.calibration} & {np.str_(e.inputs[0]) for e in opened.report}


def test_code_never_names_a_folder_that_goes_with_the_visit(tmp_path: Path) -> None:
    from types import SimpleNamespace

    from headviz.ui.panels.take_home import _source

    with tempfile.TemporaryDirectory(prefix="headviz-") as folder:
        run = Path(folder) / "run" / "model"
        run.mkdir(parents=True)
        for path, local, told in (
            (run, True, "PATH/TO/recovered-model"),
            (run, False, "PATH/TO/MODEL"),
            (tmp_path, True, str(tmp_path.resolve())),
        ):
            page = SimpleNamespace(local=local, session=SimpleNamespace(model=SimpleNamespace(source=str(path))))
            assert _source(page) == (told, told)  # type: ignore[arg-type]
    assert not sources.is_passing(tempfile.gettempdir())


def uploads(*parts: list[str]) -> list[tuple[str, bytes]]:
    return [
        (f"{number}.tsv", "\n".join(["text\tlabel", *(f"{text}\tgood" for text in texts), ""]).encode())
        for number, texts in enumerate(parts)
    ]


def test_same_text_many_times_is_no_two_halves() -> None:
    with pytest.raises(DataError, match="12 rows of one and the same text; at least 2 different texts are needed"):
        sources.open_uploads(uploads(["good film"] * 12))


def test_repeated_texts_are_in_one_half_and_told() -> None:
    opened = sources.open_uploads(uploads(["a", "b", "a", "c", "a", "d"]))
    assert not set(opened.calibration.inputs) & set(opened.report.inputs)
    assert "2 rows repeat the text of another" in opened.note


@pytest.mark.parametrize("middle", [[], ["b", "x"]])
def test_texts_of_the_report_part_are_left_out_of_the_others_and_told(middle: list[str]) -> None:
    opened = sources.open_uploads(uploads(["a", "b", "c"], *([middle] if middle else []), ["b", "y"]))
    assert opened.calibration.inputs == [("a",), ("c",)] and opened.report.inputs == [("b",), ("y",)]
    assert opened.selection.inputs == ([("x",)] if middle else [("a",), ("c",)])
    assert "1 row was left out of what masks are chosen on" in opened.note


def test_parts_of_the_same_texts_alone_are_refused() -> None:
    with pytest.raises(DataError, match=r"All texts of 0\.tsv stand in 1\.tsv, too"):
        sources.open_uploads(uploads(["a", "b"], ["b", "a", "c"]))
