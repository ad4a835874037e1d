"""What other people's code raises: turned into an error of ours, in one sentence, with the cause chained."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from headviz.errors import HeadvizError

_LONGEST = 160  # characters of somebody else's message
_NOT_FOREIGN = (HeadvizError, KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError)


@contextmanager
def explained(error: type[HeadvizError], sentence: Callable[[str], str]) -> Iterator[None]:
    """Whatever foreign code raises within the block becomes an ``error`` that says ``sentence(reason)``, where
    ``reason`` is what it said. Errors of ours, an interrupt and a full memory pass as they are."""
    try:
        yield
    except _NOT_FOREIGN:
        raise
    except BaseException as cause:  # a panic in the Rust code of tokenizers is no Exception
        raise error(sentence(reason_of(cause))) from cause


def reason_of(error: BaseException) -> str:
    """What an error says, in one short line for the middle of a sentence.

    >>> reason_of(TypeError("unsupported operand.\\nmore"))
    'unsupported operand'
    >>> reason_of(StopIteration())
    'StopIteration'
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else type(error).__name__
    return (text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…").rstrip(".: ")
