"""Nothing is left behind: after a normal call, an error and a cancel the model is as it was; threads do not meet."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import headviz as hv
from headviz.inspection import attention_of, token_attribution
from tests.tiny import FAMILIES, tiny_labels, tiny_model, tiny_texts

DATA = hv.load_data(pd.DataFrame({"text": tiny_texts(10, seed=1), "label": tiny_labels(10)}))
BAD = hv.load_data(pd.DataFrame({"text": ["good", "bad"], "label": ["good", "meh"]}))


def state(model: torch.nn.Module) -> dict[str, Any]:
    """Everything about a model that a library could leave a trace in."""
    return {
        "parameters": [
            (name, p.data_ptr(), p.requires_grad, p.grad is None, p._version) for name, p in model.named_parameters()
        ],
        "buffers": [(name, b.data_ptr(), b._version) for name, b in model.named_buffers()],
        "training": [(name, module.training) for name, module in model.named_modules()],
        "hooks": [
            (name, len(getattr(module, kind)))
            for name, module in model.named_modules()
            for kind in (
                "_forward_hooks",
                "_forward_pre_hooks",
                "_backward_hooks",
                "_backward_pre_hooks",
                "_state_dict_hooks",
                "_load_state_dict_pre_hooks",
            )
        ],
        "attributes": [(name, sorted(vars(module))) for name, module in model.named_modules()],
        "config": repr(model.config.to_dict()),
        "attention": [module.config._attn_implementation for module in model.modules() if hasattr(module, "config")],
    }


class StopAfter:
    """A cancel signal that is set once it has been asked ``checks`` times."""

    def __init__(self, checks: int) -> None:
        self._left = checks

    def is_set(self) -> bool:
        self._left -= 1
        return self._left < 0


def criterion(name: str, **options: Any) -> Callable[..., Any]:
    return lambda subject, data, **rest: hv.criteria[name](subject, data, **options, **rest)


CALLS: dict[str, Callable[..., Any]] = {
    "score": lambda subject, data, **rest: hv.score(subject, data, batch_size=3, **rest),
    "evaluate": lambda subject, data, **rest: hv.evaluate(subject, data, batch_size=3, **rest),
    "integrated_gradients": criterion("integrated_gradients", steps=3),
    "ablation": criterion("ablation"),
    "shapley": criterion("shapley", samples=2),
    "cahp": criterion("cahp", space="pca"),
    "signatures": lambda subject, data, **rest: hv.signatures(subject, data, grid=4, probe=3, batch_size=3, **rest),
}


def prepared(family: str) -> hv.Subject:
    """A subject around a model in the state a user may have it in: training mode, gradients wanted."""
    model, tokenizer = tiny_model(family)
    model.train()
    return hv.Subject.wrap(model, tokenizer, name="tiny")


@pytest.mark.parametrize("family", FAMILIES)
def test_wrap_leaves_no_trace(family: str) -> None:
    model, tokenizer = tiny_model(family)
    model.train()
    before = state(model)
    hv.Subject.wrap(model, tokenizer, name="tiny")
    assert state(model) == before


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("family", FAMILIES)
def test_call_that_ends_well_leaves_no_trace(family: str, call: str) -> None:
    subject = prepared(family)
    before = state(subject.model)
    CALLS[call](subject, DATA)
    assert state(subject.model) == before


@pytest.mark.parametrize("call", CALLS)
def test_call_with_bad_data_leaves_no_trace(call: str) -> None:
    subject = prepared("bert")
    before = state(subject.model)
    with pytest.raises(hv.DataError, match="meh"):
        CALLS[call](subject, BAD)
    assert state(subject.model) == before


@pytest.mark.parametrize("call", CALLS)
def test_call_that_fails_inside_the_attention_leaves_no_trace(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from headviz import attention

    subject = prepared("bert")
    before = state(subject.model)
    whole, count = attention.Call.pass_through, 0

    def failing(self: attention.Call, *args: Any) -> torch.Tensor:
        nonlocal count
        count += 1
        if count == 2:
            raise RuntimeError("out of luck")
        return whole(self, *args)

    monkeypatch.setattr(attention.Call, "pass_through", failing)
    with pytest.raises(RuntimeError, match="out of luck"):
        CALLS[call](subject, DATA)
    assert state(subject.model) == before
    assert attention._ACTIVE.get() is None


@pytest.mark.parametrize("call", CALLS)
def test_call_cancelled_half_way_leaves_no_trace(call: str) -> None:
    subject = prepared("bert")
    before = state(subject.model)
    with pytest.raises(hv.Cancelled):
        CALLS[call](subject, DATA, cancel=StopAfter(2))
    assert state(subject.model) == before


@pytest.mark.parametrize("call", CALLS)
def test_progress_counts_up_to_its_total(call: str) -> None:
    steps: list[tuple[int, int, str]] = []
    CALLS[call](prepared("bert"), DATA, on_progress=lambda *step: steps.append(step))
    done, total, stage = steps[-1]
    assert done == total > 0
    assert stage
    for one in {step[2] for step in steps}:
        counted = [step[0] for step in steps if step[2] == one]
        assert counted == sorted(counted)


def test_inspection_leaves_no_trace() -> None:
    subject = prepared("bert")
    before = state(subject.model)
    attention_of(subject, "a good film", ["L0H1"])
    token_attribution(subject, "a good film", steps=4)
    assert state(subject.model) == before


def test_global_switches_of_torch_are_as_before() -> None:
    subject = prepared("bert")
    generator, grad = torch.random.get_rng_state(), torch.is_grad_enabled()
    for call in CALLS.values():
        call(subject, DATA)
    assert torch.equal(torch.random.get_rng_state(), generator)
    assert torch.is_grad_enabled() == grad


def test_two_threads_scoring_and_evaluating_give_bit_identical_results() -> None:
    subject = prepared("bert")
    full = hv.Mask.full(subject)
    masks = [full.with_toggled("L0H0", "L1H2"), full.with_toggled("L2H3"), full]
    alone_scores = hv.score(subject, DATA, batch_size=3)
    alone = [hv.evaluate(subject, DATA, mask, batch_size=3) for mask in masks]
    assert not np.array_equal(alone[0].logits, alone[1].logits)
    start = threading.Barrier(4)

    def again(mask: hv.Mask | None) -> list[Any]:
        start.wait()
        if mask is None:
            return [hv.score(subject, DATA, batch_size=3) for _ in range(6)]
        return [hv.evaluate(subject, DATA, mask, batch_size=3) for _ in range(6)]

    with ThreadPoolExecutor(4) as pool:
        scored, *measured = list(pool.map(again, [None, *masks]))
    for scores in scored:
        np.testing.assert_array_equal(scores.gate_gradient, alone_scores.gate_gradient)
        np.testing.assert_array_equal(scores.entropy, alone_scores.entropy)
    for own, results in zip(alone, measured, strict=True):
        for result in results:
            np.testing.assert_array_equal(result.logits, own.logits)
