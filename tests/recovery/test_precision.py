"""Precision: half-precision weights are trained in float32, others as they are, and the given model is untouched."""

from __future__ import annotations

import pytest
import torch

from headviz.recovery.precision import cast, in_training_precision, is_half
from tests.tiny import tiny_model


@pytest.mark.parametrize(
    ("dtype", "trained"),
    [
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ],
)
def test_copy_to_train_has_precision_enough(dtype: torch.dtype, trained: torch.dtype) -> None:
    model = tiny_model("bert")[0].to(dtype)
    copy = in_training_precision(model)
    assert is_half(dtype) == (dtype != trained)
    assert {weight.dtype for weight in copy.parameters()} == {trained}
    assert {weight.dtype for weight in model.parameters()} == {dtype}
    theirs = dict(model.named_parameters())
    for name, weight in copy.named_parameters():
        assert torch.equal(weight, theirs[name].to(trained)) and weight.data_ptr() != theirs[name].data_ptr()


def test_cast_leaves_buffers_such_as_rotary_frequencies() -> None:
    model = tiny_model("llama")[0]
    before = dict(model.named_buffers())
    assert any(buffer.dtype == torch.float32 for buffer in before.values())
    cast(model, torch.bfloat16)
    assert {weight.dtype for weight in model.parameters()} == {torch.bfloat16}
    assert all(buffer is before[name] for name, buffer in model.named_buffers())
