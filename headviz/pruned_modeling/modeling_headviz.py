"""Text classifiers that lost attention heads: the classes of transformers with smaller projections.

This file lies in every folder of a pruned model and needs torch and transformers alone: who allows from_pretrained of
AutoModelForSequenceClassification to trust the folder's code needs nothing else to open it. ``kept_heads`` in
config.json lists, for each use of attention in the order of the calls, the numbers of the kept heads, as the whole
model counted them; a layer may have lost all of them. All other settings are those of the whole model, so
``num_attention_heads`` stays the number that a head's size is reckoned from.

Query, key and value have rows for kept heads only, the output projection columns; its bias stays. The forward passes
are those of transformers (seen with 5.23), which split the projections by the size of a head.
"""

from collections.abc import Iterable
from typing import Any

from torch import nn
from transformers import (
    AlbertConfig,
    AlbertForSequenceClassification,
    BertConfig,
    BertForSequenceClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    ElectraConfig,
    ElectraForSequenceClassification,
    PretrainedConfig,
    RobertaConfig,
    RobertaForSequenceClassification,
    XLMRobertaConfig,
    XLMRobertaForSequenceClassification,
)


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


def _shrink(config: PretrainedConfig, attentions: Iterable[Any], inputs: tuple[str, str, str], output: str) -> None:
    """Cut the projections of each use of attention to the sizes of its kept heads.

    ``attentions``: the module of each use that holds its projections, under the paths ``inputs`` (query, key, value)
    and ``output``. A module that is used several times keeps the same heads in each use.
    """
    if config.kept_heads is None:
        return
    head_size = config.hidden_size // config.num_attention_heads
    for attention, kept in zip(attentions, config.kept_heads, strict=True):
        width = len(kept) * head_size
        for path in inputs:
            linear = attention.get_submodule(path)
            linear.weight = nn.Parameter(linear.weight.detach()[:width].clone())
            linear.bias = nn.Parameter(linear.bias.detach()[:width].clone())
            linear.out_features = width
        linear = attention.get_submodule(output)
        linear.weight = nn.Parameter(linear.weight.detach()[:, :width].clone())
        linear.in_features = width


def _shrink_bert(model: Any) -> None:
    """The encoder that BERT shares with RoBERTa, XLM-RoBERTa and ELECTRA."""
    attentions = (layer.attention for layer in model.base_model.encoder.layer)
    _shrink(model.config, attentions, ("self.query", "self.key", "self.value"), "output.dense")


class HeadvizBertForSequenceClassification(BertForSequenceClassification):
    config_class = HeadvizBertConfig

    def __init__(self, config: HeadvizBertConfig) -> None:
        super().__init__(config)
        _shrink_bert(self)


class HeadvizRobertaForSequenceClassification(RobertaForSequenceClassification):
    config_class = HeadvizRobertaConfig

    def __init__(self, config: HeadvizRobertaConfig) -> None:
        super().__init__(config)
        _shrink_bert(self)


class HeadvizXLMRobertaForSequenceClassification(XLMRobertaForSequenceClassification):
    config_class = HeadvizXLMRobertaConfig

    def __init__(self, config: HeadvizXLMRobertaConfig) -> None:
        super().__init__(config)
        _shrink_bert(self)


class HeadvizElectraForSequenceClassification(ElectraForSequenceClassification):
    config_class = HeadvizElectraConfig

    def __init__(self, config: HeadvizElectraConfig) -> None:
        super().__init__(config)
        _shrink_bert(self)


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


MODELS = (
    HeadvizBertForSequenceClassification,
    HeadvizRobertaForSequenceClassification,
    HeadvizXLMRobertaForSequenceClassification,
    HeadvizElectraForSequenceClassification,
    HeadvizDistilBertForSequenceClassification,
    HeadvizAlbertForSequenceClassification,
)
for _model in MODELS:  # save_pretrained then writes auto_map, and puts this file beside the weights
    _model.config_class.register_for_auto_class()
    _model.register_for_auto_class("AutoModelForSequenceClassification")
