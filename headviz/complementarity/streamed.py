"""Features that are too many to be held at once: they are made in blocks of class pairs, as often as they are needed.

150 classes have 11,175 pairs; with 576 cells each and 144 heads that is 3.7 GB, and what compares heads would copy it.
What is wanted of them, distances and means, is a sum over features.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

AT_ONCE = 2**25
"""Values that are held as one array, of all heads together: 128 MB in float32. Beyond it they are streamed."""
BLOCK = 2**21
"""Values in a block, about: its copies in float64 take 16 MB each."""


@dataclass(frozen=True, eq=False)
class Streamed:
    """Parts of heads like an array (``heads``, ``parts``) float32, in blocks of some parts of all heads, each (heads,
    b), ``blocks`` of them; every iteration makes them anew. ``step()`` is called after each; what it raises ends
    that."""

    heads: int
    parts: int
    blocks: int
    made: Callable[[], Iterator[np.ndarray]]
    step: Callable[[], None] | None = None

    def __len__(self) -> int:
        return self.heads

    def __iter__(self) -> Iterator[np.ndarray]:
        for block in self.made():
            yield block
            if self.step is not None:
                self.step()

    def of(self, heads: np.ndarray) -> Streamed:
        """The same parts of some ``heads``."""
        return replace(self, heads=len(heads), made=lambda: (block[heads] for block in self.made()))

    def shuffled(self, seed: int) -> Streamed:
        """Each part permuted over heads on its own, as the whole array would be."""

        def made() -> Iterator[np.ndarray]:
            generator = np.random.default_rng(seed)
            for block in self.made():
                yield permuted(block, generator)

        return replace(self, made=made)


Parts = np.ndarray | Streamed


def permuted(block: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """``block`` (N, b, ...) with each of its b parts permuted over the N heads on its own."""
    order = np.tile(np.arange(len(block))[:, None], (1, block.shape[1]))
    order = generator.permuted(order, axis=0)
    return block[order, np.arange(block.shape[1])]


def blocks_of(parts: Parts) -> Iterator[np.ndarray]:
    """The blocks of ``parts``, (N, b) each; an array is one block."""
    if isinstance(parts, Streamed):
        yield from parts
    else:
        yield parts.reshape(len(parts), -1)


def told(parts: Parts, step: Callable[[], None]) -> Parts:
    """``parts`` that call ``step()`` after each block: what it raises ends whatever goes over them."""
    return replace(parts, step=step) if isinstance(parts, Streamed) else parts


def count_of(parts: Parts) -> int:
    """How many blocks ``parts`` come in."""
    return parts.blocks if isinstance(parts, Streamed) else 1
