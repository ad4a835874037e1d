"""Recovery as a visitor goes: cut the demo, recover by SAFE, watch, leave, come back, stop, go on, use and export."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

from playwright.sync_api import expect

import headviz as hv
from tests.browser.visit import LONG, Visit

DEMO = "demo/reviews"
HEADS, CUT = 32, 19  # 60 % of the demo's


def bars(visit: Visit) -> str:
    """The drawing of the player's bars."""
    return visit.chart("Importance of each block").inner_html()


def test_demo_is_cut_recovered_by_safe_watched_stopped_gone_on_with_and_exported(visit: Visit, tmp_path: Path) -> None:
    visit.go("/mask", model=DEMO, prune=str(CUT)).opened(DEMO)
    assert len(visit.cut_in_grid()) == CUT
    visit.to("Recover").settled()
    main, page = visit.page.get_by_test_id("stMain"), visit.page
    expect(main).to_contain_text(f"{CUT} of {HEADS} heads are cut out of the weights first")
    page.get_by_test_id("stButtonGroup").get_by_text("10,000", exact=True).click()  # long enough to stop it in time
    expect(main).to_contain_text("Trained on 10,000 of 30,000 texts")
    visit.settled()
    schedule = visit.chart("The threshold over").inner_html()
    visit.slider("Level of the threshold").focus()
    visit.slider("Level of the threshold").press("ArrowRight")
    expect(main).to_contain_text("Predicted, where importance rises evenly")
    page.wait_for_function(
        "before => document.querySelector(\"[aria-label^='The threshold over'] svg\").innerHTML !== before",
        arg=schedule,
    )

    page.get_by_role("button", name="Recover", exact=True).click()
    expect(visit.chart("Importance of each block")).to_be_visible(timeout=LONG)
    first = bars(visit)
    page.wait_for_function(
        "before => document.querySelector(\"[aria-label^='Importance of each block'] svg\").innerHTML !== before",
        arg=first, timeout=LONG,
    )  # fmt: skip
    expect(visit.chart("Accuracy on 1,000 validation texts")).to_be_visible()

    visit.to("Scores").headed("Scores")
    expect(visit.chart("HIES of every head")).to_be_visible(timeout=LONG)
    expect(visit.sidebar).to_contain_text("Recovering by SAFE")
    visit.to("Recover")
    expect(visit.chart("Importance of each block")).to_be_visible(timeout=LONG)

    main.get_by_role("button", name="Stop").click()
    visit.expect_alert(re.compile(r"Stopped at step \d+ of 625\."), timeout=LONG)
    visit.settled()
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", name="Before and after")).to_be_visible(timeout=2 * LONG)
    visit.settled()
    assert visit.figure("Accuracy, recovered").endswith("%")
    assert re.fullmatch(r"\+\d+\.\d pts", visit.figure("Change by recovery"))
    at_last = bars(visit)
    visit.page.get_by_role("slider", name="Check at step").focus()
    visit.page.get_by_role("slider", name="Check at step").press("Home")
    page.wait_for_function(
        "before => document.querySelector(\"[aria-label^='Importance of each block'] svg\").innerHTML !== before",
        arg=at_last,
    )
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the run, JSON").click()
    record = json.loads(Path(download.value.path()).read_text("utf-8"))
    assert record["method"] == "safe" and record["history"]["step"] == 625

    page.get_by_role("button", name="Use this model").click()
    visit.expect_alert("with nothing more cut")
    expect(visit.sidebar).to_contain_text(f"0 of {HEADS - CUT} heads cut", timeout=LONG)
    visit.settled().to("Export").settled()
    main.get_by_text("Pruned, smaller", exact=True).click()
    visit.settled()
    page.get_by_role("button", name="Make pruned-model.zip").click()
    ready = page.get_by_role("button", name=re.compile("^Download pruned-model.zip"))
    expect(ready).to_be_visible(timeout=LONG)
    with page.expect_download() as download:
        ready.click()
    with zipfile.ZipFile(download.value.path()) as archive:
        archive.extractall(tmp_path)
    exported = hv.load(tmp_path / "pruned-model")
    assert sum(exported.heads) == HEADS - CUT
    validation = hv.load_data(DEMO, split="validation")
    accuracy = hv.evaluate(exported, validation).metrics["accuracy"].value
    assert accuracy == record["measured"]["selection"]["recovered"]["accuracy"]["value"]
