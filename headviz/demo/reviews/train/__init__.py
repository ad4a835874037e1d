"""Training the bundled model anew, measuring it and writing its model card.

`recipe` is the training, `figures` what is promised and measured, `card` the text beside the weights. Unlike the rest
of `headviz.demo.reviews`, this loads torch and transformers.
"""

from __future__ import annotations

from headviz.demo.reviews.train.recipe import Settings, reproducible, save, train

__all__ = ["Settings", "reproducible", "save", "train"]
