"""The classes of pruned models. `modeling_headviz` is also a file of every folder that holds one; headviz itself only
ever runs this copy of it."""

from __future__ import annotations

from typing import Any

PREFIX = "headviz_"
"""What the model_type of a pruned model has in front of that of the whole one."""
FORMAT = 1
"""The newest ``headviz_format`` of a config.json that can be opened."""


def whole_type(kind: str) -> str:
    """The model type of the whole model.

    >>> whole_type("headviz_bert"), whole_type("bert")
    ('bert', 'bert')
    """
    return kind.removeprefix(PREFIX)


def model_classes() -> dict[str, Any]:
    """Model type of the whole model -> class of a pruned one, which knows its ``config_class``."""
    from headviz.pruned_modeling.modeling_headviz import MODELS

    return {whole_type(model.config_class.model_type): model for model in MODELS}
