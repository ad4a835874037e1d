"""Heads that are cut and kept as zeros stay zeros, whatever is trained, and nothing else is touched."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from headviz.families import family_of
from headviz.recovery.silenced import silenced
from tests.recovery.runs import pruned, run

KEPT = ((0, 1, 2), (0, 1), (2, 3))  # head 3 of layer 0 shares its key with head 2


@pytest.mark.parametrize("method", ["full", "lora"])
def test_zeroed_head_stays_zero_through_training(method: str, tmp_path: Path) -> None:
    subject = pruned("llama", KEPT)
    assert subject.zeroed == ("L0H3",)
    assert {name: list(places) for name, places in silenced(subject).items()} == {
        "model.layers.0.self_attn.o_proj": list(range(24, 32))  # the last of four heads of 8
    }
    done = run(method, tmp_path / "run", subject=subject, epochs=1, lr=0.01)
    before, after = (family_of(one.model).uses(one.model)[0].output.weight for one in (subject, done.subject))
    assert not after[:, 24:].any()
    assert (before[:, :24] != after[:, :24]).float().mean() > 0.9
    assert not done.subject.model.model.layers[0].self_attn.o_proj._forward_pre_hooks


def test_model_without_zeroed_heads_has_nothing_to_hold() -> None:
    assert silenced(pruned("bert")) == {}
    assert silenced(pruned("llama", ((0, 1), (2, 3)))) == {}


def test_adapters_in_the_folder_do_not_bring_the_head_back(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    run("lora", tmp_path / "run", subject=pruned("llama", KEPT), epochs=1, lr=0.01)
    tensors = load_file(tmp_path / "run" / "adapter" / "adapter_model.safetensors")
    own = next(tensor for name, tensor in tensors.items() if "layers.0.self_attn.o_proj.lora_A" in name)
    assert torch.count_nonzero(own[:, 24:]) == 0 and torch.count_nonzero(own[:, :24]) == own[:, :24].numel()
