"""Fisher: the mean squared gate gradient, the diagonal of the empirical Fisher information of the gates."""

from __future__ import annotations

import numpy as np

from headviz.importance.criterion import Asked, criterion


@criterion("fisher", title="Fisher", needs="scores")
def fisher(asked: Asked) -> np.ndarray:
    return asked.scores().fisher
