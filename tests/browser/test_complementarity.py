"""From signatures to a plan's mask and its file, as a visitor goes: on the demo, and on a model of their own."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from tests.browser.visit import LONG, Visit, cut_of

DEGREE = "Degree of the fit"
SST5_ROWS = 120


def kept(visit: Visit) -> tuple[int, int]:
    """Heads kept, and of how many, as the page says."""
    said = visit.page.get_by_text(re.compile(r"^\d+ of \d+ heads kept")).first.inner_text()
    count, total = re.findall(r"\d+", said)[:2]
    return int(count), int(total)


def lettered(visit: Visit) -> int:
    """Heads that the map of roles draws as kept."""
    letters = visit.chart("Role of each head").locator("text").all_text_contents()
    return sum(letter.strip() in ("M", "K", "R") for letter in letters)


def use_mask(visit: Visit, folder: Path) -> dict[str, Any]:
    """Take the plan's mask to the Mask page, and home as a file: its record."""
    count, total = kept(visit)
    visit.page.get_by_role("button", name="Use this mask").click()
    expect(visit.sidebar).to_contain_text(f"{total - count} of {total} heads cut")
    visit.wait_for_address(prune=str(total - count)).settled()
    onward = visit.page.get_by_role("link", name="go on to Mask").get_attribute("href") or ""
    assert f"mask={visit.asked['mask']}&" in onward
    visit.to("Mask").settled()
    visit.expect_alert("The current mask is")
    cut = visit.cut_in_grid()
    assert len(cut) == total - count
    visit.to("Export").settled()
    assert visit.figure("Criterion") == "CAHP"
    with visit.page.expect_download() as download:
        visit.page.get_by_role("button", name="Download JSON").click()
    download.value.save_as(folder / "mask.json")
    record: dict[str, Any] = json.loads((folder / "mask.json").read_text("utf-8"))
    assert record["criterion"]["name"] == "cahp" and cut_of(record) == cut
    return record


def test_demo_from_signatures_through_every_degree_to_the_exported_mask(visit: Visit, tmp_path: Path) -> None:
    visit.go().open_demo()
    visit.to("Complementarity").settled()
    expect(visit.page.get_by_text("by class: very negative").first).to_be_visible()
    visit.take_signatures()
    band = visit.page.get_by_text("the same procedure on shuffled features").first
    expect(band).to_be_visible(timeout=LONG)
    drawn = visit.chart("Mean simplified silhouette")
    assert drawn.locator(".mark-area path").count() >= 2

    visit.move(DEGREE, "ArrowLeft", 4)
    at_two, graph = kept(visit)[0], visit.chart("Heads in the space").inner_html()
    assert lettered(visit) == at_two
    visit.move(DEGREE, "ArrowLeft")
    visit.expect_alert("At degree 1 the curve has no knee")
    assert kept(visit)[0] == at_two  # the last number stays
    counts = {1: at_two}
    for degree in range(2, 9):
        visit.move(DEGREE, "ArrowRight")
        assert visit.asked["cahp"] == (f"degree:{degree}" if degree != 6 else "default")
        expect(band).to_contain_text(f"At degree {degree} the knee of this model is at")
        counts[degree] = kept(visit)[0]
        assert lettered(visit) == counts[degree]
    assert counts[2] == at_two > counts[8]
    assert visit.chart("Heads in the space").inner_html() != graph
    visit.move(DEGREE, "ArrowRight")
    assert (visit.value(DEGREE), visit.asked["cahp"]) == ("no smoothing", "degree:none")

    visit.page.get_by_role("combobox", name="Space").click()
    visit.page.keyboard.type("Principal")
    visit.page.keyboard.press("Enter")
    visit.wait_for_address(cahp="degree%3Anone%2Cspace%3Apca").settled()
    expect(visit.page.get_by_text("Axes are principal coordinates")).to_be_visible()
    visit.move(DEGREE, "ArrowLeft", 4)
    assert visit.value(DEGREE) == "5"

    visit.page.get_by_role("button", name="Measure the controls").click()
    table = visit.page.get_by_role("table")
    expect(table).to_contain_text("random per cluster (mean of 5)", timeout=LONG)
    visit.settled()
    assert visit.chart("Accuracy of this plan").count() == 1

    record = use_mask(visit, tmp_path)
    options = record["criterion"]["options"]
    assert (options["degree"], options["space"]) == (5, "pca")


def test_a_click_on_a_point_picks_the_head_everywhere(visit: Visit) -> None:
    visit.go("/complementarity", model="demo/reviews").opened("demo/reviews").take_signatures()
    cell = visit.chart("Role of each head").locator("path[aria-label*='Head: L1H2']").first
    cell.click()
    visit.settled()
    expect(visit.page.get_by_role("combobox", name="Head")).to_have_value("L1H2")
    expect(visit.chart("Heads in the space")).to_contain_text("L1H2")


def test_own_model_and_a_few_examples_give_a_plan_and_its_mask(visit: Visit, shared: Path, tmp_path: Path) -> None:
    rows = (shared / "data" / "sst5" / "test.tsv").read_text("utf-8").split("\n")[: SST5_ROWS + 1]
    (tmp_path / "few.tsv").write_text("\n".join(rows), encoding="utf-8")
    visit.go().type_model(str(shared / "models" / "minilm-sst5")).opened("minilm-sst5")
    visit.upload_data(tmp_path / "few.tsv").opened("few.tsv")
    visit.to("Complementarity").settled()
    visit.take_signatures()
    expect(visit.page.get_by_text(re.compile(r"^Signatures of 72 heads on 60 examples"))).to_be_visible()
    visit.move(DEGREE, "ArrowLeft", 4)
    count, total = kept(visit)
    assert total == 72 and 24 <= count <= 48
    use_mask(visit, tmp_path)
