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


def model_classes(auto: str | None = None) -> dict[str, Any]:
    """Model type of the whole model -> class of a pruned one, which knows its ``config_class``; of those that the class
    ``auto`` of transformers opens ("AutoModelForCausalLM"), or of each type the one that classifies."""
    from headviz.pruned_modeling.modeling_headviz import MODELS

    found: dict[str, Any] = {}
    for model in MODELS:
        if auto in (None, auto_class(model)):
            found.setdefault(whole_type(model.config_class.model_type), model)
    return found


def classes_of_type(kind: str) -> list[Any]:
    """All classes of pruned models whose whole one has the model type ``kind``."""
    from headviz.pruned_modeling.modeling_headviz import MODELS

    return [model for model in MODELS if whole_type(model.config_class.model_type) == kind]


def auto_class(model: Any) -> str:
    """The class of transformers that opens a folder of ``model``, a class of pruned models or one of its models."""
    return str(model._auto_class)


def auto_map(model: Any) -> dict[str, str]:
    """What config.json says of where a class of pruned models stands."""
    module = model.__module__.rpartition(".")[2]
    return {
        "AutoConfig": f"{module}.{model.config_class.__name__}",
        auto_class(model): f"{module}.{model.__name__}",
    }
