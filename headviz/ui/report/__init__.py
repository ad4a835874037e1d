"""The report: a mask, how it was chosen and what is known of it, as one HTML file that needs nothing else.

No scripts, no fonts, no pictures from elsewhere: it opens without a network, now and in years. All texts are escaped;
names of models, data and labels may be anything.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from headviz import __version__
from headviz.provenance import now
from headviz.ui.report import pictures, tables
from headviz.ui.report.content import HeadMap, Measured, Report, Stages

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["HeadMap", "Measured", "Report", "Stages", "written"]


def written(report: Report) -> str:
    """The report as HTML."""
    return _template().render(
        report=report, pictures=pictures, tables=tables, created=now(), version=__version__, summary=_summary(report)
    )


@cache
def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(__name__, ""), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template("report.html")


def _summary(report: Report) -> str:
    """What was done and what came of it, in a line or two."""
    from headviz.ui import numbers

    mask = report.mask
    sentences, earlier = tables.story(report), report.subject.cut is not None
    if mask.pruned or not earlier:
        more = " more" if earlier else ""
        share = numbers.share(1 - mask.share)
        sentences.append(f"{len(mask.pruned)} of {sum(mask.heads)} heads are{more} cut ({share}).")
    else:
        sentences.append("Nothing more is cut.")
    if mask.pruned:
        sentences.append(f"Criterion: {tables.criterion(report)[0]}.")
    said = " ".join(sentences) + " "
    if not report.measured:
        return said + "Nothing was measured yet."
    first = report.measured[0]
    name = report.main(first)
    before, after = first.before.metrics[name], first.now.metrics[name]
    if not mask.pruned:
        said += (
            f"{numbers.title_of(name)} is {numbers.quantity(after.value, name)} ({numbers.interval(after, name)}) on "
        )
        return said + tables.examples(first)
    return said + (
        f"{numbers.title_of(name)} is {numbers.quantity(after.value, name)} ({numbers.interval(after, name)}), and "
        f"{numbers.quantity(before.value, name)} ({numbers.interval(before, name)}) with all heads, on "
        f"{tables.examples(first)}"
    )
