"""What headviz knows of an architecture: where each use of attention keeps its query, key, value and output projection.

A family is one file beside this one: a table of names, registered under the ``model_type`` of its configuration. Scores
and masks need no table (gates act inside the attention function); what touches weights does: the weight norm, the count
of attention parameters, and cutting heads out of a saved model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headviz.errors import LoadError
from headviz.pruned_modeling import whole_type
from headviz.registry import Registry

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, eq=False)
class AttentionUse:
    """One call of attention in a forward pass. A module that is used several times stands in several of these."""

    name: str  # qualified name, in the model, of the module that calls the attention function
    query: nn.Linear  # weight: (heads * head_size, hidden)
    key: nn.Linear
    value: nn.Linear
    output: nn.Linear  # weight: (hidden, heads * head_size)
    heads: int
    head_size: int

    def columns(self, head: int) -> slice:
        """The head's columns of the output projection, which are also its rows of query, key and value."""
        return slice(head * self.head_size, (head + 1) * self.head_size)


def blocks_of_config(path: str) -> Callable[[Any], list[str]]:
    """``blocks`` for the usual case: ``path`` with {layer} from 0 to the configuration's num_hidden_layers."""
    return lambda config: [path.format(layer=layer) for layer in range(config.num_hidden_layers)]


@dataclass(frozen=True)
class Family:
    """A table of names. All paths but ``blocks`` start at a block, and blocks start at the base model."""

    name: str  # config.model_type
    title: str
    blocks: Callable[[Any], list[str]]  # configuration -> one path per use of attention, in the order of the calls
    attention: str  # the module that calls the attention function; "" is the block itself
    query: str
    key: str
    value: str
    output: str

    def uses(self, model: nn.Module) -> list[AttentionUse]:
        """Every use of attention in ``model`` (with or without a head on top), in the order of the calls.

        Raises LoadError where the model has not the modules that its family has.
        """
        prefix = getattr(model, "base_model_prefix", "")
        prefix = f"{prefix}." if prefix and hasattr(model, prefix) else ""
        return [self._use(model, prefix + block) for block in self.blocks(model.config)]

    def _use(self, model: nn.Module, block: str) -> AttentionUse:
        def part(path: str) -> Any:
            name = f"{block}.{path}" if path else block
            try:
                return model.get_submodule(name)
            except AttributeError as error:
                raise LoadError(
                    f"The model says it is of the family {self.name!r} but has no module {name!r}. "
                    "Load a checkpoint whose config.json belongs to its weights."
                ) from error

        attention, query = part(self.attention), part(self.query)
        # The size that the module's own forward splits by; it stays when heads are cut from the projections.
        head_size = int(attention.attention_head_size)
        return AttentionUse(
            name=f"{block}.{self.attention}" if self.attention else block,
            query=query,
            key=part(self.key),
            value=part(self.value),
            output=part(self.output),
            heads=query.out_features // head_size,
            head_size=head_size,
        )


families: Registry[Family] = Registry("family", LoadError)


def family_of(model: nn.Module) -> Family:
    """The family of a transformers model; a pruned one is of the family of the whole one.

    Raises LoadError, naming the known ones, for any other.
    """
    kind = getattr(getattr(model, "config", None), "model_type", None)
    family = families.get(whole_type(kind)) if isinstance(kind, str) else None
    if family is None:
        raise LoadError(
            f"headviz does not know where a model of the family {kind!r} keeps the weights of its heads. "
            f"Use one of {', '.join(families)}."
        )
    return family
