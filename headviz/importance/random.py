"""Random: a seeded order of all heads, the control that every criterion has to beat."""

from __future__ import annotations

import numpy as np

from headviz import stats
from headviz.importance.criterion import Asked, criterion


@criterion("random", title="Random", needs="scores", seeded=True)
def random(asked: Asked) -> np.ndarray:
    if asked.subject is not None:
        present = asked.subject.head_present
    else:
        present = ~np.isnan(asked.scores().gate_gradient[0])
    values = np.full(present.shape, np.nan)
    values[present] = stats.generator(asked.seed).permutation(int(present.sum()))
    return values
