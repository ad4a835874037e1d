"""A tokenizer.json tried on a few texts, in a process of its own, with bounds on its memory and its time.

The Rust code behind tokenizers ends the process where memory runs out, and nothing in Python can stop it there; so a
file from a stranger fails here first. Run as a script with the path of the file. It needs nothing but tokenizers. What
it is told by: `FINE`, `GROWS`, `FAILS`, or the signal that ended it.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FINE, GROWS, FAILS = 0, 3, 4
MOST_GROWTH = 64
"""How many times longer the rules of a tokenizer may make a text. Those of published ones make it 18 times longer at
most (one character of Arabic that stands for a whole phrase)."""

_MEMORY, _BY_SIZE = 2**30, 40  # bytes of address space, which is more than what is used, and more for each of the file
_SECONDS = 30  # of processor time
_ALPHABET = "aZ09 .,!?'\"-_/\\\n\t#@&é字م😀ﷺ\u0301\u200b"


def texts(patterns: list[str]) -> Iterator[str]:
    """Ordinary texts, one character over and over with something that ends it, which patterns of the kind ``(a+)+$``
    never come to an end with, and what the file's own rules look for."""
    yield "It was not what we hoped for, but it was good in its own way."
    yield _ALPHABET
    for letter in _ALPHABET:
        yield letter
    for letter in _ALPHABET:
        yield letter * 60 + "!"
        yield letter * 60 + "\n1 x"
    yield "a" * 20_000
    yield from (pattern * 3 for pattern in patterns[:200])


def patterns_of(content: Any) -> list[str]:
    """The plain strings that rules of a tokenizer.json look for, at any depth but not in its vocabulary."""
    found = []
    if isinstance(content, dict):
        pattern = content.get("pattern")
        if isinstance(pattern, dict) and isinstance(pattern.get("String"), str):
            found.append(pattern["String"])
        for key, value in content.items():
            found += [] if key in ("vocab", "merges", "added_tokens") else patterns_of(value)
    elif isinstance(content, list):
        for value in content:
            found += patterns_of(value)
    return found


def _limit(size: int) -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows has no such limits; a limit may stand already
        import resource

        memory = _MEMORY + _BY_SIZE * size
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _try(path: str) -> int:
    try:
        from tokenizers import Tokenizer
    except ImportError:  # it is found in another way where the model is opened; nothing can be tried here
        return FINE
    try:
        tokenizer = Tokenizer.from_file(path)
        tokenizer.no_padding()
        tokenizer.no_truncation()
    except Exception:  # noqa: BLE001 - no tokenizer at all, which whoever opens it will say
        return FINE
    for text in texts(patterns_of(json.loads(Path(path).read_text("utf-8")))):
        longest = MOST_GROWTH * (len(text) + 16)
        if tokenizer.normalizer is not None and len(tokenizer.normalizer.normalize_str(text)) > longest:
            return GROWS
        if len(ids := tokenizer.encode(text).ids) > longest or len(tokenizer.decode(ids)) > longest * 16:
            return GROWS
    return FINE


if __name__ == "__main__":
    _limit(Path(sys.argv[1]).stat().st_size)
    try:
        code = _try(sys.argv[1])
    except BaseException as error:  # noqa: BLE001 - a panic of Rust code is no Exception
        sys.stdout.write(str(error).splitlines()[0] if str(error) else type(error).__name__)
        code = FAILS
    sys.exit(code)
