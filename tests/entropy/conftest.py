"""Random tensors for the entropy tests."""

from __future__ import annotations

from typing import Any

import pytest
import torch


@pytest.fixture
def draw() -> Any:
    generator = torch.Generator().manual_seed(11)
    return lambda *shape, size=1.0: size * torch.randn(*shape, generator=generator)
