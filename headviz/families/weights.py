"""What the tables of families tell about the weights of a model as a whole."""

from __future__ import annotations

from torch import nn

from headviz.families.family import Family, families
from headviz.pruned_modeling import whole_type


def attention_parameters(model: nn.Module) -> int | None:
    """Parameters of all query, key, value and output projections, shared ones once; None outside the table of
    families."""
    family = _family(model)
    if family is None:
        return None
    projections = {id(part): part for use in family.uses(model) for part in (use.query, use.key, use.value, use.output)}
    return sum(p.numel() for part in projections.values() for p in part.parameters())


def all_heads_are_silent(model: nn.Module) -> bool:
    """Whether every output projection is zero, so that no gate can change anything (a model saved with all heads
    cut)."""
    family = _family(model)
    return family is not None and all(not use.weight("output").any() for use in family.uses(model))


def _family(model: nn.Module) -> Family | None:
    return families.get(whole_type(getattr(model.config, "model_type", "")))
