"""From a mask to a smaller model and back: prune the demo, prove it, time it, take it home, open it, cut further."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from playwright.sync_api import expect

import headviz as hv
from tests.browser.visit import LONG, Visit

DEMO = "demo/reviews"


def test_pruned_demo_comes_home_and_is_scored_and_cut_further(visit: Visit, tmp_path: Path) -> None:
    visit.go("/mask", model=DEMO, prune="16").opened(DEMO)
    cut = visit.cut_in_grid()
    assert len(cut) == 16
    visit.to("Export").settled()
    main = visit.page.get_by_test_id("stMain")
    main.get_by_text("Pruned, smaller", exact=True).click()
    visit.settled()
    assert visit.figure("Smaller by").endswith("%")

    visit.page.get_by_role("button", name="Make pruned-model.zip").click()
    download = visit.page.get_by_role("button", name=re.compile("^Download pruned-model.zip"))
    expect(download).to_be_visible(timeout=LONG)
    expect(main).to_contain_text("answers like the masked model on 1,000 examples: all predictions are equal")
    with visit.page.expect_download() as downloading:
        download.click()
    with zipfile.ZipFile(downloading.value.path()) as archive:
        archive.extractall(tmp_path)
    folder = tmp_path / "pruned-model"

    visit.page.get_by_role("button", name="Measure the speed").click()
    expect(main).to_contain_text("Speed-up (quartiles)", timeout=LONG)
    expect(main).to_contain_text("faster")
    visit.settled()

    visit.to("Home").settled().type_model(str(folder))
    expect(visit.sidebar).to_contain_text("heads", timeout=LONG)
    pruned = hv.load(folder)
    assert sum(pruned.heads) == 16 and len(set(pruned.heads)) > 1
    expect(visit.sidebar).to_contain_text(f"{pruned.layers} layers, 16 heads in all", timeout=LONG)
    visit.settled().to("Scores").settled()
    expect(visit.chart("HIES of every head")).to_be_visible(timeout=LONG)
    visit.to("Mask").settled()
    before = visit.cut_in_grid()
    kept = next(f"L{layer}H0" for layer, heads in enumerate(pruned.heads) if heads and f"L{layer}H0" not in before)
    visit.toggle(kept)
    assert visit.cut_in_grid() == before | {kept}
    visit.to("Export").settled()
    main.get_by_text("Pruned, smaller", exact=True).click()
    visit.settled()
    visit.page.get_by_role("button", name="Make pruned-model.zip").click()
    expect(download).to_be_visible(timeout=LONG)
    expect(main).to_contain_text("answers like the masked model on 1,000 examples")
