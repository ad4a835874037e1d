"""Sentences of the library in the words of the command line: ``split=`` is ``--split``.

The library names arguments as Python has them. One translation serves every command: what a command has a flag for is
told by that flag, what its ``--option`` takes by ``--option NAME=VALUE``, and anything else by name and value alone.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping

_VALUE = r"\{[^{}]*\}|\"[^\"]*\"|'[^']*'|\.\.\.|[\w+-]+(?:\.\d+)?"
_ARGUMENT = re.compile(rf"(?<![\w.=/,'\"-])(?<!--option )([a-z][a-z_]*)=({_VALUE})?(?!=)")
_PYTHON = (
    (re.compile(r" or (?:scores|plan|signatures)\.save\(\)"), ""),
    (re.compile(r"hv\.save_pruned(?:\(hv\.prune\([^()]*\)[^()]*\))?"), "headviz prune"),
    (re.compile(r"\bhv\.(?:load_pruned|load)\b"), "headviz evaluate"),
    (re.compile(r"\bhv\.export_onnx\b"), "headviz export --onnx"),
    (re.compile(r"\bhv\.(recover|prune|score|select|evaluate|cahp)\b"), r"headviz \1"),
    (re.compile(r"\bhv\.signatures\b"), "headviz cahp"),
    (re.compile(r"\bhv\.([A-Za-z_.]*[A-Za-z])"), r"\1 in Python"),  # what no command does
)


def in_flags(sentence: str, flags: Mapping[str, str]) -> str:
    """``sentence`` with every argument as ``flags`` (name in Python -> flag of the command) have it.

    >>> in_flags("It needs alpha; pass alpha=... or split='test'.", {"alpha": "--alpha", "split": "--split"})
    'It needs alpha; pass --alpha ... or --split test.'
    """

    def told(found: re.Match[str]) -> str:
        name, value = found[1], _bare(found[2] or "")
        if name in flags:
            return f"{flags[name]} {value}".strip()
        if "option" in flags and value:
            return f"{flags['option']} {name}={value}"
        return f"{name} {value}".strip()

    for pattern, words in _PYTHON:
        sentence = pattern.sub(words, sentence)
    return _ARGUMENT.sub(told, sentence)


def _bare(value: str) -> str:
    """A value as one types it: no quotes, and a mapping as RAW=LABEL,RAW=LABEL."""
    if value[:1] in ("'", '"'):
        return value[1:-1]
    if value[:1] != "{":
        return value
    try:
        pairs = ast.literal_eval(value)
        return ",".join(f"{raw}={'...' if label is ... else label}" for raw, label in pairs.items())
    except (ValueError, SyntaxError, AttributeError):
        return value[1:-1]
