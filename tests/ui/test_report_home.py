"""The report of what a session knows, and the file on the Export page."""

from __future__ import annotations

from typing import Any

import numpy as np

import headviz as hv
from headviz.ui.measured import Measured
from headviz.ui.models_home import ModelsHome
from headviz.ui.report_home import report_of
from headviz.ui.results import Results


def mask_of(made: Results) -> hv.Mask:
    made.ask_scores()
    made.session.choice.alpha = 0.25
    mask = made.mask()
    assert mask is not None and mask.pruned
    return mask


def test_nothing_is_measured_for_a_report(made: Results) -> None:
    report = report_of(made, mask_of(made))
    assert report.measured == () and report.proofs == () and report.speed is None
    assert Measured(made).job() is None


def test_report_holds_what_is_measured_final_figures_first(made: Results) -> None:
    mask = mask_of(made)
    for part in ("report", "selection"):
        measured = Measured(made, part)
        measured.ask()
        measured.ask(mask)
    final, chosen = report_of(made, mask).measured
    assert made.session.data is not None and made.session.subject is not None
    alone = hv.evaluate(made.session.subject, made.session.data.report, mask)
    assert final.now.metrics == alone.metrics and final.now.agreement(final.before) == alone.agreement(final.before)
    assert len(chosen.now) == len(made.session.data.selection) and "looks better on them than it is" in chosen.caveat


def test_maps_are_his_entropy_and_hies_at_the_masks_own_alpha(made: Results) -> None:
    mask, base = mask_of(made), made.base()
    assert base is not None
    made.session.choice.alpha = 0.75  # the page moves on, the mask does not
    his, entropy, hies = report_of(made, mask).maps
    assert np.array_equal(his.values, base.scores.his) and np.array_equal(entropy.values, base.scores.ae)
    assert hies.title == "HIES, alpha 0.25"
    assert np.array_equal(hies.values, base.scores.hies(0.25).values)


def test_another_criterion_of_the_mask_is_a_map_too(made: Results) -> None:
    made.session.choice.criterion = "fisher"
    mask = mask_of(made)
    last = report_of(made, mask).maps[-1]
    scores = made.head_scores("fisher")
    assert last.title == "Fisher" and scores is not None and np.array_equal(last.values, scores.values)


def test_data_say_how_examples_for_scores_were_drawn(made: Results) -> None:
    report = report_of(made, mask_of(made))
    assert len(report.data["scores"]) == 16 and len(report.data["final figures"]) == 30
    assert report.data_note.endswith("The 16 examples for scores are drawn from 30 with seed 0.")


def test_proof_of_a_model_that_was_written_stands_in_the_report(made: Results) -> None:
    mask = mask_of(made)
    written = ModelsHome(made, mask, "masked").ask_packed().result
    assert report_of(made, mask).proofs == (written.proof,)


def test_export_page_offers_the_report_with_its_size(opened: Any) -> None:
    at = opened.switch_page("pages/export.py").run()
    assert not at.exception and not at.error
    (label,) = [one.label for one in at.get("download_button") if "Download report" in one.label]
    assert label.startswith("Download report (") and label.endswith(" kB)")
