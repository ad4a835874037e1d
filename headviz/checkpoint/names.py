"""What the names of weights give away: a wrapper around the model, an adapter, weights kept in parts or quantised.

The same rules serve a file and a model in memory; a prefix is only taken away where names fit better without it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable

# What torch.compile, DataParallel and FSDP put into the names of a model that they wrap.
_WRAPPERS = re.compile(r"(?:(?<=\.)|^)(?:_orig_mod|module|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.")
_TELLING = (
    (
        re.compile(r"\.(lora_\w+|ia3_\w+|base_layer|modules_to_save|oft_\w+|hada_\w+|lokr_\w+|prompt_encoder)\b"),
        "has an adapter that is not merged into its weights ({})",
        "Merge it first (peft's merge_and_unload)",
    ),
    (
        re.compile(r"\.parametrizations\."),
        "keeps weights under a parametrisation ({})",
        "Take it away first: torch.nn.utils.parametrize.remove_parametrizations",
    ),
    (
        re.compile(r"\.\w+_mask$"),
        "keeps weights beside masks of torch's pruning ({})",
        "Make it final first: torch.nn.utils.prune.remove",
    ),
    (
        re.compile(r"\.(weight_g|weight_v|weight_u|weight_orig)$"),
        "keeps weights in parts that are put together when it runs ({})",
        "Take that away first: torch.nn.utils.remove_weight_norm or remove_spectral_norm",
    ),
    (
        re.compile(r"\.(qweight|qzeros|SCB|absmax|quant_map|quant_state\b.*|_packed_params\b.*|weight_scale|scales)$"),
        "has quantised weights ({})",
        "Use the model in full precision",
    ),
)


def kept_otherwise(names: Iterable[str]) -> str | None:
    """Why weights of these ``names`` are not what the model computes with, and what to do: the rest of a sentence that
    begins with the model's name, and one more. None for plain weights."""
    there = list(names)
    for pattern, what, remedy in _TELLING:
        if name := next((name for name in there if pattern.search(name)), None):
            if pattern.pattern.endswith("_mask$") and name.removesuffix("_mask") + "_orig" not in there:
                continue  # a mask of the model's own
            return f"{what.format(name)}. {remedy}."
    return None


def without_wrappers(names: Collection[str], expected: Collection[str]) -> dict[str, str]:
    """Name in the file -> name in the model, where a wrapper or an outer class has put something before it: whatever
    makes most names those that are ``expected``, or nothing."""
    best = {name: name for name in names}
    if not best:
        return best
    bare = {name: _WRAPPERS.sub("", name) for name in names}
    for option in (bare, _without_prefix(best, expected), _without_prefix(bare, expected)):
        if len(set(option.values())) == len(option) and _fit(option, expected) > _fit(best, expected):
            best = option
    return best


def left_out(renamed: dict[str, str]) -> str | None:
    """What `without_wrappers` took away, from the first name that lost something; None where none did."""
    for name, kept in renamed.items():
        if name != kept:
            inside = _WRAPPERS.search(name)
            return name.removesuffix(kept) if name.endswith(kept) else inside[0] if inside else name
    return None


def _fit(renamed: dict[str, str], expected: Collection[str]) -> int:
    return sum(name in expected for name in renamed.values())


def _without_prefix(renamed: dict[str, str], expected: Collection[str]) -> dict[str, str]:
    """The names less the commonest thing that stands before an expected one."""
    before: Counter[str] = Counter()
    for name in renamed.values():
        parts = name.split(".")
        for taken in range(1, len(parts)):
            if ".".join(parts[taken:]) in expected:
                before[".".join(parts[:taken]) + "."] += 1
                break
    if not before:
        return renamed
    prefix = before.most_common(1)[0][0]
    return {name: plain.removeprefix(prefix) for name, plain in renamed.items()}


def shape_of(shape: tuple[int, ...]) -> str:
    """A shape in words: "24 x 32"."""
    return " x ".join(str(length) for length in shape) or "one number"
