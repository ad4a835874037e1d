"""The report of a mask in hand, of all that a session knows of it: nothing is computed for it but arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import headviz as hv
from headviz.errors import LoadError, MaskError
from headviz.glossary import glossary
from headviz.ui.calibration import SEED
from headviz.ui.measured import Measured
from headviz.ui.models_home import FORMS, ModelsHome
from headviz.ui.report import HeadMap, Report, Stages
from headviz.ui.report import Measured as Figures
from headviz.ui.results import Results

if TYPE_CHECKING:
    import pandas as pd

    from headviz.data import Data
    from headviz.mask import Mask
    from headviz.proof import Proof

_TOKENS = 128
_FINAL = "Nothing was scored or chosen on these examples."
_CHOSEN = "Masks are chosen by their quality on these examples, so the mask looks better on them than it is."
_SCORED = "Scores come from these examples and masks are chosen by them, so the mask looks better on them than it is."


def report_of(results: Results, mask: Mask, speed: pd.DataFrame | None = None) -> Report:
    """Everything that is known of ``mask`` in this session. ``speed``: where it was measured."""
    session = results.session
    assert session.subject is not None and session.data is not None
    tokens = min(_TOKENS, session.subject.max_length)
    return Report(
        mask=mask,
        subject=session.subject,
        data=_data(results),
        data_note=_data_note(results),
        scoring=_scoring(results, mask),
        maps=_maps(results, mask),
        measured=_figures(results, mask),
        savings=_savings(results, mask, tokens),
        tokens=tokens,
        speed=speed,
        proofs=_proofs(results, mask),
        looks=max(1, len(session.reported)),
        metric=session.metric,
        stages=_stages(results),
    )


def _scoring(results: Results, mask: Mask) -> dict[str, Any]:
    """Options of the scoring pass that the mask rests on, where it is the one of this visit."""
    base = results.base()
    if base is None or not mask.provenance.get("criterion", {}).get("name") or results.scores_behind(mask) is None:
        return {}
    return base.scores.provenance.get("options") or {}


def _stages(results: Results) -> tuple[Stages, ...]:
    """Quality of the whole, the cut and the recovered model, where the model in hand was recovered here."""
    session = results.session
    assert session.subject is not None
    found = []
    for run in list(session.runs.values()):
        if run.recovery is None or run.recovery.subject.fingerprint != session.subject.fingerprint:
            continue
        for part, data, worth in (
            ("report", run.report, "Nothing was chosen or trained on them."),
            (
                "selection",
                run.validation,
                "The best step was chosen on them, so the recovered model looks a little better on them than it is.",
            ),
        ):
            levels = run.levels.get(part)  # type: ignore[call-overload]
            if levels is None or levels.recovered is None:
                continue
            quality = {"Whole model": levels.whole, "Cut": levels.masked, "Cut and recovered": levels.recovered}
            split = f", split {data.split}" if data.split else ""
            found.append(Stages(f"On {len(data):,} examples of {data.name}{split}. {worth}", quality))
    return tuple(found)


def _data(results: Results) -> dict[str, Data]:
    data = results.session.data
    assert data is not None
    return {"scores": results.calibration_data(), "choosing": data.selection, "final figures": data.report}


def _data_note(results: Results) -> str:
    """How the splits came about, and of how many examples those for scores were drawn."""
    data = results.session.data
    assert data is not None
    used, there = len(results.calibration_data()), len(data.calibration)
    drawn = f"The {used:,} examples for scores are drawn from {there:,} with seed {SEED}." if used < there else ""
    return f"{data.note} {drawn}".strip()


def _maps(results: Results, mask: Mask) -> tuple[HeadMap, ...]:
    """HIS, attention entropy and HIES, and the mask's own criterion where it is another one that is computed."""
    base, session = results.base(), results.session
    if base is None:
        return ()
    criterion = mask.provenance.get("criterion") or {}
    options = criterion.get("options") or {} if criterion.get("name") == "hies" else {}
    alpha, normalise = options.get("alpha", session.choice.alpha), options.get("normalise", "global")
    hies = base.scores.hies(alpha, normalise=normalise)
    raw = base.scores.provenance.get("options", {}).get("entropy") == "raw"
    maps = [
        HeadMap("HIS", base.his, "nats", glossary["his"].sentence),
        HeadMap("Attention entropy", base.ae, "nats" if raw else "", glossary["attention_entropy"].sentence),
        HeadMap(f"HIES, alpha {alpha:g}", hies.values, "", glossary["hies"].sentence),
    ]
    name = str(criterion.get("name"))
    if name in hv.criteria and name not in ("hies", "his", "entropy"):
        own = results.head_scores(name)
        if own is not None:
            maps.append(HeadMap(hv.criteria[name].title, own.values, "", hv.criteria[name].explain))
    return tuple(maps)


def _figures(results: Results, mask: Mask) -> tuple[Figures, ...]:
    """The final figures, then those that the mask was chosen by, as far as they are measured."""
    data = results.session.data
    assert data is not None
    chosen = _SCORED if data.selection is data.calibration else _CHOSEN
    found = []
    parts: tuple[tuple[Any, str, str], ...] = (
        ("report", "Final figures", _FINAL),
        ("selection", "Figures on the examples to choose on", chosen),
    )
    for part, title, caveat in parts:
        measured = Measured(results, part, final=part == "report")
        before, now = measured.evaluation(), measured.evaluation(mask)
        if before is not None and now is not None:
            found.append(Figures(title, caveat, before, now))
    return tuple(found)


def _savings(results: Results, mask: Mask, tokens: int) -> pd.DataFrame | None:
    from headviz.cost import cost

    assert results.session.subject is not None
    try:
        return cost(results.session.subject, mask, tokens=tokens)
    except (LoadError, MaskError):
        return None


def _proofs(results: Results, mask: Mask) -> tuple[Proof, ...]:
    """Of the forms that were written in this session and answer like the masked model, or do not."""
    from headviz.saving import DTYPES

    assert results.session.subject is not None
    dtypes = dict.fromkeys((results.session.subject.dtype, *DTYPES))
    homes = [ModelsHome(results, mask, kind, dtype) for kind in FORMS for dtype in dtypes]
    jobs = [home.job(what) for home in homes for what in ("pack", "write")]
    return tuple(job.result.proof for job in jobs if job is not None and job.state == "done")
