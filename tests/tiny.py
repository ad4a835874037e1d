"""Tiny random classifiers of every family that tests need, each with a tokenizer of its own kind, in well under 0.1 s.

``model, tokenizer = tiny_model("roberta")`` or ``folder = save_tiny(tmp_path / "model", "albert")``; ``tiny_texts(n)``
and ``tiny_pairs(n)`` give inputs of very different lengths in the words that all of the tokenizers know.

All models: 3 layers x 4 heads, hidden 32, three named labels, at most 40 tokens, float32, eval mode. The weights are
far larger than at a usual start of training, so that attention is not flat and every head moves the logits visibly.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

LABELS = ("bad", "fine", "good")
MAX_LENGTH = 40
FAMILIES = ("bert", "roberta", "xlm-roberta", "distilbert", "electra", "albert")
DECODERS = ("gpt2", "llama", "mistral", "qwen2", "qwen3")  # of models in memory; GQA with two key heads but for gpt2
CUTTABLE = (*FAMILIES, "gpt2")  # whose weights headviz knows
REFUSED = ("deberta-v2", "mpnet")  # transformers runs their attention outside AttentionInterface
WORDS = tuple(
    "a the this that it film plot cast music ending story is was seems feels not never hardly very quite too so really "
    "good bad fine great dull slow sharp warm cold loud weak strong and but or although because when we i you they "
    "liked hated watched left laughed slept , . ! ?".split()
)

_SIZES = {"layers": 3, "heads": 4, "hidden": 32, "inner": 64, "max_length": MAX_LENGTH}
_SIZE_NAMES = {
    "bert": {
        "layers": "num_hidden_layers",
        "heads": "num_attention_heads",
        "hidden": "hidden_size",
        "inner": "intermediate_size",
    },
    "gpt2": {"layers": "n_layer", "heads": "n_head", "hidden": "n_embd", "inner": "n_inner"},
    "distilbert": {"layers": "n_layers", "heads": "n_heads", "hidden": "dim", "inner": "hidden_dim"},
}


def tiny_model(
    family: str, *, seed: int = 0, padding_side: str = "right", labels: Sequence[str] | None = LABELS, **config: Any
) -> tuple[Any, Any]:
    """A random classifier of ``family`` and its tokenizer.

    ``family`` is a transformers model type (see FAMILIES, REFUSED; '_' and '-' are the same). ``config`` overrides
    single values of the configuration under the names that the family uses; the short names ``layers``, ``heads``,
    ``hidden``, ``inner`` and ``max_length`` are understood for every family. ``labels=None`` leaves two nameless
    labels, LABEL_0 and LABEL_1.
    """
    import torch
    from transformers import AutoModelForSequenceClassification

    family = family.replace("_", "-")
    sizes = {name: config.pop(name, value) for name, value in _SIZES.items()}
    tokenizer = _tokenizer(family, padding_side, sizes["max_length"])
    made = _config(family, sizes, tokenizer, labels, config)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForSequenceClassification.from_config(made)
    _strong_weights(model, seed)
    return model.eval(), tokenizer


def save_tiny(
    folder: Path | str,
    family: str = "bert",
    *,
    seed: int = 0,
    padding_side: str = "right",
    labels: Sequence[str] | None = LABELS,
    dtype: str = "float32",
    **config: Any,
) -> Path:
    """Save ``tiny_model(family, ...)`` as an ordinary folder (safetensors, stored as ``dtype``); returns the folder."""
    import torch

    model, tokenizer = tiny_model(family, seed=seed, padding_side=padding_side, labels=labels, **config)
    model.to(getattr(torch, dtype)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return Path(folder)


def tiny_texts(count: int, seed: int = 0, *, shortest: int = 1, longest: int = 30) -> list[str]:
    """``count`` texts of ``shortest`` to ``longest`` words."""
    draw = random.Random(seed)
    return [" ".join(draw.choices(WORDS, k=draw.randint(shortest, longest))) for _ in range(count)]


def tiny_pairs(count: int, seed: int = 0, *, longest: int = 15) -> list[tuple[str, str]]:
    """``count`` pairs of texts."""
    first, second = tiny_texts(count, seed, longest=longest), tiny_texts(count, seed + 1_000, longest=longest)
    return list(zip(first, second, strict=True))


def tiny_labels(count: int, seed: int = 0, labels: Sequence[str] = LABELS) -> list[str]:
    """``count`` label names, unrelated to any text."""
    return random.Random(seed + 2_000).choices(list(labels), k=count)


def _config(
    family: str, sizes: dict[str, int], tokenizer: Any, labels: Sequence[str] | None, extra: dict[str, Any]
) -> Any:
    from transformers import AutoConfig

    values: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "max_position_embeddings": sizes["max_length"],
        "pad_token_id": tokenizer.pad_token_id,
    }
    names = _SIZE_NAMES.get(family, _SIZE_NAMES["bert"])
    values |= {name: sizes[short] for short, name in names.items()}
    if family in DECODERS:
        values |= {"bos_token_id": tokenizer.cls_token_id, "eos_token_id": tokenizer.sep_token_id}
    if family in DECODERS and family != "gpt2":
        values |= {"num_key_value_heads": 2, "head_dim": sizes["hidden"] // sizes["heads"]}
    if family in ("electra", "albert"):
        values |= {"embedding_size": sizes["hidden"] // 2}  # smaller than hidden, as published ones are
    if family in ("bert", "electra", "albert", "deberta-v2"):
        values |= {"type_vocab_size": 2}
    if family in ("roberta", "xlm-roberta", "mpnet"):  # positions are counted from pad_token_id + 1
        values |= {"max_position_embeddings": sizes["max_length"] + tokenizer.pad_token_id + 1}
        values |= {"bos_token_id": tokenizer.cls_token_id, "eos_token_id": tokenizer.sep_token_id}
    if family in ("roberta", "xlm-roberta"):
        values |= {"type_vocab_size": 1}
    if family == "deberta-v2":
        values |= {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_buckets": 8}
    if labels is not None:
        values |= {"id2label": dict(enumerate(labels)), "label2id": {name: i for i, name in enumerate(labels)}}
    return AutoConfig.for_model(family, **(values | extra))


def _tokenizer(family: str, padding_side: str, max_length: int) -> Any:
    import transformers

    shared: dict[str, Any] = {"padding_side": padding_side, "model_max_length": max_length}
    if family in ("bert", "distilbert", "electra", *DECODERS):
        vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
        name = {"distilbert": "DistilBertTokenizer", "electra": "ElectraTokenizer"}.get(family, "BertTokenizer")
        if family in DECODERS:
            shared["model_input_names"] = ["input_ids", "attention_mask"]
        return getattr(transformers, name)(vocab=_numbered(vocab), **shared)
    if family == "mpnet":
        vocab = ["<s>", "<pad>", "</s>", "[UNK]", "<mask>", *WORDS]
        return transformers.MPNetTokenizer(vocab=_numbered(vocab), **shared)
    if family == "roberta":
        tokens, merges = _byte_pairs(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
        return transformers.RobertaTokenizer(vocab=tokens, merges=merges, add_prefix_space=True, **shared)
    if family == "xlm-roberta":
        return transformers.XLMRobertaTokenizer(vocab=_pieces(["<s>", "<pad>", "</s>", "<unk>", "<mask>"]), **shared)
    if family == "albert":
        return transformers.AlbertTokenizer(vocab=_pieces(["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"]), **shared)
    if family == "deberta-v2":
        return transformers.DebertaV2Tokenizer(vocab=_pieces(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]), **shared)
    raise ValueError(f"tests know no tiny model of family {family!r}")


def _numbered(tokens: list[str]) -> dict[str, int]:
    return {token: number for number, token in enumerate(tokens)}


def _pieces(special: list[str]) -> list[tuple[str, float]]:
    """A unigram vocabulary: whole words, likelier than the single letters that spell everything else."""
    whole = [f"▁{word}" for word in WORDS]
    letters = ["▁", *sorted({letter for word in WORDS for letter in word})]
    return [(s, 0.0) for s in special] + [(w, -1.0) for w in whole] + [(s, -9.0) for s in letters]


def _byte_pairs(special: list[str]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """A byte-pair vocabulary in which the merges of each word, letter by letter, end in the whole word."""
    tokens, merges = [*special, "Ġ", *sorted({letter for word in WORDS for letter in word})], []
    for word in WORDS:
        piece = "Ġ"
        for letter in word:
            merge = (piece, letter)
            piece += letter
            if piece not in tokens:
                tokens.append(piece)
                merges.append(merge)
    return _numbered(tokens), merges


def _strong_weights(model: Any, seed: int) -> None:
    """Redraw every weight: matrices keep the size of what flows through them; attention is pointed, logits differ."""
    import torch

    draw = torch.Generator().manual_seed(seed + 1)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            noise = torch.randn(weight.shape, generator=draw)
            if weight.ndim < 2:
                weight.copy_(0.1 * noise + (1.0 if "norm" in name.lower() and name.endswith("weight") else 0.0))
            elif name.endswith(("embeddings.weight", "embed_tokens.weight", "wte.weight", "wpe.weight")):
                weight.copy_(noise)
            else:
                parts = ("query", "key", "q_lin", "k_lin", ".q.", ".k.", "q_proj", "k_proj", "c_attn")
                attention = any(part in name for part in parts)
                scale = 1.5 if attention else 3.0 if name.startswith(("classifier", "score")) else 1.0
                weight.copy_(noise * scale / weight.shape[1] ** 0.5)
