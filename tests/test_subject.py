"""Subject: what it says of a model, and that a model is the same through load and wrap."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import headviz as hv
from tests.tiny import FAMILIES, LABELS, REFUSED, save_tiny, tiny_labels, tiny_model, tiny_texts


@pytest.mark.parametrize("family", FAMILIES)
def test_load_every_family_gives_its_shape_and_labels(family: str, tmp_path: Path) -> None:
    subject = hv.load(save_tiny(tmp_path / "model", family))
    assert (subject.layers, subject.heads, subject.shape) == (3, (4, 4, 4), (3, 4))
    assert subject.labels == LABELS
    assert subject.family == family
    assert subject.max_length == 40
    assert subject.parameters == sum(p.numel() for p in subject.model.parameters())
    # q, k, v, o of 32 x 32 with biases, in three layers or, shared, in one
    layers = 1 if family == "albert" else 3
    assert subject.attention_parameters == layers * 4 * (32 * 32 + 32)


def test_load_half_precision_checkpoint_computes_in_float32(tmp_path: Path) -> None:
    subject = hv.load(save_tiny(tmp_path / "model", "bert", dtype="float16"))
    assert subject.dtype == "float32"
    assert {p.dtype for p in subject.model.parameters()} == {torch.float32}


def test_wrap_and_load_of_the_same_weights_share_a_fingerprint(tmp_path: Path) -> None:
    model, tokenizer = tiny_model("bert")
    wrapped = hv.Subject.wrap(model, tokenizer, name="tiny")
    loaded = hv.load(save_tiny(tmp_path / "model", "bert"))
    assert wrapped.fingerprint == loaded.fingerprint
    assert len(wrapped.fingerprint) == 16


def test_wrap_model_in_training_mode_is_left_in_it() -> None:
    model, tokenizer = tiny_model("bert")
    model.train()
    subject = hv.Subject.wrap(model, tokenizer, name="tiny")
    assert model.training
    assert subject.model is model


def test_subject_is_read_only() -> None:
    subject = hv.Subject.wrap(*tiny_model("bert"), name="tiny")
    with pytest.raises(AttributeError):
        subject.name = "other"  # type: ignore[misc]


def test_load_unknown_dtype_or_device_says_what_there_is(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "model", "bert")
    with pytest.raises(hv.LoadError, match="float32, float64, bfloat16, float16"):
        hv.load(folder, dtype="int8")
    with pytest.raises(hv.LoadError, match="cpu or auto"):
        hv.load(folder, device="hamster")


def test_load_progress_ends_complete(tmp_path: Path) -> None:
    seen: list[tuple[int, int, str]] = []
    hv.load(save_tiny(tmp_path / "model", "bert"), on_progress=lambda *step: seen.append(step))
    assert seen[-1][0] == seen[-1][1]


def test_per_head_uneven_layers_leave_nan_where_no_head_is() -> None:
    subject = hv.Subject.wrap(*tiny_model("bert"), name="tiny")
    values = subject.per_head(np.arange(24.0).reshape(2, 12))
    assert values.shape == (2, 3, 4)
    assert values[1, 2, 3] == 23.0


def test_load_real_models_give_their_published_sizes(shared: Path) -> None:
    subject = hv.load(shared / "models" / "minilm-sst5")
    assert subject.shape == (6, 12)
    assert subject.labels == ("very negative", "negative", "neutral", "positive", "very positive")
    assert round(subject.parameters / 1e6, 1) == 22.7


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert"])
@pytest.mark.parametrize("head", ["AutoModel", "AutoModelForMaskedLM", "AutoModelForTokenClassification"])
def test_wrap_model_without_a_classification_head_is_refused(family: str, head: str) -> None:
    import transformers

    model, tokenizer = tiny_model(family)
    other = getattr(transformers, head).from_config(model.config)
    with pytest.raises(hv.LoadError, match="has no classification head"):
        hv.Subject.wrap(other, tokenizer, name="tiny")


@pytest.mark.parametrize("family", REFUSED)
def test_wrap_family_outside_the_attention_interface_is_refused_in_one_sentence_alone(
    family: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(hv.LoadError, match="does not go through transformers' AttentionInterface"):
        hv.Subject.wrap(*tiny_model(family), name="tiny")
    assert capfd.readouterr().err == ""


def test_wrap_what_is_no_model_or_no_tokenizer_is_refused() -> None:
    model, tokenizer = tiny_model("bert")
    for wrong in (torch.nn.Linear(2, 2), "bert"):
        with pytest.raises(hv.LoadError, match="not a model of transformers"):
            hv.Subject.wrap(wrong, tokenizer, name="tiny")
    with pytest.raises(hv.LoadError, match="NoneType for a tokenizer"):
        hv.Subject.wrap(model, None, name="tiny")
    with pytest.raises(hv.LoadError, match="meta device"):
        hv.Subject.wrap(model.to("meta"), tokenizer, name="tiny")


def test_wrap_model_with_eager_attention_gives_the_scores_of_sdpa(tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification

    folder = save_tiny(tmp_path / "model", "bert")
    model = AutoModelForSequenceClassification.from_pretrained(folder, attn_implementation="eager")
    subject = hv.load(folder)
    wrapped = hv.Subject.wrap(model, subject.processor, name="eager")
    data = hv.load_data(pd.DataFrame({"text": tiny_texts(4), "label": tiny_labels(4)}))
    np.testing.assert_array_equal(hv.score(wrapped, data).gate_gradient, hv.score(subject, data).gate_gradient)
    assert model.config._attn_implementation == "eager"


@pytest.mark.parametrize("device", ["meta", "hpu", "privateuseone", "gpu", "", "cuda:99"])
def test_load_device_that_holds_no_numbers_is_refused(device: str, tmp_path: Path) -> None:
    with pytest.raises(hv.LoadError, match="is not available here; use cpu or auto"):
        hv.load(save_tiny(tmp_path / "model", "bert"), device=device)


@pytest.mark.parametrize(("dtype", "close"), [("float64", 1e-6), ("bfloat16", 0.05), ("float16", 0.01)])
def test_load_another_dtype_computes_in_it_and_scores_alike(dtype: str, close: float, tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "model", "bert")
    data = hv.load_data(pd.DataFrame({"text": tiny_texts(6), "label": tiny_labels(6)}))
    subject, exact = hv.load(folder, dtype=dtype), hv.score(hv.load(folder), data)
    scores = hv.score(subject, data)
    assert subject.dtype == dtype
    assert scores.gate_gradient.dtype == scores.entropy.dtype == np.float32
    np.testing.assert_allclose(scores.his, exact.his, atol=close * exact.his.max())
    np.testing.assert_allclose(scores.ae, exact.ae, atol=close)


@pytest.mark.parametrize("setting", ["return_dict", "output_attentions", "output_hidden_states"])
def test_wrap_model_with_other_outputs_switched_on_scores_alike_and_keeps_them(setting: str) -> None:
    data = hv.load_data(pd.DataFrame({"text": tiny_texts(4), "label": tiny_labels(4)}))
    plain = hv.score(hv.Subject.wrap(*tiny_model("bert"), name="tiny"), data)
    model, tokenizer = tiny_model("bert")
    model.set_attn_implementation("eager")  # transformers refuses maps under any other
    value = setting != "return_dict"
    setattr(model.config, setting, value)
    scores = hv.score(hv.Subject.wrap(model, tokenizer, name="tiny"), data)
    np.testing.assert_array_equal(scores.gate_gradient, plain.gate_gradient)
    assert getattr(model.config, setting) is value


def test_wrap_model_whose_own_code_fails_is_refused_in_one_sentence_with_the_cause() -> None:
    model, tokenizer = tiny_model("qwen2")
    attention = model.model.layers[0].self_attn
    attention.q_proj.weight.data = attention.q_proj.weight.data[:24]
    attention.q_proj.bias.data = attention.q_proj.bias.data[:24]
    with pytest.raises(hv.LoadError, match=r"^cut, of the family qwen2, cannot run a text: .+\. Its weights") as told:
        hv.Subject.wrap(model, tokenizer, name="cut")
    assert told.value.__cause__ is not None


def test_wrap_model_without_padding_token_names_it() -> None:
    model, tokenizer = tiny_model("roberta")
    model.roberta.embeddings.padding_idx = model.config.pad_token_id = None
    with pytest.raises(hv.LoadError, match="has no pad_token_id: load it again with that of its tokenizer, 1"):
        hv.Subject.wrap(model, tokenizer, name="tiny")


def test_wrap_configuration_with_one_number_for_each_stage_works_or_names_the_family() -> None:
    import transformers

    images = transformers.ViTImageProcessorPil(size={"height": 32, "width": 32})
    stages = {"depths": [1] * 4, "hidden_sizes": [8, 8, 16, 16], "num_attention_heads": [1, 1, 2, 2]}
    swin = transformers.SwinConfig(
        image_size=32, patch_size=4, embed_dim=16, depths=[1, 1], num_heads=[2, 2], window_size=4
    )
    assert hv.Subject.wrap(transformers.SwinForImageClassification(swin), images, name="s").heads == (2, 2)
    pvt = transformers.PvtConfig(image_size=32, num_labels=3, **stages)
    with pytest.raises(hv.LoadError, match="family pvt"):
        hv.Subject.wrap(transformers.PvtForImageClassification(pvt), images, name="p")
