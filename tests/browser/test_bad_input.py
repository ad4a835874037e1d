"""Whatever a visitor opens that cannot be opened: its sentence stands on the page, and nothing else breaks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect
from served import Served

import headviz as hv
from tests.browser.visit import Visit
from tests.cli.test_score import DATA, MODELS, broken_model
from tests.tiny import save_tiny

DEMO = "demo/reviews"
REFUSED = "This server opens only demos and uploaded files."


def test_model_that_cannot_be_opened_shows_the_library_s_sentence(visit: Visit, tmp_path: Path) -> None:
    visit.go()
    for kind in MODELS:
        if kind == "no such id":
            continue
        source = str(broken_model(kind, tmp_path / kind))
        with pytest.raises(hv.LoadError) as refused:
            hv.load(source)
        visit.type_model(source).expect_alert(str(refused.value)).settled()
        assert visit.alerts() == [str(refused.value)], kind
        expect(visit.sidebar).to_contain_text("No model is open yet.")


def test_hub_that_does_not_answer_is_told_within_ten_seconds(visit: Visit) -> None:
    visit.go().settled()
    visit.type_model("nobody/nothing").expect_alert("does not answer", timeout=30_000)


def test_upload_that_cannot_be_read_shows_its_sentence(visit: Visit, small_model: Path, tmp_path: Path) -> None:
    visit.go().type_model(str(small_model)).opened(small_model.name)
    for kind, (content, said) in DATA.items():
        if content is None:
            continue
        file = tmp_path / "rows.csv"
        # twice as many rows, so that there are two halves; of other texts, as rows of one text share a half
        again = content.partition("\n")[2].replace(" film", " old film")
        file.write_text(content + again, encoding="utf-8")
        visit.page.reload()
        visit.opened(small_model.name)
        visit.upload_data(file).expect_alert(said).settled()
        assert visit.page.get_by_text("Constant classifier").count() == 0, kind


def test_upload_over_the_limit_is_refused_in_a_sentence(visit: Visit, tmp_path: Path) -> None:
    large = tmp_path / "large.csv"
    with large.open("wb") as file:
        file.truncate(51 * 2**20)
    visit.go().settled()
    visit.upload(large)
    expect(visit.page.get_by_test_id("stFileUploader").first).to_contain_text("must be 50.0MB or smaller")
    visit.page.get_by_role("button", name="Open data").click()
    visit.expect_alert("Upload a file, or name a demo, a data set or a path.")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("another-shape.json", {"model": {"heads": [12] * 6}, "pruned_heads": {"0": [1]}}, "is a mask for"),
        ("later.json", {"version": 2, "model": {"heads": [8] * 4}, "pruned_heads": {}}, "a later version of headviz"),
        ("absent-head.json", {"model": {"heads": [8] * 4}, "pruned_heads": {"0": [8]}}, "absent-head.json"),
        ("no-mask.json", {"format": "other"}, "no-mask.json is not a headviz mask"),
        ("broken.json", "{", "broken.json"),
        ("broken.npz", "PK", "broken.npz is not an .npz file"),
    ],
)  # fmt: skip
def test_mask_file_that_does_not_fit_is_told_and_the_mask_stays(
    name: str, content: dict | str, said: str, visit: Visit, tmp_path: Path
) -> None:
    if isinstance(content, dict):
        content = json.dumps({"format": "headviz.mask", "version": 1} | content)
    (tmp_path / name).write_text(content, encoding="utf-8")
    visit.go("/export", model=DEMO).opened(DEMO)
    before = visit.asked["mask"]
    visit.upload(tmp_path / name)
    visit.expect_alert(said).settled()
    assert visit.asked["mask"] == before


def test_mask_of_a_model_with_other_weights_opens_with_a_warning(visit: Visit, tmp_path: Path) -> None:
    other = {"name": "other-reviews", "fingerprint": "0123456789abcdef", "family": "bert", "heads": [8] * 4}
    record = {"format": "headviz.mask", "version": 1, "model": other, "pruned_heads": {"2": [0, 5]}}
    (tmp_path / "other.json").write_text(json.dumps(record), encoding="utf-8")
    visit.go("/export", model=DEMO).opened(DEMO)
    visit.upload(tmp_path / "other.json")
    visit.expect_alert("other-reviews").expect_alert("other.json is open: 2 of 32 heads cut").settled()
    assert visit.cut_in_link(*[8] * 4) == {"L2H0", "L2H5"}


def test_addresses_in_names_labels_and_texts_are_no_links_on_any_page(visit: Visit, tmp_path: Path) -> None:
    labels = ["![a](http://127.0.0.1:1/beacon.png)", "www.evil.test", "Write to someone@evil.test"]
    folder = save_tiny(tmp_path / "www.model.test", labels=labels)
    rows = [
        {"text": f"see HTTPS://evil.test/{number} www.evil.test", "label": labels[number % 3]} for number in range(30)
    ]
    file = tmp_path / "www.data.test.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    visit.go().type_model(str(folder)).opened(".model.test").type_data(str(file)).opened(".data.test.jsonl")
    for page in ("Home", "Scores", "Complementarity", "Mask", "Recover", "Export"):
        visit.to(page).settled()
        if page == "Complementarity":
            visit.page.get_by_role("button", name="Take signatures").click()
            visit.settled()
        links = visit.page.locator("a[href]").evaluate_all("links => links.map(link => link.href)")
        assert len(links) >= 6, "the pages of the app are links"
        assert [link for link in links if "127.0.0.1:1/" in link or "evil" in link or ".test" in link] == []


# -- a server that others can reach ------------------------------------------------------------------------------------


def test_folder_path_on_a_server_for_others_is_refused_and_uploads_are_not(
    visitor: Callable[..., Visit], serve: Callable[..., Served], small_model: Path, small_data: Path
) -> None:
    visit = visitor(serve("--server.address=0.0.0.0"), stranger=True).go()
    for source in (str(small_model), "/etc", "/no/such/folder", "~", "../"):
        visit.type_model(source).expect_alert(REFUSED)
        visit.type_data(source).expect_alert(REFUSED)
        assert [text.partition(" Whoever")[0] for text in visit.settled().alerts()] == [REFUSED]
    visit.upload_data(small_data).opened(small_data.name)


def test_data_root_opens_what_lies_under_it_and_tells_nothing_of_the_rest(
    visitor: Callable[..., Visit], serve: Callable[..., Served], small_model: Path, small_data: Path, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    save_tiny(root / "inside")
    (tmp_path / "outside").mkdir()
    (root / "way-out").symlink_to(small_model)
    served = serve("--server.address=0.0.0.0", environment={"HEADVIZ_DATA_ROOT": str(root)})
    visit = visitor(served, stranger=True).go()
    for source in (str(small_model), "/no/such/folder", str(root / "way-out"), "../outside"):
        visit.type_model(source).expect_alert("There is no such file or folder under this server's data root")
        assert len(visit.settled().alerts()) == 1
    visit.type_data(str(small_data)).expect_alert("under this server's data root")
    visit.type_model("inside").opened("inside")
    assert str(root) not in visit.page.get_by_test_id("stApp").inner_text()
