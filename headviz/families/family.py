"""What headviz knows of an architecture: where each use of attention keeps its query, key, value and output projection.

A family is one file beside this one: a table of names, registered under the ``model_type`` of its configuration. Scores
and masks need no table (gates act inside the attention function); what touches weights does: the weight norm, the count
of attention parameters, and cutting heads out of a saved model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from headviz.errors import LoadError
from headviz.pruned_modeling import whole_type
from headviz.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor, nn

Input = Literal["query", "key", "value"]
INPUTS: tuple[Input, ...] = ("query", "key", "value")


@dataclass(frozen=True, eq=False)
class AttentionUse:
    """One call of attention in a forward pass. A module that is used several times stands in several of these.

    ``query``, ``key``, ``value`` and ``output`` are modules, nn.Linear or Conv1D. Where one module is query, key and
    value (GPT-2), it stands in each place; `weight` and `bias` give the part that is meant, laid out alike for all.
    """

    name: str  # qualified name, in the model, of the module that calls the attention function
    query: Any
    key: Any
    value: Any
    output: Any
    heads: int
    kv_heads: int  # heads of key and value
    head_size: int
    transposed: bool = False  # weights are (in, out), as a Conv1D keeps them, not (out, in), as a nn.Linear does

    @property
    def group(self) -> int:
        """How many heads share one key and value; 1 where each has its own."""
        return self.heads // self.kv_heads if self.kv_heads else 1

    def columns(self, head: int) -> slice:
        """The head's columns of the output projection, which are also its rows of the query."""
        return slice(head * self.head_size, (head + 1) * self.head_size)

    def key_rows(self, head: int) -> slice:
        """The rows of key and value that the head reads, together with the others of its group."""
        return self.columns(head // self.group)

    def weight(self, part: Input | Literal["output"]) -> Tensor:
        """Query, key and value (rows, in), output (out, columns), as a view of the module's own weights."""
        own = getattr(self, part).weight
        own = own.T if self.transposed else own
        return own if part == "output" else own[self.rows(part)]

    def bias(self, part: Input | Literal["output"]) -> Tensor | None:
        """Query, key and value (rows,), output (out,), as a view of the module's own bias, or None without one."""
        own = getattr(self, part).bias
        return own if own is None or part == "output" else own[self.rows(part)]

    def rows(self, part: Input) -> slice:
        """Where query, key or value stands among the rows of its module."""
        widths = [self.head_size * heads for heads in (self.heads, self.kv_heads, self.kv_heads)]
        place = INPUTS.index(part)
        start = sum(widths[:place]) if self.query is self.key else 0
        return slice(start, start + widths[place])

    def inputs(self) -> list[tuple[Any, list[Input]]]:
        """The modules of query, key and value, each once, with what it is of these, in the order of its rows."""
        found: dict[int, tuple[Any, list[Input]]] = {}
        for part in INPUTS:
            module = getattr(self, part)
            found.setdefault(id(module), (module, []))[1].append(part)
        return list(found.values())


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
    size: str = "attention_head_size"  # what that module calls the size of a head, by which its own forward splits
    transposed: bool = False

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

        head_size = int(getattr(part(self.attention), self.size))  # it stays when heads are cut from the projections
        query, key, output = part(self.query), part(self.key), part(self.output)
        columns = output.weight.shape[0 if self.transposed else 1]
        # a projection that is query, key and value in one has three heads for each head of the output
        kv_rows = columns if query is key else key.weight.shape[0]
        return AttentionUse(
            name=f"{block}.{self.attention}" if self.attention else block,
            query=query,
            key=key,
            value=part(self.value),
            output=output,
            heads=columns // head_size,
            kv_heads=kv_rows // head_size,
            head_size=head_size,
            transposed=self.transposed,
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
