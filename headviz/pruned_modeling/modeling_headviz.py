"""Models that lost attention heads: the classes of transformers with smaller projections.

This file lies in every folder of a pruned model and needs torch and transformers alone: who allows from_pretrained of
the Auto class that config.json names to trust the folder's code needs nothing else to open it. ``kept_heads`` in
config.json lists, for each use of attention in the order of the calls, the numbers of the kept heads, as the whole
model counted them; a layer may have lost all of them. Where heads share keys and values, ``zeroed_heads`` lists those
that are cut but still there as zeros, and ``key_value_heads`` the keys and values, one standing twice where it is
repeated. All other settings are those of the whole model, so
``num_attention_heads`` stays the number that a head's size is reckoned from.

Query, key and value have rows for kept heads only, the output projection columns; its bias stays. The forward passes
are those of transformers 5 (seen with 5.0, 5.8, 5.10, 5.23 and 5.24), which split the projections by the size of a
head; models of images need 5.9. Over 400 lines because a folder's code is one file.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    AlbertConfig,
    AlbertForSequenceClassification,
    BertConfig,
    BertForSequenceClassification,
    DeiTConfig,
    DeiTForImageClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    ElectraConfig,
    ElectraForSequenceClassification,
    GPT2Config,
    GPT2ForSequenceClassification,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForSequenceClassification,
    LlamaModel,
    MistralConfig,
    MistralForCausalLM,
    MistralForSequenceClassification,
    MistralModel,
    PretrainedConfig,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen2ForSequenceClassification,
    Qwen2Model,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3ForSequenceClassification,
    Qwen3Model,
    RobertaConfig,
    RobertaForSequenceClassification,
    ViTConfig,
    ViTForImageClassification,
    XLMRobertaConfig,
    XLMRobertaForSequenceClassification,
    __version__,
)
from transformers.modeling_layers import GenericForSequenceClassification
from transformers.pytorch_utils import Conv1D


class HeadvizBertConfig(BertConfig):
    model_type = "headviz_bert"
    kept_heads: list | None = None
    headviz_format: int = 1


class HeadvizRobertaConfig(RobertaConfig):
    model_type = "headviz_roberta"
    kept_heads: list | None = None
    headviz_format: int = 1


class HeadvizXLMRobertaConfig(XLMRobertaConfig):
    model_type = "headviz_xlm-roberta"
    kept_heads: list | None = None
    headviz_format: int = 1


class HeadvizElectraConfig(ElectraConfig):
    model_type = "headviz_electra"
    kept_heads: list | None = None
    headviz_format: int = 1


class HeadvizDistilBertConfig(DistilBertConfig):
    model_type = "headviz_distilbert"
    kept_heads: list | None = None
    headviz_format: int = 1


class HeadvizAlbertConfig(AlbertConfig):
    model_type = "headviz_albert"
    kept_heads: list | None = None
    headviz_format: int = 1


class HeadvizGPT2Config(GPT2Config):
    model_type = "headviz_gpt2"
    kept_heads: list | None = None
    headviz_format: int = 1


class HeadvizLlamaConfig(LlamaConfig):
    model_type = "headviz_llama"
    kept_heads: list | None = None
    zeroed_heads: list | None = None
    key_value_heads: list | None = None
    headviz_format: int = 1


class HeadvizMistralConfig(MistralConfig):
    model_type = "headviz_mistral"
    kept_heads: list | None = None
    zeroed_heads: list | None = None
    key_value_heads: list | None = None
    headviz_format: int = 1


class HeadvizQwen2Config(Qwen2Config):
    model_type = "headviz_qwen2"
    kept_heads: list | None = None
    zeroed_heads: list | None = None
    key_value_heads: list | None = None
    headviz_format: int = 1


class HeadvizQwen3Config(Qwen3Config):
    model_type = "headviz_qwen3"
    kept_heads: list | None = None
    zeroed_heads: list | None = None
    key_value_heads: list | None = None
    headviz_format: int = 1


class HeadvizViTConfig(ViTConfig):
    model_type = "headviz_vit"
    kept_heads: list | None = None
    headviz_format: int = 1


class HeadvizDeiTConfig(DeiTConfig):
    model_type = "headviz_deit"
    kept_heads: list | None = None
    headviz_format: int = 1


def _shrink(
    config: PretrainedConfig,
    attentions: Iterable[Any],
    inputs: tuple[str, str, str],
    output: str,
    head_size: int | None = None,
) -> None:
    """Cut the projections of each use of attention to the sizes of its kept heads.

    ``attentions``: the module of each use that holds its projections, under the paths ``inputs`` (query, key, value)
    and ``output``. A module that is used several times keeps the same heads in each use. ``head_size``: None for the
    width over the number of heads.
    """
    if config.kept_heads is None:
        return
    if int(__version__.split(".")[0]) < 5:  # whose forward passes split by the number of heads of the whole model
        raise ImportError(
            f"This pruned model needs transformers 5 or later, and {__version__} is installed. Update it."
        )
    head_size = head_size or config.hidden_size // config.num_attention_heads
    for attention, kept in zip(attentions, config.kept_heads, strict=True):
        width = len(kept) * head_size
        for path in inputs:
            _resize(attention.get_submodule(path), rows=width)
        _resize(attention.get_submodule(output), columns=width)


def _resize(linear: nn.Linear, rows: int | None = None, columns: int | None = None) -> None:
    """Give a projection ``rows`` outputs, the first ones, over again where there are more, and leave it the first
    ``columns`` inputs; None: all."""
    weight = linear.weight.detach()[:, :columns]
    which = torch.arange(weight.shape[0] if rows is None else rows, device=weight.device) % weight.shape[0]
    linear.weight = nn.Parameter(weight[which].clone())
    if linear.bias is not None:
        linear.bias = nn.Parameter(linear.bias.detach()[which].clone())
    linear.out_features, linear.in_features = linear.weight.shape


class _Bert(PreTrainedModel):
    """The encoder that BERT shares with RoBERTa, XLM-RoBERTa and ELECTRA."""

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__(config)
        attentions = (layer.attention for layer in self.base_model.encoder.layer)
        _shrink(config, attentions, ("self.query", "self.key", "self.value"), "output.dense")


class HeadvizBertForSequenceClassification(_Bert, BertForSequenceClassification):
    config_class = HeadvizBertConfig


class HeadvizRobertaForSequenceClassification(_Bert, RobertaForSequenceClassification):
    config_class = HeadvizRobertaConfig


class HeadvizXLMRobertaForSequenceClassification(_Bert, XLMRobertaForSequenceClassification):
    config_class = HeadvizXLMRobertaConfig


class HeadvizElectraForSequenceClassification(_Bert, ElectraForSequenceClassification):
    config_class = HeadvizElectraConfig


class HeadvizDistilBertForSequenceClassification(DistilBertForSequenceClassification):
    config_class = HeadvizDistilBertConfig

    def __init__(self, config: HeadvizDistilBertConfig) -> None:
        super().__init__(config)
        attentions = (layer.attention for layer in self.distilbert.transformer.layer)
        _shrink(config, attentions, ("q_lin", "k_lin", "v_lin"), "out_lin")


class HeadvizAlbertForSequenceClassification(AlbertForSequenceClassification):
    config_class = HeadvizAlbertConfig

    def __init__(self, config: HeadvizAlbertConfig) -> None:
        super().__init__(config)
        groups, layers = self.albert.encoder.albert_layer_groups, config.num_hidden_layers
        attentions = (
            block.attention
            for layer in range(layers)
            for block in groups[int(layer / (layers / config.num_hidden_groups))].albert_layers
        )
        _shrink(config, attentions, ("query", "key", "value"), "dense")


def _shrink_gpt2(model: Any) -> None:
    """GPT-2's query, key and value are one projection, which its forward pass splits into three."""
    config = model.config
    if config.kept_heads is None:
        return
    for block, kept in zip(model.transformer.h, config.kept_heads, strict=True):
        attention = block.attn
        width = len(kept) * attention.head_dim
        both, output = attention.c_attn, attention.c_proj
        both.weight = nn.Parameter(both.weight.detach()[:, : 3 * width].clone())
        both.bias = nn.Parameter(both.bias.detach()[: 3 * width].clone())
        output.weight = nn.Parameter(output.weight.detach()[:width].clone())
        both.nf, output.nx = 3 * width, width
        attention.split_size = [width] * 3
        if not kept:
            output.__class__ = _BiasAlone
            attention.register_forward_pre_hook(_count_tokens, with_kwargs=True)


class _BiasAlone(Conv1D):
    """The output projection of a layer without heads; a Conv1D cannot take vectors without numbers."""

    def forward(self, x: Tensor) -> Tensor:
        return self.bias.expand(*x.shape[:-1], self.nf)


class _TokenCount:
    """The place of a layer without heads in a cache: one number per token, so that the cache knows how many it saw."""

    def __init__(self, cache: Any) -> None:
        self.cache = cache

    def update(self, keys: Tensor, values: Tensor, layer: int, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        marks, _ = self.cache.update(*[keys.new_zeros(keys.shape[0], 1, keys.shape[2], 1)] * 2, layer)
        nothing = keys.new_zeros(keys.shape[0], 0, marks.shape[2], keys.shape[3])
        return nothing, nothing


def _count_tokens(_: nn.Module, args: Any, options: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Before the forward pass of a layer without heads. A cache takes one without numbers for one that saw nothing."""
    cache = options.get("past_key_values")
    return args, options if cache is None else {**options, "past_key_values": _TokenCount(cache)}


class HeadvizGPT2ForSequenceClassification(GPT2ForSequenceClassification):
    config_class = HeadvizGPT2Config

    def __init__(self, config: HeadvizGPT2Config) -> None:
        super().__init__(config)
        _shrink_gpt2(self)


class HeadvizGPT2ForCausalLM(GPT2LMHeadModel):
    config_class = HeadvizGPT2Config

    def __init__(self, config: HeadvizGPT2Config) -> None:
        super().__init__(config)
        _shrink_gpt2(self)


def _shrink_llama(model: Any) -> None:
    """The decoder that Llama shares with Mistral, Qwen2 and Qwen3. Each key and value of a layer serves equally many of
    its heads, kept or zeroed."""
    config = model.config
    if config.kept_heads is None:
        return
    lists = (config.kept_heads, config.zeroed_heads, config.key_value_heads)
    for block, kept, zeroed, keys in zip(model.model.layers, *lists, strict=True):
        attention, heads = block.self_attn, len(kept) + len(zeroed)
        size = attention.head_dim
        _resize(attention.q_proj, rows=heads * size)
        _resize(attention.k_proj, rows=len(keys) * size)
        _resize(attention.v_proj, rows=len(keys) * size)
        _resize(attention.o_proj, columns=heads * size)
        attention.num_key_value_groups = heads // len(keys) if keys else 1
        if not heads:
            attention.register_forward_pre_hook(_count_tokens, with_kwargs=True)


class _Llama(PreTrainedModel):
    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__(config)
        _shrink_llama(self)


class _LlamaClassifier(PreTrainedModel):
    whole_class: Any

    def __init__(self, config: PretrainedConfig) -> None:
        # What transformers' own __init__ does, but for asking AutoModel, which knows no class for this configuration.
        super(GenericForSequenceClassification, self).__init__(config)
        self.num_labels = config.num_labels
        self.model = self.whole_class(config)
        self.score = nn.Linear(config.hidden_size, config.num_labels, bias=False)
        self.post_init()
        _shrink_llama(self)


class HeadvizLlamaForSequenceClassification(_LlamaClassifier, LlamaForSequenceClassification):
    config_class = HeadvizLlamaConfig
    whole_class = LlamaModel


class HeadvizLlamaForCausalLM(_Llama, LlamaForCausalLM):
    config_class = HeadvizLlamaConfig


class HeadvizMistralForSequenceClassification(_LlamaClassifier, MistralForSequenceClassification):
    config_class = HeadvizMistralConfig
    whole_class = MistralModel


class HeadvizMistralForCausalLM(_Llama, MistralForCausalLM):
    config_class = HeadvizMistralConfig


class HeadvizQwen2ForSequenceClassification(_LlamaClassifier, Qwen2ForSequenceClassification):
    config_class = HeadvizQwen2Config
    whole_class = Qwen2Model


class HeadvizQwen2ForCausalLM(_Llama, Qwen2ForCausalLM):
    config_class = HeadvizQwen2Config


class HeadvizQwen3ForSequenceClassification(_LlamaClassifier, Qwen3ForSequenceClassification):
    config_class = HeadvizQwen3Config
    whole_class = Qwen3Model


class HeadvizQwen3ForCausalLM(_Llama, Qwen3ForCausalLM):
    config_class = HeadvizQwen3Config


class _ViT(PreTrainedModel):
    """The encoder that ViT shares with DeiT, whose heads have the size that the configuration names, if it does."""

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__(config)
        if not hasattr(self.base_model, "layers"):
            raise ImportError(f"A pruned model of images needs transformers 5.9 or later, and {__version__} is older.")
        attentions = [layer.attention for layer in self.base_model.layers]
        _shrink(config, attentions, ("q_proj", "k_proj", "v_proj"), "o_proj", attentions[0].head_dim)


class HeadvizViTForImageClassification(_ViT, ViTForImageClassification):
    config_class = HeadvizViTConfig


class HeadvizDeiTForImageClassification(_ViT, DeiTForImageClassification):
    config_class = HeadvizDeiTConfig


MODELS = (
    HeadvizBertForSequenceClassification,
    HeadvizRobertaForSequenceClassification,
    HeadvizXLMRobertaForSequenceClassification,
    HeadvizElectraForSequenceClassification,
    HeadvizDistilBertForSequenceClassification,
    HeadvizAlbertForSequenceClassification,
    HeadvizGPT2ForSequenceClassification,
    HeadvizGPT2ForCausalLM,
    HeadvizLlamaForSequenceClassification,
    HeadvizLlamaForCausalLM,
    HeadvizMistralForSequenceClassification,
    HeadvizMistralForCausalLM,
    HeadvizQwen2ForSequenceClassification,
    HeadvizQwen2ForCausalLM,
    HeadvizQwen3ForSequenceClassification,
    HeadvizQwen3ForCausalLM,
    HeadvizViTForImageClassification,
    HeadvizDeiTForImageClassification,
)
for _model in MODELS:  # save_pretrained then writes auto_map, and puts this file beside the weights
    _model.config_class.register_for_auto_class()
    _kind = _model.__name__.rpartition("For")[2]  # SequenceClassification, ImageClassification, CausalLM
    _model.register_for_auto_class(f"AutoModelFor{_kind}")
