"""A chart and its data, apart: Altair makes the specification once, and each redraw sends other data alone.

Making and checking a layered Altair chart costs 30 to 70 ms, which a slider move would pay for every chart; and the
browser keeps a chart whose specification stays the same and only moves its marks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ParamSpec

import altair as alt
import pandas as pd

Options = ParamSpec("Options")


@dataclass(frozen=True)
class Drawing:
    """``text``: the specification as JSON, which names its data; ``data``: those tables by name; ``narrowest``: pixels
    below which its names could not be read, 0 where it fits any width."""

    text: str
    data: Mapping[str, pd.DataFrame]
    narrowest: int = 0

    @property
    def spec(self) -> dict[str, Any]:
        """The specification with its tables, as a renderer of Vega-Lite takes it; yours to change."""
        return {**json.loads(self.text), "datasets": dict(self.data)}

    def spec_telling(self, field: str, instead: str) -> dict[str, Any]:
        """The specification with tooltips that show the column ``instead`` in the place of ``field``."""

        def told(found: dict[str, Any]) -> dict[str, Any]:
            tips = found.get("tooltip")
            if isinstance(tips, list):
                found["tooltip"] = [{**tip, "field": instead} if tip.get("field") == field else tip for tip in tips]
            return found

        return {**json.loads(self.text, object_hook=told), "datasets": dict(self.data)}

    @property
    def chart(self) -> Any:
        """The same as an Altair chart that stands by itself, to show or save elsewhere."""
        rows = {name: table.to_dict("records") for name, table in self.data.items()}
        return alt.Chart.from_dict({**json.loads(self.text), "datasets": rows})


def specification(build: Callable[Options, Any]) -> Callable[Options, str]:
    """A function that builds an Altair chart over `alt.NamedData`, as one that gives its JSON and keeps it."""

    @lru_cache(maxsize=64)
    def text(*args: Options.args, **kwargs: Options.kwargs) -> str:
        return json.dumps(_silenced(build(*args, **kwargs).to_dict()))

    return text  # type: ignore[return-value]


def _silenced(spec: Any) -> Any:
    """The specification in which marks without a tooltip, which only frame or strike what others show, are nothing to
    screen readers: a layer of them that happens to be empty would be an image without a name. Texts are read."""
    if isinstance(spec, list):
        return [_silenced(part) for part in spec]
    if not isinstance(spec, dict):
        return spec
    if "mark" in spec:
        mark = {"type": spec["mark"]} if isinstance(spec["mark"], str) else spec["mark"]
        if mark["type"] != "text" and not mark.get("tooltip") and "tooltip" not in spec.get("encoding", {}):
            spec = {**spec, "mark": {**mark, "aria": False}}
    return {name: _silenced(part) for name, part in spec.items()}


def named(name: str) -> alt.Chart:
    return alt.Chart(alt.NamedData(name))
