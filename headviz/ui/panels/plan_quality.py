"""What a plan does to quality: over the number of heads, and beside controls of the same size. Measured on a click."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from headviz.complementarity.plan import Plan
from headviz.complementarity.quality import counts_of
from headviz.stats import Estimate
from headviz.ui import charts, numbers, plan_frames
from headviz.ui.controls import help_of
from headviz.ui.draw import draw
from headviz.ui.measured import Measured
from headviz.ui.page import Page
from headviz.ui.panels.quality import caveat, examples_in_words, metric_choice, metric_of
from headviz.ui.plans import QUALITY_COUNTS, Plans
from headviz.ui.waiting import wait_for

_DRAWS = (5, 20)


def quality(page: Page, plan: Plan) -> None:
    st.header("Measured quality", help=help_of("evaluation", "confidence_interval", "control"), anchor=False)
    st.markdown(
        f"On {examples_in_words(Measured(page.results))}, which masks are chosen on. {caveat(page)} "
        "The paper's figures are not shown: its charts give no exact numbers, and its code prints none."
    )
    metric_choice(page, Measured(page.results).evaluation())
    left, right = st.columns(2, gap="large")
    with left:
        _curve(page, plan)
    with right:
        _controls(page, plan)


def _start_curve(plans: Plans) -> None:
    plans.ask_quality()


def _start_controls(plans: Plans, plan: Plan, draws: int) -> None:
    plans.measured.ask()  # the whole model stands beside them
    plans.ask_controls(plan, draws)


def _cost(plans: Plans, evaluations: int) -> str:
    examples = len(plans.measured.data())
    text = f"{evaluations} evaluations of {examples:,} examples each"
    seconds = plans.seconds_an_evaluation()
    if seconds is None:
        return f"{text}; how long one takes is known once the whole model is measured"
    whole = evaluations * seconds
    if whole < 1:
        return f"{text}: less than a second"
    return f"{text}: about {whole:.0f} s" if whole < 90 else f"{text}: about {whole / 60:.0f} min"


def _curve(page: Page, plan: Plan) -> None:
    st.subheader("Over the number of heads", anchor=False)
    plans = Plans(page.results)
    table, job = plans.quality(plan.degree, page.session.metric), plans.quality_job()
    if table is None and job is not None and job.state != "done":
        wait_for(job, page)
        return
    if table is None:
        st.button(
            "Measure the curve", key="quality_curve", icon=":material/show_chart:", on_click=_start_curve, args=(plans,)
        )
        st.markdown(f"{_cost(plans, len(counts_of(plan, QUALITY_COUNTS)))}. It can be stopped at any time.")
        return
    about, metric = table.attrs, table.attrs["metric"]
    title = numbers.title_of(metric)
    levels = [(float(table["value"].iloc[-1]), "unpruned"), (about["constant"], "constant classifier")]
    knees = [(plan.mask.count, "curve")] + ([(about["knee"], "quality")] if about["knee"] is not None else [])
    drawing = charts.quality_curve(
        table[["kept", "value", "low", "high", "fit"]],
        pd.DataFrame(levels, columns=["value", "name"]),
        pd.DataFrame(knees, columns=["kept", "kind"]).astype({"kept": float}),
        title=title,
        percent=metric in numbers.SHARES,
    )
    draw(drawing, key="quality_curve_chart", alt=f"{title} over the number of heads kept, with 95 % intervals")
    knee = "quality has no knee"
    if about["knee"] is not None:
        knee = f"knee of quality {numbers.many(about['knee'], 'head')} (violet)"
    degree = "without smoothing" if plan.degree is None else f"at degree {min(plan.degree, 5)}"
    near = "1 point" if metric in numbers.SHARES else "0.01"
    st.markdown(
        f"Silhouettes keep {numbers.many(plan.mask.count, 'head')} (blue); {knee}, {degree}. Fewest heads within "
        f"{near} of the whole model: {about['fewest']}."
    )


def _controls(page: Page, plan: Plan) -> None:
    st.subheader("Beside controls of the same size", help=help_of("control", "paired_difference"), anchor=False)
    plans = Plans(page.results)
    draws = st.segmented_control(
        "Draws of each random control", _DRAWS, key="control_draws", default=_DRAWS[0], required=True,
        persist_state="session",
    )  # fmt: skip
    draws = draws or _DRAWS[0]
    mask = plan.mask
    found, job = plans.controls(mask, draws), plans.controls_job(mask, draws)
    if found is None and job is not None and job.state != "done":
        wait_for(job, page)
        return
    if found is None:
        single = 2 + (plan.salience is not None)
        st.button(
            "Measure the controls", key="measure_controls", icon=":material/balance:",
            on_click=_start_controls, args=(plans, plan, draws),
        )  # fmt: skip
        st.markdown(
            f"Other choices of {numbers.many(mask.count, 'head')} under the same guard: top salience, random heads, a "
            "random member of each cluster, the medoids; top integrated gradients, too, once the Mask page has "
            "computed them. "
            f"{_cost(plans, single + 2 * draws)}."
        )
        return
    whole = plans.measured.evaluation()
    metric = "accuracy" if whole is None else metric_of(page, whole)
    title, table = numbers.title_of(metric), found.table(metric)
    drawing = charts.compared(
        plan_frames.measured_rows(table),
        whole=None if whole is None else whole.metrics[metric].value,
        constant=None if whole is None else whole.constant_in(metric),
        title=title,
        percent=metric in numbers.SHARES,
    )
    draw(drawing, key="compared", alt=f"{title} of this plan and of its controls, with 95 % intervals")
    st.markdown(_differences(table, metric))


def _differences(table: pd.DataFrame, metric: str) -> str:
    """The paired differences as a table in Markdown."""
    lines = [f"| choice | heads | {numbers.named(metric)} | CAHP minus this choice |", "|:--|--:|--:|--:|"]
    for row in table.itertuples():
        name = plan_frames.CONTROLS.get(row.name, row.name)
        drawn = f" (mean of {row.draws})" if row.draws > 1 else ""
        less = Estimate(row.less, row.less_low, row.less_high)
        told = f"{numbers.change(less, metric)} ({numbers.change_interval(less, metric)})"
        value = numbers.quantity(row.value, metric)
        lines.append(f"| {name}{drawn} | {row.kept} | {value} | {'' if row.name == 'cahp' else told} |")
    value = table.set_index("name")["value"]
    clusters = _less(value["random_per_cluster"], value["random"], metric)
    salience = _less(value["cahp"], value["random_per_cluster"], metric)
    lines += [
        "",
        f"Clusters are worth {clusters} here (random per cluster minus random), the choice within them {salience} "
        "(CAHP minus random per cluster). Nothing was fine-tuned yet; recovery may change the order.",
    ]
    return "\n".join(lines)


def _less(value: float, other: float, metric: str) -> str:
    return numbers.change(Estimate(value - other, value - other, value - other), metric)
