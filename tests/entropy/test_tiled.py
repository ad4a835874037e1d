"""The running sums of the tiled path must not depend on where the tiles end."""

from __future__ import annotations

import math

import pytest
import torch

from headviz.entropy import prepare_mask
from headviz.entropy.tiled import Tile, choose_tile, tiled_entropy
from tests.entropy.reference import reference_rows, tolerance

CPU = torch.device("cpu")


@pytest.mark.parametrize("tile", [Tile(1, 1, 1, 1), Tile(1, 2, 7, 5), Tile(2, 4, 50, 3), Tile(2, 3, 2, 64)])
@pytest.mark.parametrize("order", [0.25, 0.5, 0.9, 1.0, 1.1, 2.0, math.inf])
@pytest.mark.parametrize("causal", [False, True])
def test_every_tile_gives_the_same_entropies_and_output(tile: Tile, order: float, causal: bool) -> None:
    generator = torch.Generator().manual_seed(3)
    query, key, value = (3 * torch.randn(2, 4, 13, 8, generator=generator) for _ in range(3))
    # Rows whose first tiles are all hidden are the ones that a running maximum gets wrong.
    hidden = torch.arange(13) >= torch.tensor([[8], [0]])
    mask = prepare_mask(hidden[:, None, None], causal=causal, queries=13)
    entropy, output = tiled_entropy(query, key, mask, causal=causal, order=order, scale=0.5, value=value, tile=tile)
    expected, largest = reference_rows(query, key, mask=hidden[:, None, None], causal=causal, order=order, scale=0.5)
    usable = ~expected.isnan()
    assert usable.any(-1).all()
    torch.testing.assert_close(entropy.double()[usable], expected[usable], atol=tolerance(largest), rtol=0)
    logits = (0.5 * query @ key.transpose(-1, -2)).masked_fill(~hidden[:, None, None], -math.inf)
    logits = logits.masked_fill(~torch.ones(13, 13, dtype=torch.bool).tril(), -math.inf) if causal else logits
    assert output is not None
    torch.testing.assert_close(output[usable], (logits.softmax(-1) @ value)[usable], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    "shape", [(1, 1, 1, 1), (32, 12, 32, 32), (8, 12, 512, 512), (1, 4, 16384, 16384), (2, 2, 1, 70000)]
)
@pytest.mark.parametrize("causal", [False, True])
def test_tile_never_exceeds_its_bytes_nor_the_matrix(shape: tuple[int, int, int, int], causal: bool) -> None:
    tile = choose_tile(shape, torch.float32, CPU, causal)
    sizes = (tile.batch, tile.heads, tile.queries, tile.keys)
    assert math.prod(sizes) * 4 <= 1 << 20
    assert all(1 <= size <= whole for size, whole in zip(sizes, shape, strict=True))
    assert tile.batch == 1 or tile.heads == shape[1]  # several examples only when all heads fit


@pytest.mark.parametrize("order", [1 - 1e-7, 1 + 1e-7])
def test_order_next_to_one_has_the_precision_of_order_one(order: float) -> None:
    generator = torch.Generator().manual_seed(4)
    query, key = (2 * torch.randn(1, 2, 40, 16, generator=generator) for _ in range(2))
    near, _ = tiled_entropy(query, key, None, causal=False, order=order, scale=0.25)
    one, _ = tiled_entropy(query, key, None, causal=False, order=1.0, scale=0.25)
    torch.testing.assert_close(near, one, atol=5e-6, rtol=0)
