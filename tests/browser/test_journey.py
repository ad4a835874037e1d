"""From a model to an exported mask and back, as a visitor goes: on the demo, and on a model and data of their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.visit import Visit, cut_of

SST5_ROWS = 300


def cut_half_and_export(visit: Visit, heads: tuple[int, ...], by_hand: str, folder: Path) -> dict[str, Any]:
    """Alpha by keyboard, half of the heads, one more by hand, quality measured, the mask as a file: its record."""
    total = sum(heads)
    visit.to("Scores").settled()
    drawn = visit.chart("HIES of every head").inner_html()
    visit.move("Alpha", "ArrowRight", 3)
    assert visit.asked["alpha"] == visit.value("Alpha")
    assert visit.chart("HIES of every head").inner_html() != drawn

    visit.to("Mask").settled()
    start = len(visit.cut_in_grid())
    visit.move("Heads to cut", "ArrowRight", total // 2 - start)
    assert visit.value("Heads to cut") == f"{total // 2} of {total} (50 %)"
    half = visit.cut_in_grid()
    assert len(half) == total // 2
    assert visit.asked["prune"] == str(total // 2)
    before = visit.figure("Change in accuracy")

    visit.toggle(by_hand)
    cut = visit.cut_in_grid()
    assert cut ^ half == {by_hand}
    assert visit.cut_in_link(*heads) == cut
    expect(visit.page.get_by_test_id("stMain")).to_contain_text(
        f"By hand: {by_hand} {'cut' if by_hand in cut else 'kept'}"
    )
    expect(visit.sidebar).to_contain_text(f"{len(cut)} of {total} heads cut, 1 by hand")
    assert {"…", ""}.isdisjoint({before, visit.figure("Accuracy now"), visit.figure("Change in accuracy")})

    now = visit.figure("Accuracy now")
    visit.to("Export").settled()
    assert visit.figure("Accuracy") == now
    with visit.page.expect_download() as download:
        visit.page.get_by_role("button", name="Download JSON").click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    record = json.loads(path.read_text("utf-8"))
    assert cut_of(record) == cut
    assert record["criterion"]["by_hand"] == [by_hand]
    assert record["criterion"]["options"]["alpha"] == pytest.approx(float(visit.asked["alpha"]), abs=5e-4)
    assert f"{100 * record['measured']['accuracy']['value']:.1f} %" == now
    return record


def open_mask(visit: Visit, path: Path) -> None:
    visit.to("Export").settled()
    visit.upload(path)
    visit.expect_alert(f"{path.name} is open")
    visit.settled()


def test_demo_from_the_first_click_to_the_exported_mask_and_back(visitor: Callable[..., Visit], tmp_path: Path) -> None:
    visit = visitor().go()
    visit.open_demo()
    record = cut_half_and_export(visit, (8,) * 4, "L0H0", tmp_path)
    mask_of_the_link = visit.asked["mask"]

    other = visitor().go()
    other.open_demo()
    open_mask(other, tmp_path / "mask.json")
    assert other.asked["mask"] == mask_of_the_link
    assert other.asked["alpha"] == visit.asked["alpha"]
    other.to("Mask").settled()
    assert other.cut_in_grid() == cut_of(record)
    assert other.page.get_by_text("By hand: L0H0").is_visible()


def test_own_model_and_uploaded_data_from_a_folder_path_to_the_exported_mask_and_back(
    visit: Visit, shared: Path, tmp_path: Path
) -> None:
    rows = (shared / "data" / "sst5" / "test.tsv").read_text("utf-8").split("\n")[: SST5_ROWS + 1]
    (tmp_path / "sst5.tsv").write_text("\n".join(rows), encoding="utf-8")
    visit.go().type_model(str(shared / "models" / "minilm-sst5")).opened("minilm-sst5")
    visit.upload_data(tmp_path / "sst5.tsv").opened("sst5.tsv")
    assert visit.page.get_by_text(f"scores come from one ({SST5_ROWS // 2} examples)").is_visible()

    record = cut_half_and_export(visit, (12,) * 6, "L0H0", tmp_path)
    assert record["model"]["name"] == "minilm-sst5"
    assert record["measured"]["accuracy"]["examples"] == SST5_ROWS // 2
    exported = visit.asked["mask"]

    visit.to("Mask").settled()
    visit.page.get_by_role("button", name="Drop changes by hand").click()
    visit.settled().move("Heads to cut", "ArrowLeft", 2)
    assert visit.cut_in_grid() != cut_of(record)
    open_mask(visit, tmp_path / "mask.json")
    assert visit.asked["mask"] == exported
    visit.to("Mask").settled()
    assert visit.cut_in_grid() == cut_of(record)
