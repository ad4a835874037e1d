"""config.json: what may stand in it, what contradicts itself, and which kinds of model are refused for which reason."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from headviz.checkpoint.contents import models_below
from headviz.checkpoint.pruned import check_kept, is_pruned, pruned_class
from headviz.errors import LoadError
from headviz.pruned_modeling import PREFIX, classes_of_type, whole_type
from headviz.stand_ins import stand_in, start_of

WORKING = "BERT, RoBERTa, XLM-R, DistilBERT, ELECTRA and ALBERT"

# Encoders whose code in transformers 5.23 never asks AttentionInterface for a function.
OUTSIDE_INTERFACE = frozenset(
    "big_bird canine convbert deberta deberta-v2 flaubert fnet funnel ibert longformer luke megatron-bert mpnet mra "
    "nystromformer perceiver reformer rembert roformer squeezebert xlm xlnet yoso".split()
)
# Decoders whose classifiers are known to work as models in memory: they read a text's class off its last token.
DECODERS = frozenset("gpt2 llama mistral qwen2 qwen3".split())
# Families that count positions from pad_token_id + 1, so that many rows of their table are never reached.
PADDED_POSITIONS = frozenset(
    "camembert data2vec-text esm longformer markuplm mpnet roberta roberta-prelayernorm "
    "xlm-roberta xlm-roberta-xl xmod".split()
)
# What a stranger's config.json could switch on: other attention kernels, other files, patched classes, tuples as
# outputs, hooks that collect hidden states. And what only changes how a forward pass goes about its work.
_DROPPED = frozenset(
    "attn_implementation _attn_implementation _attn_implementation_internal experts_implementation "
    "_experts_implementation fusion_config distributed_config transformers_weights _name_or_path name_or_path "
    "output_attentions output_hidden_states return_dict use_return_dict torchscript auto_map "
    "chunk_size_feed_forward gradient_checkpointing".split()
)
_SIZES = (
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "num_hidden_layers",
    "hidden_size",
    "intermediate_size",
    "embedding_size",
    "vocab_size",
    "max_position_embeddings",
    "num_labels",
)
# How the names of the text files begin that a model is made of; others may be what they like.
_TEXTS = (
    *("config.json", "tokenizer", "vocab", "merges", "special_tokens_map", "added_tokens", "head_mask"),
    *("preprocessor_config", "generation_config", "model.safetensors.index"),
)
_MOST_LAYERS = 1_000
_NO_LIMIT = 1_000_000  # tokenizers without a limit say 1e30


def read_config(folder: Path, name: str) -> dict[str, Any]:
    """The content of config.json in ``folder``; LoadError with a sentence for every folder that is no model folder."""
    if not folder.is_dir():
        kind = "is a file, not a folder" if folder.exists() else "does not exist"
        raise LoadError(f"{folder} {kind}. Give the folder that holds config.json and model.safetensors.")
    if (folder / "adapter_config.json").exists():
        raise LoadError(
            f"{name} holds an adapter (adapter_config.json), not a whole model. "
            "Merge it into its base model (peft's merge_and_unload), save that and open the result."
        )
    path = folder / "config.json"
    if not path.is_file():
        raise LoadError(f"The folder {name} {_instead_of_config(folder)}.")
    _refuse_stand_ins(folder, name)
    try:
        raw = json.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise LoadError(f"config.json of {name} is not valid JSON. Download or save the model again.") from error
    if not isinstance(raw, dict):
        raise LoadError(f"config.json of {name} is not a JSON object. Download or save the model again.")
    return raw


def _instead_of_config(folder: Path) -> str:
    """What a folder without config.json is, and what to do: the rest of a sentence, and perhaps one more."""
    if not any(folder.iterdir()):
        return "is empty. Give a folder written by transformers' save_pretrained"
    if below := models_below(folder):
        which = ", ".join(below[:4]) + (f" and {len(below) - 4} more" if len(below) > 4 else "")
        one = len(below) == 1
        return f"has no config.json, but {which} in it {'has' if one else 'have'}. Give " + (
            f"that folder, {folder.name}/{below[0]}"
            if one
            else f"one of these folders, such as {folder.name}/{below[-1]}"
        )
    if (folder.parent / "config.json").is_file():
        return (
            f"has no config.json, but the folder above it, {folder.absolute().parent.name}, has one. Give that folder"
        )
    return "has no config.json. Give a folder written by transformers' save_pretrained"


def _refuse_stand_ins(folder: Path, name: str) -> None:
    """Raises LoadError where a file that the model is made of is a pointer or a web page."""
    for path in sorted(folder.iterdir()):
        used = path.name.startswith(_TEXTS) or path.suffix == ".model"
        if used and path.is_file() and (what := stand_in(start_of(path))):
            raise LoadError(f"{path.name} of {name} {what}")


def build_config(raw: dict[str, Any], name: str) -> Any:
    """The transformers configuration of a text classifier, checked as far as a configuration can be on its own."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    pruned = pruned_class(raw, name) if is_pruned(raw) else None
    config_class = CONFIG_MAPPING[_kind(raw, name)] if pruned is None else pruned.config_class
    _refuse_quantised(raw, name)
    positions = raw.get("position_embedding_type")
    if positions not in (None, "absolute") and not hasattr(config_class, "position_embedding_type"):
        raise LoadError(
            f"{name} counts positions as {positions!r} (position_embedding_type in config.json), which transformers 5 "
            f"no longer does for {raw['model_type']}: its figures would be wrong. Use a model with absolute positions."
        )
    _check_sizes(raw, config_class.attribute_map, name)
    labels = _labels(raw, name)
    cleaned = {key: value for key, value in raw.items() if key not in _DROPPED}
    if labels is None:  # null is as good as nothing
        cleaned = {key: value for key, value in cleaned.items() if key not in ("id2label", "label2id") or value}
    else:
        cleaned |= {"id2label": labels, "label2id": {label: i for i, label in labels.items()}}
        cleaned.pop("num_labels", None)
    try:
        config = config_class.from_dict(cleaned)
    except Exception as error:  # the kinds of errors differ by family and by key
        field = re.search(r"[Ff]ield '(\w+)'", str(error))
        which = f" ({field[1]})" if field else ""
        raise LoadError(
            f"config.json of {name} has a value that a {raw['model_type']} model cannot have{which}. "
            "Correct it, or download the model again."
        ) from error
    check_config(config, name, decoders=pruned is not None)
    if pruned is not None:
        check_kept(config, name)
        config.architectures = [pruned.__name__]
    return config


def _kind(raw: dict[str, Any], name: str) -> str:
    """The model type, or the reason why this one cannot be opened."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES
    from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES

    if raw.get("auto_map"):
        raise LoadError(
            f"{name} needs code of its own (auto_map in config.json), and headviz runs no code from a model's folder. "
            f"Use a model of a family that transformers knows, such as {WORKING}."
        )
    kind = raw.get("model_type")
    if not isinstance(kind, str) or not kind:
        raise LoadError(f"config.json of {name} does not say a model_type. Save the model again with transformers.")
    if kind not in CONFIG_MAPPING_NAMES:
        raise LoadError(
            f"{name} is of the type {kind!r}, which the installed transformers does not know. "
            f"Use a model of a known family, such as {WORKING}."
        )
    if kind in OUTSIDE_INTERFACE:
        raise LoadError(outside_interface(kind, name))
    if kind not in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES:
        raise LoadError(
            f"{name} is of the type {kind!r}, for which transformers has no text classifier. Use {WORKING}."
        )
    if raw.get("pruned_heads"):
        raise LoadError(
            f"{name} had heads removed by an earlier transformers (pruned_heads in config.json), "
            "which transformers 5 cannot rebuild. Open the model from before the removal."
        )
    return kind


def _refuse_quantised(raw: dict[str, Any], name: str) -> None:
    if raw.get("quantization_config"):
        raise LoadError(f"{name} has quantised weights, which headviz does not open. Use the model in full precision.")


def class_of(config: Any) -> Any:
    """The class of the model that ``config`` is for: a text classifier, or what a pruned one says that it is."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING

    if config.model_type.startswith(PREFIX):
        classes = classes_of_type(whole_type(config.model_type))
        return next(one for one in classes if one.__name__ in (config.architectures or ()))
    return MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING[type(config)]


def outside_interface(kind: str, name: str) -> str:
    """The sentence for a family whose attention cannot be gated."""
    return (
        f"{name} is of the family {kind}, whose attention does not go through transformers' AttentionInterface, "
        f"so its heads cannot be gated. Families that work: {WORKING}."
    )


def _check_sizes(raw: dict[str, Any], own_names: dict[str, str], name: str) -> None:
    for size in _SIZES:
        for key in {size, own_names.get(size, size)}:
            value = raw.get(key)
            if value is not None and (type(value) is not int or value < 1):
                raise LoadError(
                    f"config.json of {name} says {key} = {value!r}; it must be a whole number of at least 1. "
                    "Correct it, or download the model again."
                )


def _labels(raw: dict[str, Any], name: str) -> dict[int, str] | None:
    """id2label with integer keys, or None where config.json has none."""
    named = raw.get("id2label")
    if named is None:
        return None
    if not isinstance(named, dict) or set(named) != {str(i) for i in range(len(named))}:
        raise LoadError(f"config.json of {name} does not number its labels (id2label) 0, 1, 2, and so on. Correct it.")
    count = raw.get("num_labels")
    if count is not None and count != len(named):
        raise LoadError(
            f"config.json of {name} says num_labels = {count} but names {len(named)} labels in id2label. Correct it."
        )
    return {i: str(named[str(i)]) for i in range(len(named))}


def check_config(config: Any, name: str, *, decoders: bool = False) -> None:
    """Refuse what is no classifier over two or more classes made of an encoder, or does not fit itself.

    For a configuration in memory as well; ``decoders`` lets those of `DECODERS` pass. LoadError with the reason.
    """
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as GENERATE,
    )
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_MASKED_LM_MAPPING_NAMES as FILL_IN,
    )

    kind = whole_type(config.model_type)
    if kind in OUTSIDE_INTERFACE:
        raise LoadError(outside_interface(kind, name))
    decoder = getattr(config, "is_decoder", False) or getattr(config, "is_encoder_decoder", False)
    if (decoder or (kind in GENERATE and kind not in FILL_IN)) and not (decoders and kind in DECODERS):
        of_memory = f", and of models in memory {', '.join(sorted(DECODERS))}" if decoders else ""
        raise LoadError(
            f"{name} ({kind}) generates text with a decoder; headviz opens encoder classifiers so far: "
            f"{WORKING}{of_memory}."
        )
    if config.num_labels is None:
        raise LoadError(
            f"The configuration of {name} names no labels (id2label is null). Give it those it was trained on."
        )
    if config.num_labels < 2 or config.problem_type == "regression":
        raise LoadError(
            f"{name} predicts a number (regression, or a single label); headviz needs a classifier with two or more "
            "labels."
        )
    if config.problem_type == "multi_label_classification":
        raise LoadError(
            f"{name} gives several labels to one text (multi_label_classification); headviz needs one label per text."
        )
    heads, hidden = getattr(config, "num_attention_heads", None), getattr(config, "hidden_size", None)
    one_each = isinstance(heads, int) and isinstance(hidden, int)  # some families have a number for each stage
    if one_each and heads and hidden % heads and not getattr(config, "head_dim", None):
        raise LoadError(
            f"config.json of {name} says {heads} heads, which cannot share a hidden size of {hidden}. Correct it, or "
            "download the model again."
        )
    layers = getattr(config, "num_hidden_layers", None)
    if isinstance(layers, int) and layers > _MOST_LAYERS:
        raise LoadError(f"config.json of {name} says {layers:,} layers, which cannot be. Correct it.")


def label_notes(raw: dict[str, Any], config: Any, name: str) -> list[str]:
    """Sentences about labels that are usable but odd."""
    notes, names = [], list(config.id2label.values())
    twice = sorted({label for label in names if names.count(label) > 1})
    if twice:
        notes.append(f"Two labels of {name} have the same name: {', '.join(twice)}.")
    opposite = raw.get("label2id")
    if isinstance(opposite, dict) and raw.get("id2label") and not twice:
        told = {str(label): i for i, label in config.id2label.items()}
        if {str(label): i for label, i in opposite.items()} != told:
            notes.append(f"config.json of {name} contradicts itself about labels; id2label is used, label2id is not.")
    return notes


def max_length(config: Any, tokenizer: Any, rows: int | None = None) -> int:
    """The most tokens of one input: the tokenizer's limit or the model's positions, whichever is less; ``rows``: of its
    own table of positions, where that is known.

    RoBERTa and its kin start to count positions after the padding token's id, so they have that many fewer.
    """
    limits = []
    positions = getattr(config, "max_position_embeddings", None)
    if isinstance(positions, int) and rows is not None:
        positions = min(positions, rows)
    if isinstance(positions, int) and positions > 0:
        padding = getattr(config, "pad_token_id", None)
        offset = (padding if padding is not None else 1) + 1 if whole_type(config.model_type) in PADDED_POSITIONS else 0
        limits.append(positions - offset)
    own = getattr(tokenizer, "model_max_length", None)
    if own is not None and 0 < own < _NO_LIMIT:
        limits.append(int(own))
    return max(min(limits, default=512), 1)
