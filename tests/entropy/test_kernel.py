"""The private fused kernel is used only while it does what its name says."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from headviz.entropy import kernel


def test_kernel_is_found_in_the_torch_this_was_written_for() -> None:
    # Seen in torch 2.13; where this fails the tiled path runs and everything stays right.
    assert kernel.FUSED is not None


def _changed(how: str) -> Any:
    def operator(query: Tensor, key: Tensor, value: Tensor, dropout: float, causal: bool, **rest: Any) -> Any:
        if how == "arguments":
            raise TypeError("unexpected keyword argument 'scale'")
        output, lse = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
            query, key, value, dropout, causal, **rest
        )
        return {
            "base two": (output, lse / 0.6931),
            "padded": (output, torch.nn.functional.pad(lse, (0, 30))),
            "one result": output,
            "order": (lse, output),
            "values": (2 * output, lse),
        }[how]

    return operator


@pytest.mark.parametrize("how", ["arguments", "base two", "padded", "one result", "order", "values"])
def test_kernel_that_changed_is_not_trusted(how: str) -> None:
    assert kernel.trusted(_changed(how)) is None


def test_trying_the_kernel_leaves_the_random_numbers_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    kernel.trusted(kernel.FUSED)
    assert torch.equal(torch.rand(3), expected)
