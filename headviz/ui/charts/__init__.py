"""Charts: each takes a DataFrame (or plain arrays) and gives a `Drawing`, an Altair chart with its data apart.

None computes scores or touches a model.
"""

from headviz.ui.charts.distribution import distribution
from headviz.ui.charts.drawing import Drawing
from headviz.ui.charts.heatmap import heatmap
from headviz.ui.charts.layers import layers
from headviz.ui.charts.palette import PICK
from headviz.ui.charts.quality import quality
from headviz.ui.charts.scatter import iso_lines, scatter
from headviz.ui.charts.ticks import ticks
from headviz.ui.charts.tokens import MOST_TOKENS, attention_map, attribution

__all__ = [
    "MOST_TOKENS",
    "PICK",
    "Drawing",
    "attention_map",
    "attribution",
    "distribution",
    "heatmap",
    "iso_lines",
    "layers",
    "quality",
    "scatter",
    "ticks",
]
