"""The one attention function: gates and observers that travel with a call of the model.

transformers looks attention up by name in its AttentionInterface. headviz registers one function there, with its mask
function, and runs a *view* of the model that uses it. A `Call` (gates, observers, a counter) is a keyword of each
forward pass, so nothing is stored on the model, no hook is registered, and threads may share one view. Without a
`Call` the function is scaled_dot_product_attention, bit for bit. Seen with transformers 5.23.
"""

from __future__ import annotations

import contextvars
import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "headviz"


@dataclass(frozen=True)
class AttentionCall:
    """The heads of one attention call of a forward pass, in call order; a shared layer (ALBERT) makes several calls."""

    index: int
    name: str
    heads: int
    kv_heads: int
    head_size: int
    offset: int
    """Heads of all calls before this one: where its gates begin."""


@dataclass(frozen=True)
class Seen:
    """What an observer is shown of one attention call. query (B, H, n, d), key and value (B, K, m, d), output (B, n,
    H, d) before the gate; ``mask`` None, bool (True = attend) or additive float, broadcastable to (B, H, n, m)."""

    index: int
    query: Tensor
    key: Tensor
    value: Tensor
    mask: Tensor | None
    causal: bool
    scale: float | None
    output: Tensor


class Observer(Protocol):
    """Rides on a call and reads what passes; it must not change it."""

    def see(self, seen: Seen) -> None: ...


class Call:
    """One forward pass: ``gates`` (T,) or (B, T) over all T heads of all calls, or None; ``observers`` in order."""

    def __init__(self, gates: Tensor | None = None, observers: Sequence[Observer] = ()) -> None:
        self.gates, self.observers = gates, tuple(observers)
        self.modules: list[nn.Module] = []
        self.shapes: list[tuple[int, int, int]] = []  # query heads, key heads and head size of each module's call
        self.offset = 0

    def pass_through(self, module: nn.Module, seen: Seen) -> Tensor:
        heads = seen.query.shape[1]
        if heads:  # a layer of a pruned model may have none, and then there is nothing to see
            for observer in self.observers:
                observer.see(seen)
        output = seen.output
        if self.gates is not None:
            gates = self.gates[..., self.offset : self.offset + heads].to(output.dtype)
            output = output * (gates[None, None, :, None] if gates.dim() == 1 else gates[:, None, :, None])
        self.modules.append(module)
        self.shapes.append((heads, seen.key.shape[1], seen.query.shape[3]))
        self.offset += heads
        return output


_ACTIVE: contextvars.ContextVar[Call | None] = contextvars.ContextVar("headviz_call", default=None)


def _attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    headviz: Call | None = None,
    **options: Any,
) -> tuple[Tensor, Tensor | None]:
    output, weights = sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    call = headviz if headviz is not None else _ACTIVE.get()
    if call is None:
        return output, weights
    causal = options.get("is_causal")
    causal = getattr(module, "is_causal", False) if causal is None else causal
    seen = Seen(
        index=len(call.modules),
        query=query,
        key=key,
        value=value,
        mask=attention_mask,
        # the rule by which sdpa_attention_forward decides
        causal=bool(causal and attention_mask is None and query.shape[2] > 1),
        scale=options.get("scaling"),
        output=output,
    )
    return call.pass_through(module, seen), weights


AttentionInterface.register(NAME, _attention)
# without its mask function under the same name, transformers would silently ignore padding
AttentionMaskInterface.register(NAME, sdpa_mask)


def view(model: nn.Module, implementation: str = NAME) -> nn.Module:
    """A second module on the same tensors, in eval mode, with the given attention; ``model`` is not touched.

    Its parameters ask for no gradients, so that a backward pass to the gates computes none for weights.
    """
    memo: dict[int, Any] = {id(p): nn.Parameter(p.detach(), requires_grad=False) for p in model.parameters()}
    memo |= {id(b): b for b in model.buffers()}
    twin: Any = copy.deepcopy(model, memo)
    twin.eval()
    # what a user may have switched on for themselves: tuples as outputs, maps and states (and with them hooks)
    for setting, wanted in (("return_dict", True), ("output_attentions", False), ("output_hidden_states", False)):
        if getattr(twin.config, setting, wanted) is not wanted:
            setattr(twin.config, setting, wanted)
    for module in twin.modules():
        # what no weight depends on: a feed-forward layer that takes some tokens at a time, which must divide a text,
        # and hooks on gradients, which would change those that reach the gates
        if getattr(module, "chunk_size_feed_forward", 0):
            module.chunk_size_feed_forward = 0
        module._backward_hooks.clear()
        module._backward_pre_hooks.clear()
    twin.set_attn_implementation(implementation)
    return twin


def run(twin: nn.Module, inputs: dict[str, Tensor], call: Call, *, keyword: bool = True) -> Tensor:
    """Logits of one forward pass of a view, with ``call`` on board (as a keyword where the family passes keywords
    on)."""
    if keyword:
        return twin(**inputs, headviz=call).logits
    token = _ACTIVE.set(call)
    try:
        return twin(**inputs).logits
    finally:
        _ACTIVE.reset(token)


def calls_of(twin: nn.Module, inputs: dict[str, Tensor]) -> tuple[tuple[AttentionCall, ...], bool]:
    """The attention calls of one forward pass in order, and whether the keyword reaches them."""
    names = {id(module): name for name, module in twin.named_modules()}
    for keyword in (True, False):
        call = Call()
        with torch.no_grad():
            run(twin, inputs, call, keyword=keyword)
        if call.modules:
            break
    calls, offset = [], 0
    for index, (module, (heads, kv_heads, head_size)) in enumerate(zip(call.modules, call.shapes, strict=True)):
        calls.append(AttentionCall(index, names[id(module)], heads, kv_heads, head_size, offset))
        offset += heads
    return tuple(calls), keyword
