"""The tokenizer of a model folder.

transformers would rather make one without any vocabulary than complain; this complains.
"""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

from headviz.checkpoint.configuration import PADDED_POSITIONS
from headviz.checkpoint.trust import require_harmless
from headviz.errors import LoadError
from headviz.pruned_modeling import whole_type

_FILES = ("tokenizer.json", "vocab.txt", "vocab.json", "bpe.codes")

_SPECIAL = {
    "pad_token_id": "padding",
    "cls_token_id": "classification",
    "sep_token_id": "separating",
    "bos_token_id": "first",
    "eos_token_id": "last",
    "mask_token_id": "mask",
}
_OF_MODEL_FILES = ("sentencepiece",)  # what reads *.model files
_INSTALL = re.compile(r"pip install ([A-Za-z0-9_-]+)")


def has_tokenizer(folder: Path) -> bool:
    """Whether ``folder`` holds a file with a vocabulary."""
    return any((folder / file).is_file() for file in _FILES) or any(folder.glob("*.model"))


def open_tokenizer(folder: Path, config: Any, name: str) -> Any:
    """The tokenizer in ``folder``, checked against the model's ``config``. LoadError with a sentence."""
    from transformers import AutoTokenizer

    if not has_tokenizer(folder):
        raise LoadError(
            f"{name} has no tokenizer (no tokenizer.json). "
            f"Save the one it was trained with into the same folder: tokenizer.save_pretrained(folder){_near(folder)}."
        )
    _refuse_code(folder, name)
    require_harmless(folder, name)
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            str(folder.absolute()), config=config, trust_remote_code=False, local_files_only=True
        )
        for key in ("is_local", "local_files_only"):  # how it was opened; written with it, it would say so of another
            tokenizer.init_kwargs.pop(key, None)
        ids = tokenizer("a", "a")["input_ids"]
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:  # tokenizers raises plain Exception and panics; missing packages raise ImportError
        raise LoadError(f"The tokenizer of {name} cannot be opened{_remedy(error, folder)}") from error
    special = set(tokenizer.all_special_ids)
    if not ids or all(number in special for number in tokenizer.get_vocab().values()):
        raise LoadError(f"The tokenizer of {name} knows no words. Save the one that the model was trained with.")
    check_vocabulary(tokenizer, config, name)
    if tokenizer.pad_token_id is None:
        raise LoadError(f"The tokenizer of {name} has no padding token, so texts cannot be read together. Set one.")
    return tokenizer


def check_vocabulary(tokenizer: Any, config: Any, name: str) -> None:
    """Raises LoadError where the tokenizer has tokens that a model with ``config`` does not know."""
    known = getattr(config, "vocab_size", None)
    numbers = tokenizer.get_vocab().values() if hasattr(tokenizer, "get_vocab") else ()
    if isinstance(known, int) and max(numbers, default=-1) >= known:
        raise LoadError(
            f"The tokenizer of {name} has {max(numbers) + 1:,} tokens, but the model knows {known:,}. "
            "Save the tokenizer that the model was trained with into its folder."
        )


def special_notes(tokenizer: Any, config: Any, name: str, *, decoder: bool) -> list[str]:
    """Sentences on special tokens of which configuration and tokenizer do not say the same, and on texts that do not
    begin with the token that an encoder reads their class off."""
    notes = []
    for which, word in _SPECIAL.items():
        told, own = getattr(config, which, None), getattr(tokenizer, which, None)
        if type(told) is int and type(own) is int and told != own:
            notes.append(f"The {word} token of {name} is {told} by its config and {own} by its tokenizer ({which}).")
            if which == "pad_token_id" and whole_type(config.model_type) in PADDED_POSITIONS:
                notes[-1] += (
                    " Positions are counted from the config's; if it was trained with the other, that is wrong."
                )
    ids = tokenizer("a")["input_ids"]
    first = getattr(tokenizer, "cls_token_id", None)
    first = getattr(tokenizer, "bos_token_id", None) if first is None else first
    if not decoder and (first is None or not ids or ids[0] != first):
        why = "has none (cls_token)" if first is None else f"does not put its own, {first}, there (cls_token)"
        notes.append(
            f"Texts do not begin with a classification token: the tokenizer of {name} {why}. "
            "Most likely the model was trained with one, and its figures are wrong without."
        )
    return notes


def _remedy(error: BaseException, folder: Path) -> str:
    """What to do about a tokenizer that cannot be opened: the end of a sentence, and one more."""
    package = None
    if not (folder / "tokenizer.json").is_file() and any(folder.glob("*.model")):
        package = next((one for one in _OF_MODEL_FILES if importlib.util.find_spec(one) is None), None)
    if package is None and (told := _INSTALL.search(str(error))):
        package = told[1]
    if package is not None:
        return (
            f" without the package {package}: pip install {package}. Or save it, where that is installed, with "
            "tokenizer.save_pretrained(folder), which writes a tokenizer.json."
        )
    lacks = ": it needs a Python package that is not installed here" if isinstance(error, ImportError) else ""
    return f"{lacks}. Save it again with tokenizer.save_pretrained(folder), which writes a tokenizer.json."


def _near(folder: Path) -> str:
    """Where a tokenizer lies nearby: in the folder above, as that of a run of which this is a checkpoint."""
    above = folder.absolute().parent
    return f", or copy it from the folder above, {above.name}" if has_tokenizer(above) else ""


def _refuse_code(folder: Path, name: str) -> None:
    path = folder / "tokenizer_config.json"
    if not path.is_file():
        return
    try:
        told = json.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise LoadError(f"tokenizer_config.json of {name} is not valid JSON. Save the tokenizer again.") from error
    if not isinstance(told, dict):
        raise LoadError(f"tokenizer_config.json of {name} is not a JSON object. Save the tokenizer again.")
    if told.get("auto_map"):
        raise LoadError(
            f"The tokenizer of {name} needs code of its own (auto_map in tokenizer_config.json), "
            "and headviz runs no code from a model's folder. Use a model with a tokenizer that transformers knows."
        )
