"""Models in memory that are not plain modules: taken for what they are inside, or refused by name with the way out."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import transformers
from torch import nn
from torch.nn.utils import prune

import headviz as hv
from tests.tiny import LABELS, tiny_model, tiny_texts


@pytest.fixture(scope="module")
def data() -> hv.Data:
    return hv.load_data(pd.DataFrame({"text": tiny_texts(6, shortest=3), "label": list(LABELS) * 2}))


def _query(model: Any) -> Any:
    return model.bert.encoder.layer[0].attention.self.query


def _wrap(model: Any, name: str = "mine") -> hv.Subject:
    return hv.Subject.wrap(model, tiny_model("bert")[1], name=name)


def _refused(model: Any) -> str:
    with pytest.raises(hv.LoadError) as told:
        _wrap(model)
    return str(told.value)


@pytest.mark.parametrize(
    "around",
    [torch.compile, nn.DataParallel, lambda model: nn.DataParallel(torch.compile(model)), lambda m: m.compile() or m],
    ids=["compiled", "parallel", "both", "compiled in place"],
)
def test_wrapper_around_a_model_is_taken_off(around: Callable[[Any], Any], data: hv.Data, tmp_path: Path) -> None:
    model, _ = tiny_model("bert")
    subject, plain = _wrap(around(model)), _wrap(tiny_model("bert")[0])
    assert subject.model is model
    assert subject.fingerprint == plain.fingerprint
    mask = hv.Mask.full(subject).with_toggled("L0H0")
    assert hv.verify(subject, mask, hv.load(hv.save_masked(subject, mask, tmp_path / "masked")), data).holds


def _live_adapter(model: Any) -> Any:
    from peft import LoraConfig, get_peft_model

    return get_peft_model(model, LoraConfig(task_type="SEQ_CLS", r=2, target_modules=["query", "value"]))


def _added_adapter(model: Any) -> Any:
    from peft import LoraConfig

    model.add_adapter(LoraConfig(r=2, target_modules=["query", "value"]))
    return model


def _of_query(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def changed(model: Any) -> Any:
        change(_query(model))
        return model

    return changed


def _integers(linear: Any) -> None:
    linear.weight = nn.Parameter(torch.zeros(32, 32, dtype=torch.int8), requires_grad=False)


def _compiled_part(model: Any) -> Any:
    model.bert = torch.compile(model.bert)
    return model


def _quantised(model: Any) -> Any:
    return torch.ao.quantization.quantize_dynamic(model, {nn.Linear}, dtype=torch.qint8)


def _pruned(linear: Any) -> None:
    prune.l1_unstructured(linear, "weight", 0.5)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_live_adapter, "has a live adapter .* merge_and_unload"),
        (_added_adapter, "has a live adapter .* merge_and_unload"),
        (_of_query(nn.utils.parametrizations.weight_norm), "parametrisation .*remove_parametrizations"),
        (_of_query(nn.utils.parametrizations.orthogonal), "parametrisation .*remove_parametrizations"),
        (_of_query(nn.utils.weight_norm), "remove_weight_norm"),
        (_of_query(nn.utils.spectral_norm), "remove_spectral_norm"),
        (_of_query(_pruned), "masks of torch's pruning .*prune.remove"),
        (_of_query(_integers), "quantised .*full precision"),
        (_quantised, "quantised .*full precision"),
        (_compiled_part, r"a part inside OptimizedModule \(bert\)"),
    ],
)
def test_model_whose_weights_are_not_what_it_computes_with_is_refused(change: Any, words: str) -> None:
    with pytest.raises(hv.LoadError, match=words):
        _wrap(change(tiny_model("bert")[0]))


def test_model_pruned_for_good_is_plain_again() -> None:
    model, _ = tiny_model("bert")
    _pruned(_query(model))
    prune.remove(_query(model), "weight")
    assert _wrap(model).notes == ()


def test_pipeline_is_told_to_give_its_model() -> None:
    model, tokenizer = tiny_model("bert")
    assert _refused(transformers.pipeline("text-classification", model=model, tokenizer=tokenizer)) == (
        "mine is a TextClassificationPipeline, not a model of transformers. Give its .model."
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_named_although_no_probe_reads_them(value: float) -> None:
    model, _ = tiny_model("bert")
    model.bert.embeddings.word_embeddings.weight.data[-1] = value
    assert "no numbers or are infinite, in bert.embeddings.word_embeddings.weight" in _refused(model)


@pytest.mark.parametrize("part", ["classifier", "bert.pooler.dense"])
def test_model_that_ignores_what_it_reads_is_told_which_weight_is_zero(part: str) -> None:
    model, _ = tiny_model("bert")
    model.get_submodule(part).weight.data.zero_()
    assert _refused(model).startswith(f"mine gives the same answer whatever it reads ({part}.weight is all zeros)")


def _double(module: Any, inputs: Any) -> Any:
    return (2 * inputs[0],)


def test_hook_that_changes_answers_is_refused_and_one_that_does_not_is_taken() -> None:
    model, _ = tiny_model("bert")
    seen: list[Any] = []
    model.classifier.register_forward_hook(lambda *passing: seen.append(passing) or None)
    assert _wrap(model).notes == ()
    model.classifier.register_forward_pre_hook(_double)
    assert "changes its answers (classifier)" in _refused(model)


def test_forward_pass_put_onto_one_module_is_refused() -> None:
    model, _ = tiny_model("bert")
    own = model.classifier.forward
    model.classifier.forward = lambda hidden: 2 * own(hidden)
    assert "changes its answers (classifier)" in _refused(model)


def test_hook_on_gradients_leaves_the_scores_alone(data: hv.Data) -> None:
    model, _ = tiny_model("bert")
    plain = hv.score(_wrap(copy.deepcopy(model)), data)
    model.bert.encoder.layer[2].register_full_backward_hook(lambda module, given, out: tuple(5 * one for one in given))
    np.testing.assert_array_equal(hv.score(_wrap(model), data).gate_gradient, plain.gate_gradient)


def test_chunks_that_texts_do_not_divide_by_change_nothing(data: hv.Data) -> None:
    chunked = hv.Subject.wrap(*tiny_model("bert", chunk_size_feed_forward=7), name="mine")
    np.testing.assert_allclose(
        hv.evaluate(chunked, data).logits, hv.evaluate(_wrap(tiny_model("bert")[0]), data).logits, atol=1e-6
    )


def _cut_by_hand() -> Any:
    model, _ = tiny_model("bert")
    attention = model.bert.encoder.layer[1].attention
    for name in ("query", "key", "value"):
        linear = getattr(attention.self, name)
        linear.weight.data, linear.bias.data = linear.weight.data[:24], linear.bias.data[:24]
    attention.output.dense.weight.data = attention.output.dense.weight.data[:, :24]
    return model


def test_model_cut_by_hand_is_noted_and_refused_before_anything_is_written(data: hv.Data, tmp_path: Path) -> None:
    subject = _wrap(_cut_by_hand())
    assert subject.heads == (4, 3, 4)
    assert [note for note in subject.notes if "was cut or changed by hand" in note and "not saved" in note]
    mask = hv.Mask.full(subject).with_toggled("L0H0")
    pruned = hv.prune(subject, mask)
    assert hv.verify(subject, mask, pruned, data).holds
    with pytest.raises(hv.ExportError, match=r"Layer 1 of .+ had lost heads .+ 3 are left where .+ says 4"):
        hv.save_pruned(pruned, tmp_path / "pruned")
    with pytest.raises(hv.ExportError, match=r"layer\.1\..+ is 24 x 32, and 32 x 32 by its configuration"):
        hv.save_masked(subject, mask, tmp_path / "masked")
    assert list(tmp_path.iterdir()) == []


class _Doubled(transformers.BertForSequenceClassification):
    def forward(self, **inputs: Any) -> Any:
        answer = super().forward(**inputs)
        answer.logits = 2 * answer.logits
        return answer


class _Named(transformers.BertForSequenceClassification):
    pass


@pytest.mark.parametrize(("kind", "same"), [(_Doubled, False), (_Named, True)])
def test_class_of_its_own_is_saved_only_where_a_folder_answers_alike(
    kind: Any, same: bool, data: hv.Data, tmp_path: Path
) -> None:
    plain, _ = tiny_model("bert")
    model = kind(plain.config)
    model.load_state_dict(plain.state_dict())
    subject = _wrap(model.eval())
    mask = hv.Mask.full(subject).with_toggled("L0H0")
    if same:
        assert subject.notes == ()
        assert hv.verify(subject, mask, hv.load(hv.save_masked(subject, mask, tmp_path / "m")), data).holds
    else:
        assert "has a class of its own (_Doubled)" in subject.notes[0]
        with pytest.raises(hv.ExportError, match="would not open as the same model"):
            hv.save_masked(subject, mask, tmp_path / "m")


def test_head_of_another_shape_is_noted_and_never_called_missing() -> None:
    model, _ = tiny_model("bert")
    model.classifier = nn.Sequential(nn.Linear(32, 32), nn.Linear(32, 3))
    subject = _wrap(model)
    assert "has other parts than its configuration says (classifier.0.bias)" in subject.notes[0]
    with pytest.raises(hv.LoadError, match="can be masked, but not cut out"):
        hv.prune(subject, hv.Mask.full(subject).with_toggled("L0H0"))


def test_family_whose_weights_are_not_known_is_noted_when_it_is_opened() -> None:
    config = transformers.CamembertConfig(
        hidden_size=32,
        num_attention_heads=4,
        num_hidden_layers=2,
        intermediate_size=64,
        vocab_size=60,
        num_labels=3,
        pad_token_id=0,
        max_position_embeddings=42,
    )
    subject = _wrap(transformers.CamembertForSequenceClassification(config))
    assert "does not know where a model of the family camembert keeps the weights of its heads" in subject.notes[0]
    with pytest.raises(hv.LoadError, match="camembert"):
        hv.prune(subject, hv.Mask.full(subject).with_toggled("L0H0"))


def test_configuration_without_labels_is_named() -> None:
    model, _ = tiny_model("bert")
    model.config.id2label = None
    assert "names no labels (id2label is null)" in _refused(model)


def test_tokenizer_with_more_words_than_the_model_knows_is_refused() -> None:
    model, tokenizer = tiny_model("bert")
    tokenizer.add_tokens(["one", "more"])
    with pytest.raises(hv.LoadError, match="has 62 tokens, but the model knows 60"):
        hv.Subject.wrap(model, tokenizer, name="mine")


def test_padding_that_config_and_tokenizer_do_not_share_is_noted() -> None:
    model, tokenizer = tiny_model("roberta")
    model.config.pad_token_id = 0
    assert hv.Subject.wrap(model, tokenizer, name="m").notes == (
        "The padding token of m is 0 by its config and 1 by its tokenizer (pad_token_id). Positions are counted from "
        "the config's; if it was trained with the other, that is wrong.",
    )


def test_texts_without_a_classification_token_are_noted() -> None:
    model, tokenizer = tiny_model("bert")
    tokenizer.cls_token = None
    assert "Texts do not begin with a classification token" in hv.Subject.wrap(model, tokenizer, name="m").notes[0]


def test_texts_are_cut_at_the_positions_that_a_model_has_whatever_its_configuration_says() -> None:
    model, tokenizer = tiny_model("bert")
    model.config.max_position_embeddings = tokenizer.model_max_length = 512
    subject = hv.Subject.wrap(model, tokenizer, name="mine")
    assert subject.max_length == 40
    long = hv.load_data(pd.DataFrame({"text": ["good film " * 60], "label": ["good"]}))
    assert hv.evaluate(subject, long).logits.shape == (1, 3)
