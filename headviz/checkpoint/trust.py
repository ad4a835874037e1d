"""Which tokenizer.json may be used in this process: one whose rules are all known to be harmless, and one that has been
tried in another process (`tokenizer_trial`)."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from headviz.checkpoint import tokenizer_trial
from headviz.errors import LoadError

_PATIENCE = 120  # seconds for a process that may use 30 of processor time, on a machine that is busy
# Rules without a pattern of their own, or with one that is built in: none makes a text much longer or never ends.
_HARMLESS = frozenset(
    "Sequence BertNormalizer Lowercase NFC NFD NFKC NFKD Nmt Strip StripAccents BertPreTokenizer ByteLevel "
    "Whitespace WhitespaceSplit Metaspace Punctuation Digits CharDelimiterSplit BertProcessing RobertaProcessing "
    "TemplateProcessing WordPiece BPE Unigram WordLevel BPEDecoder Fuse ByteFallback CTC".split()
)
_LONGEST_WORD = 1_000  # characters that a WordPiece may search; the time goes with its square
_tried: set[str] = set()


def require_harmless(folder: Path, name: str) -> None:
    """Raises LoadError where a tokenizer.json in ``folder`` cannot be used without danger; a file that has passed once
    is not tried again."""
    for path in sorted(folder.glob("tokenizer*.json")):  # tokenizer.4.0.json, too: transformers may choose among them
        if path.name == "tokenizer_config.json":
            continue
        try:
            content = path.read_bytes()
        except OSError:
            continue  # opening it says what is wrong
        digest = hashlib.sha256(content).hexdigest()
        if digest not in _tried and not is_harmless(content):
            _try(path, name)
        _tried.add(digest)


def is_harmless(content: bytes) -> bool:
    """Whether every rule of a tokenizer.json is known to be harmless. What is no JSON at all is harmless, too."""
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        return True
    if not isinstance(told, dict):
        return True
    model = told.get("model")
    if isinstance(model, dict):
        longest = model.get("max_input_chars_per_word", 0)
        if not isinstance(longest, int) or longest > _LONGEST_WORD:
            return False
    return all(_is_known(told.get(part)) for part in ("normalizer", "pre_tokenizer", "post_processor", "decoder"))


def _is_known(rule: Any) -> bool:
    if isinstance(rule, list):
        return all(_is_known(one) for one in rule)
    if not isinstance(rule, dict):
        return True
    if rule.get("type") == "Replace":
        looked_for, put = rule.get("pattern"), rule.get("content")
        text = looked_for.get("String") if isinstance(looked_for, dict) else None
        return isinstance(text, str) and isinstance(put, str) and bool(text) and len(put) <= len(text)
    if rule.get("type") == "Prepend":
        return isinstance(rule.get("prepend"), str) and len(rule["prepend"]) <= 1
    if "type" in rule and rule["type"] not in _HARMLESS:
        return False
    return all(_is_known(value) for value in rule.values() if isinstance(value, dict | list))


def _try(path: Path, name: str) -> None:
    if not sys.executable:  # Python inside of another program: no process can be started
        return
    command = [sys.executable, "-P", str(Path(tokenizer_trial.__file__)), str(path.absolute())]
    calm = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}  # packages are where they are found here
    calm |= {"TOKENIZERS_PARALLELISM": "false", "RAYON_NUM_THREADS": "1", "RUST_BACKTRACE": "0"}
    try:
        trial = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            env=os.environ | calm,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise LoadError(_sentence(path, name, "takes too long on short texts")) from error
    except OSError:
        return  # no process can be started here at all
    if trial.returncode == tokenizer_trial.GROWS:
        raise LoadError(_sentence(path, name, "makes short texts far longer than they are"))
    if trial.returncode == tokenizer_trial.FAILS:
        said = trial.stdout.decode("utf-8", "replace").strip()[:160].rstrip(".")
        raise LoadError(_sentence(path, name, f"fails on ordinary texts ({said})"))
    if trial.returncode < 0:  # ended by a signal: out of memory, or out of time
        raise LoadError(_sentence(path, name, "takes too much memory or time on short texts"))


def _sentence(path: Path, name: str, what: str) -> str:
    return f"{path.name} of {name} {what}: it is damaged, or made to do harm. Use the tokenizer of the model's makers."
