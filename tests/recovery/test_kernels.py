"""Kernels of attention: the plain one for layers without heads on a GPU, any elsewhere."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from headviz.recovery.kernels import bearable, has_layer_without_heads
from tests.recovery.runs import pruned


def fused() -> tuple[bool, bool]:
    return torch.backends.cuda.flash_sdp_enabled(), torch.backends.cuda.mem_efficient_sdp_enabled()


@pytest.mark.parametrize(
    ("kept", "device", "plain"),
    [
        (((0, 1), (), (2,)), "cuda", True),
        (((0, 1), (), (2,)), "cpu", False),
        (((0, 1), (3,), (2,)), "cuda", False),
    ],
)
def test_fused_kernels_are_off_for_layers_without_heads_on_a_gpu_alone(
    kept: Any, device: str, plain: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, before = pruned(kept=kept).model, fused()
    assert has_layer_without_heads(model) == (() in kept)
    weight = SimpleNamespace(device=torch.device(device))
    with monkeypatch.context() as patch:
        patch.setattr(type(model), "parameters", lambda _: iter([weight]))
        with bearable(model):
            assert fused() == ((False, False) if plain else before)
    assert fused() == before


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_layer_without_heads_is_trained_on_a_gpu(tmp_path: Any) -> None:
    import headviz as hv
    from tests.recovery.runs import run

    on_cpu = pruned()
    subject = hv.Subject.wrap(on_cpu.model.cuda(), on_cpu.processor, name="tiny")
    assert run("safe", tmp_path / "run", subject=subject).saved
