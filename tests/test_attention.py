"""The one attention function: sdpa bit for bit without gates; a gate is the head's slice before the projection."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from headviz import Subject, attention
from headviz.errors import LoadError
from tests.reference import gate_outputs
from tests.tiny import FAMILIES, REFUSED, tiny_model, tiny_texts

SIDES = ("right", "left")


def batch_of(family: str, side: str = "right") -> tuple[Any, dict[str, torch.Tensor]]:
    model, tokenizer = tiny_model(family, padding_side=side)
    return model, dict(tokenizer(tiny_texts(5, seed=3), padding=True, return_tensors="pt"))


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("family", FAMILIES)
def test_view_without_a_call_equals_sdpa_bit_for_bit(family: str, side: str) -> None:
    model, inputs = batch_of(family, side)
    assert model.config._attn_implementation == "sdpa"
    with torch.no_grad():
        assert torch.equal(attention.view(model)(**inputs).logits, model(**inputs).logits)


@pytest.mark.parametrize("family", FAMILIES)
def test_gates_of_one_change_nothing_bit_for_bit(family: str) -> None:
    model, inputs = batch_of(family)
    with torch.no_grad():
        gated = attention.run(attention.view(model), inputs, attention.Call(torch.ones(5, 12)))
        assert torch.equal(gated, model(**inputs).logits)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("family", FAMILIES)
def test_gates_any_values_equal_scaled_head_outputs_before_the_projection(family: str, side: str) -> None:
    model, inputs = batch_of(family, side)
    values = torch.rand(12, generator=torch.Generator().manual_seed(1)).round(decimals=1)
    values[[0, 5, 6]] = 0.0
    twin = tiny_model(family, padding_side=side)[0]
    for gates, own in zip(gate_outputs(twin), values.reshape(3, 4), strict=True):
        gates.data.copy_(own)
    with torch.no_grad():
        gated = attention.run(attention.view(model), inputs, attention.Call(values))
        # two orders of the same float32 sums
        torch.testing.assert_close(gated, twin(**inputs).logits, atol=1e-5, rtol=1e-5)


def test_gates_per_example_are_each_example_s_own() -> None:
    model, inputs = batch_of("bert")
    gates = torch.ones(5, 12)
    gates[2] = 0.0
    with torch.no_grad():
        gated = attention.run(attention.view(model), inputs, attention.Call(gates))
        plain = model(**inputs).logits
    assert torch.equal(gated[[0, 1, 3, 4]], plain[[0, 1, 3, 4]])
    assert not torch.allclose(gated[2], plain[2], atol=1e-3)


def test_view_shares_every_tensor_and_asks_for_no_gradient() -> None:
    model, _ = tiny_model("bert")
    twin = attention.view(model)
    own = dict(model.named_parameters())
    for name, parameter in twin.named_parameters():
        assert parameter.data_ptr() == own[name].data_ptr()
        assert not parameter.requires_grad
    assert all(parameter.requires_grad for parameter in own.values())


def test_calls_shared_layers_each_use_has_heads_of_its_own() -> None:
    model, inputs = batch_of("albert")
    calls, keyword = attention.calls_of(attention.view(model), inputs)
    assert keyword
    assert [(call.index, call.heads, call.offset) for call in calls] == [(0, 4, 0), (1, 4, 4), (2, 4, 8)]
    assert len({call.name for call in calls}) == 1


def test_context_reaches_the_attention_where_a_keyword_would_not() -> None:
    model, inputs = batch_of("bert")
    with torch.no_grad():
        shut = attention.run(attention.view(model), inputs, attention.Call(torch.zeros(12)))
        by_context = attention.run(attention.view(model), inputs, attention.Call(torch.zeros(12)), keyword=False)
    assert torch.equal(shut, by_context)
    assert attention._ACTIVE.get() is None


@pytest.mark.parametrize("family", REFUSED)
def test_wrap_family_outside_the_interface_is_refused_by_name(family: str) -> None:
    model, tokenizer = tiny_model(family)
    with pytest.raises(LoadError, match="AttentionInterface"):
        Subject.wrap(model, tokenizer, name="tiny")


def test_wrap_attention_that_ignores_our_gates_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def deaf(self: attention.Call, module: object, seen: attention.Seen) -> torch.Tensor:
        self.modules.append(module)
        self.shapes.append((seen.query.shape[1], seen.key.shape[1], seen.query.shape[3]))
        return seen.output

    monkeypatch.setattr(attention.Call, "pass_through", deaf)
    model, tokenizer = tiny_model("bert")
    with pytest.raises(LoadError, match="cannot be gated"):
        Subject.wrap(model, tokenizer, name="tiny")


def test_layer_without_heads_makes_a_call_that_observers_do_not_see() -> None:
    model, tokenizer = tiny_model("bert")
    block = model.bert.encoder.layer[1].attention
    for name in ("query", "key", "value"):
        getattr(block.self, name).weight = torch.nn.Parameter(torch.empty(0, 32))
        getattr(block.self, name).bias = torch.nn.Parameter(torch.empty(0))
    block.output.dense.weight = torch.nn.Parameter(torch.empty(32, 0))
    subject = Subject.wrap(model, tokenizer, name="tiny")
    assert (subject.heads, [call.offset for call in subject.calls]) == ((4, 0, 4), [0, 4, 4])
    seen: list[int] = []
    observer = SimpleNamespace(see=lambda one: seen.append(one.index))
    batch = subject.encode([("good",), ("a bad film",)]).batch(np.arange(2))
    gates = torch.arange(8.0)
    logits = subject.forward(batch.inputs, gates=gates, observers=[observer])
    assert seen == [0, 2]
    whole, _ = tiny_model("bert")
    same = torch.cat([gates[:4], torch.zeros(4), gates[4:]])
    expected = attention.run(attention.view(whole), batch.inputs, attention.Call(same))
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-5)
