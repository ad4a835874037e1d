"""What the tables of families tell about the weights of a model as a whole."""

from __future__ import annotations

from torch import nn

from headviz.families.family import Family, families
from headviz.pruned_modeling import model_classes, whole_type


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


def weights_note(model: nn.Module, auto: str) -> str | None:
    """A sentence on a model whose heads headviz can gate, but not cut out of its weights; None where it can. ``auto``:
    the class of transformers that opens such models."""
    kind = whole_type(getattr(model.config, "model_type", ""))
    if kind in families and kind in model_classes(auto):
        return None
    return (
        f"headviz does not know where a model of the family {kind} keeps the weights of its heads: they can be scored, "
        "masked and measured, but not ranked by their weights, cut out, or saved without."
    )


def _family(model: nn.Module) -> Family | None:
    return families.get(whole_type(getattr(model.config, "model_type", "")))
