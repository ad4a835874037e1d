"""Charts: each takes a DataFrame (or plain arrays) and gives a `Drawing`, an Altair chart with its data apart.

None computes scores or touches a model.
"""

from headviz.ui.charts.cells import cells
from headviz.ui.charts.compared import compared
from headviz.ui.charts.confusion import confusion
from headviz.ui.charts.difference_map import difference_map
from headviz.ui.charts.distribution import distribution
from headviz.ui.charts.drawing import Drawing
from headviz.ui.charts.graph import COLOURS, graph
from headviz.ui.charts.heatmap import heatmap
from headviz.ui.charts.importance_map import importance_map
from headviz.ui.charts.layers import layers
from headviz.ui.charts.loss_slice import loss_slice
from headviz.ui.charts.meters import meters
from headviz.ui.charts.palette import PICK
from headviz.ui.charts.predictions import predictions
from headviz.ui.charts.prefix_strip import prefix_strip
from headviz.ui.charts.probabilities import probabilities
from headviz.ui.charts.quality import quality
from headviz.ui.charts.quality_curve import quality_curve
from headviz.ui.charts.recall import recall
from headviz.ui.charts.recovery_curves import loss_curve, recovery_quality
from headviz.ui.charts.roles import roles
from headviz.ui.charts.savings import savings
from headviz.ui.charts.scatter import iso_lines, scatter
from headviz.ui.charts.shared import shared
from headviz.ui.charts.shares import shares
from headviz.ui.charts.sides import SIDES
from headviz.ui.charts.silhouettes import difference, silhouettes
from headviz.ui.charts.steadiness import steadiness
from headviz.ui.charts.threshold import importance_bars, threshold_curve
from headviz.ui.charts.ticks import ticks
from headviz.ui.charts.tokens import MOST_TOKENS, attention_map, attribution

__all__ = [
    "COLOURS",
    "MOST_TOKENS",
    "PICK",
    "SIDES",
    "Drawing",
    "attention_map",
    "attribution",
    "cells",
    "compared",
    "confusion",
    "difference",
    "difference_map",
    "distribution",
    "graph",
    "heatmap",
    "importance_bars",
    "importance_map",
    "iso_lines",
    "layers",
    "loss_curve",
    "loss_slice",
    "meters",
    "predictions",
    "prefix_strip",
    "probabilities",
    "quality",
    "quality_curve",
    "recall",
    "recovery_quality",
    "roles",
    "savings",
    "scatter",
    "shared",
    "shares",
    "silhouettes",
    "steadiness",
    "threshold_curve",
    "ticks",
]
