"""Opening model folders: what works, and one sentence for each thing that does not.

Over 400 lines because it is a list: one short test for each way in which a folder can be wrong.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import shutil
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from headviz.checkpoint import open_checkpoint, weights_fingerprint
from headviz.errors import LoadError
from tests.tiny import FAMILIES, LABELS, REFUSED, save_tiny, tiny_model, tiny_texts

CLASSES = {
    "bert": "BertForSequenceClassification",
    "roberta": "RobertaForSequenceClassification",
    "xlm-roberta": "XLMRobertaForSequenceClassification",
    "distilbert": "DistilBertForSequenceClassification",
    "electra": "ElectraForSequenceClassification",
    "albert": "AlbertForSequenceClassification",
}


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("opening") / "bert")


@pytest.fixture
def copy(bert: Path, tmp_path: Path) -> Path:
    """A folder with a good tiny BERT, to be damaged."""
    return Path(shutil.copytree(bert, tmp_path / "model"))


def refusal(folder: Path) -> str:
    """The sentence with which ``folder`` is refused, checked to be one or two plain sentences about the model."""
    with pytest.raises(LoadError) as told:
        open_checkpoint(folder, name="my model")
    text = str(told.value)
    assert "my model" in text or str(folder) in text
    assert text.endswith(".")
    assert "\n" not in text
    assert len(text) < 400
    return text


def configure(folder: Path, **changes: Any) -> Path:
    """Change values of config.json; None removes one."""
    path = folder / "config.json"
    content = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))
    return folder


def rewrite(folder: Path, change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> Path:
    """Change the tensors of the weight file."""
    path = folder / "model.safetensors"
    tensors = {name: tensor.clone() for name, tensor in load_file(path).items()}
    save_file(change(tensors), path, metadata={"format": "pt"})
    return folder


def logits(model: Any, tokenizer: Any) -> torch.Tensor:
    batch = tokenizer(tiny_texts(4), padding=True, truncation=True, max_length=40, return_tensors="pt")
    with torch.no_grad():
        return model(**batch).logits


# What works


@pytest.mark.parametrize("family", FAMILIES)
def test_open_each_family_gives_the_saved_model(family: str, tmp_path: Path) -> None:
    model, tokenizer = tiny_model(family, seed=3)
    opened = open_checkpoint(save_tiny(tmp_path / "m", family, seed=3), name="m")
    assert type(opened.model).__name__ == CLASSES[family]
    assert torch.equal(logits(opened.model, opened.processor), logits(model, tokenizer))
    assert opened.family == family
    assert tuple(opened.config.id2label.values()) == LABELS
    assert opened.fingerprint == weights_fingerprint(tmp_path / "m")
    assert opened.notes == ()
    assert not opened.model.training


@pytest.mark.parametrize("padding_side", ["left", "right"])
def test_open_keeps_the_padding_side(padding_side: str, tmp_path: Path) -> None:
    opened = open_checkpoint(save_tiny(tmp_path, "bert", padding_side=padding_side), name="m")
    assert opened.processor.padding_side == padding_side


@pytest.mark.parametrize("stored", ["float16", "bfloat16", "float64"])
def test_open_another_dtype_computes_in_float32_and_says_so(stored: str, tmp_path: Path) -> None:
    opened = open_checkpoint(save_tiny(tmp_path, "bert", dtype=stored), name="m")
    assert {tensor.dtype for tensor in opened.model.parameters()} == {torch.float32}
    assert logits(opened.model, opened.processor).dtype == torch.float32
    assert opened.notes == (f"Stored as {stored}, computed in float32.",) and opened.stored == (stored,)
    in_file = load_file(tmp_path / "model.safetensors")["classifier.weight"]
    assert torch.equal(opened.model.classifier.weight, in_file.float())


def test_open_in_float64_leaves_the_default_dtype_alone(bert: Path) -> None:
    opened = open_checkpoint(bert, name="m", dtype="float64")
    assert {tensor.dtype for tensor in opened.model.parameters()} == {torch.float64}
    assert torch.get_default_dtype() == torch.float32


def test_open_shards_equals_open_one_file(bert: Path, tmp_path: Path) -> None:
    whole = open_checkpoint(bert, name="m")
    whole.model.save_pretrained(tmp_path, max_shard_size="60KB")
    whole.processor.save_pretrained(tmp_path)
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    parts = open_checkpoint(tmp_path, name="m")
    assert torch.equal(logits(parts.model, parts.processor), logits(whole.model, whole.processor))


def test_open_old_names_of_layer_norms_are_understood(copy: Path, bert: Path) -> None:
    def old(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {
            key.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): tensor
            for key, tensor in tensors.items()
        }

    opened, plain = open_checkpoint(rewrite(copy, old), name="m"), open_checkpoint(bert, name="m")
    assert torch.equal(logits(opened.model, opened.processor), logits(plain.model, plain.processor))


def test_open_weights_that_a_classifier_does_not_use_are_noted(copy: Path) -> None:
    folder = rewrite(copy, lambda tensors: tensors | {"cls.predictions.bias": torch.zeros(3)})
    assert open_checkpoint(folder, name="m").notes == (
        "m also holds weights that a classifier does not use (cls.predictions.bias).",
    )


def test_open_without_id2label_gives_nameless_labels(tmp_path: Path) -> None:
    folder = configure(save_tiny(tmp_path, labels=None), id2label=None, label2id=None, num_labels=2)
    assert open_checkpoint(folder, name="m").config.id2label == {0: "LABEL_0", 1: "LABEL_1"}


def test_open_label2id_that_contradicts_id2label_is_noted(copy: Path) -> None:
    opened = open_checkpoint(configure(copy, label2id={"good": 0, "fine": 1, "bad": 2}), name="m")
    assert opened.config.id2label == dict(enumerate(LABELS))
    assert opened.notes == ("config.json of m contradicts itself about labels; id2label is used, label2id is not.",)


def test_open_two_labels_of_one_name_are_noted(copy: Path) -> None:
    folder = configure(copy, id2label={"0": "bad", "1": "good", "2": "good"}, label2id=None)
    opened = open_checkpoint(folder, name="m")
    assert opened.notes == ("Two labels of m have the same name: good.",)
    assert list(opened.config.id2label.values()) == ["bad", "good", "good"]


def test_open_switches_in_the_config_that_change_outputs_or_attention_have_no_effect(copy: Path, bert: Path) -> None:
    folder = configure(
        copy,
        output_attentions=True,
        output_hidden_states=True,
        return_dict=False,
        attn_implementation="someone/kernel",
        _attn_implementation="eager",
        fusion_config={"patch_embeddings": True},
        transformers_weights="other.safetensors",
    )
    opened, plain = open_checkpoint(folder, name="m"), open_checkpoint(bert, name="m")
    assert torch.equal(logits(opened.model, opened.processor), logits(plain.model, plain.processor))
    assert opened.model.config._attn_implementation == plain.model.config._attn_implementation == "sdpa"
    assert not any(module._forward_hooks for module in opened.model.modules())


def test_open_pickle_beside_safetensors_is_left_alone(copy: Path) -> None:
    (copy / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    assert open_checkpoint(copy, name="m").family == "bert"


def test_open_model_does_not_change_when_its_file_is_overwritten(copy: Path) -> None:
    opened = open_checkpoint(copy, name="m")
    before = opened.model.classifier.weight.clone()
    with (copy / "model.safetensors").open("r+b") as file:
        length = file.seek(0, 2)
        file.seek(length // 2)
        file.write(b"\0" * (length - length // 2))
    assert torch.equal(opened.model.classifier.weight, before)
    assert opened.model.classifier.weight.abs().min() > 0


def test_open_asks_no_network(bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a folder must be enough")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert open_checkpoint(bert, name="m").family == "bert"


def test_open_in_a_relative_folder_works(bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bert.parent)
    assert open_checkpoint(bert.name, name="m").family == "bert"


def test_open_in_threads_at_once_gives_equal_models(bert: Path) -> None:
    opened: list[Any] = []
    threads = [
        threading.Thread(
            target=lambda dtype: opened.append(open_checkpoint(bert, name="m", dtype=dtype)), args=(dtype,)
        )
        for dtype in ("float32", "float64", "float32", "float64")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 4
    told = [logits(one.model, one.processor).double() for one in opened]
    assert all(torch.allclose(one, told[0], atol=1e-5) for one in told)  # float32 against float64
    assert torch.get_default_dtype() == torch.float32


def test_open_minilm_gives_a_float32_model(shared: Path) -> None:
    opened = open_checkpoint(shared / "models" / "minilm-sst5", name="minilm-sst5")
    assert opened.notes == ("Stored as float16, computed in float32.",)
    assert (opened.family, opened.config.num_labels) == ("bert", 5)
    assert sum(tensor.numel() for tensor in opened.model.parameters()) == pytest.approx(22.7e6, rel=0.01)


# Silence


def test_open_prints_nothing(bert: Path, copy: Path, capfd: pytest.CaptureFixture[str]) -> None:
    open_checkpoint(bert, name="m")
    open_checkpoint(rewrite(copy, lambda tensors: tensors | {"cls.predictions.bias": torch.zeros(3)}), name="m")
    refusal(rewrite(copy, lambda tensors: {k: v for k, v in tensors.items() if "pooler" not in k}))
    assert capfd.readouterr() == ("", "")


def test_open_restores_logging_and_bars(bert: Path, tmp_path: Path) -> None:
    library = transformers.utils.logging
    top = logging.getLogger("transformers")

    def state() -> tuple[object, ...]:
        hook = library._tqdm_hook
        return library._tqdm_active, hook, top.level, [list(handler.filters) for handler in top.handlers]

    before = state()
    open_checkpoint(bert, name="m")
    with pytest.raises(LoadError):
        open_checkpoint(tmp_path, name="m")
    assert state() == before


# Folders


def test_refuse_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nowhere") == (
        f"{tmp_path / 'nowhere'} does not exist. Give the folder that holds config.json and model.safetensors."
    )


def test_refuse_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    assert "is a file, not a folder" in refusal(tmp_path / "a.txt")


def test_refuse_an_empty_folder(tmp_path: Path) -> None:
    assert refusal(tmp_path).startswith("The folder my model is empty. Give a folder written by")


def test_refuse_a_folder_without_config(copy: Path) -> None:
    (copy / "config.json").unlink()
    assert refusal(copy).startswith("The folder my model has no config.json.")


@pytest.mark.parametrize("with_config", [True, False])
def test_refuse_an_adapter(with_config: bool, copy: Path) -> None:
    (copy / "adapter_config.json").write_text('{"base_model_name_or_path": "someone/else"}')
    if not with_config:
        (copy / "config.json").unlink()
    assert refusal(copy).startswith("my model holds an adapter (adapter_config.json), not a whole model.")


def test_refuse_pickle_alone(copy: Path) -> None:
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    assert refusal(copy).startswith("my model has its weights only in pytorch_model.bin, a format that can run code")


def test_refuse_a_folder_without_weights(copy: Path) -> None:
    (copy / "model.safetensors").unlink()
    assert refusal(copy).startswith("my model has no model.safetensors; it holds no weights.")


# Weight files


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda content: b"", "it is empty"),
        (lambda content: b"garbage " * 20, "it is not a safetensors file"),
        (lambda content: content[:-1000], "it was cut short"),
        (lambda content: content[:500], "it ends within its header"),
    ],
)
def test_refuse_a_damaged_weight_file(damage: Callable[[bytes], bytes], reason: str, copy: Path) -> None:
    path = copy / "model.safetensors"
    path.write_bytes(damage(path.read_bytes()))
    assert refusal(copy).startswith(f"model.safetensors of my model is damaged: {reason}")


def test_refuse_a_weight_file_without_tensors(copy: Path) -> None:
    assert refusal(rewrite(copy, lambda tensors: {})).startswith("The weight file of my model holds no tensors.")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_refuse_weights_that_are_no_numbers(value: float, copy: Path) -> None:
    def spoil(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        tensors["bert.encoder.layer.1.output.dense.weight"][3, 4] = value
        return tensors

    text = refusal(rewrite(copy, spoil))
    assert "values that are no numbers" in text
    assert "bert.encoder.layer.1.output.dense.weight" in text


def test_open_large_finite_weights_are_taken(copy: Path) -> None:
    folder = rewrite(copy, lambda tensors: tensors | {"classifier.bias": torch.full((3,), 3e38)})
    assert open_checkpoint(folder, name="m").model.classifier.bias[0] == torch.tensor(3e38)


def test_refuse_weights_too_large_for_the_dtype(copy: Path) -> None:
    rewrite(copy, lambda tensors: tensors | {"classifier.bias": torch.full((3,), 1e6)})
    with pytest.raises(LoadError, match=r"too large for float16, in classifier\.bias"):
        open_checkpoint(copy, name="m", dtype="float16")


def test_refuse_quantised_weights(copy: Path) -> None:
    folder = rewrite(copy, lambda tensors: tensors | {"classifier.weight": tensors["classifier.weight"].to(torch.int8)})
    assert refusal(folder).startswith("my model has quantised weights (classifier.weight is I8)")


# Heads and layers


def test_refuse_a_language_model_without_a_classification_head(copy: Path) -> None:
    config = transformers.BertConfig.from_pretrained(copy)
    model = transformers.BertForMaskedLM(config)
    model.save_pretrained(copy)
    assert refusal(copy) == (
        "my model has no classification head (no classifier.weight); it was saved as BertForMaskedLM. "
        "Use a model that was fine-tuned to classify texts."
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_refuse_a_bare_encoder_of_each_family(family: str, tmp_path: Path) -> None:
    model, tokenizer = tiny_model(family)
    getattr(model, model.base_model_prefix).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    text = refusal(tmp_path)
    assert "has no classification head" in text
    assert "was saved as" in text


@pytest.mark.parametrize("family", FAMILIES)
def test_refuse_a_token_classifier_of_each_family(family: str, tmp_path: Path) -> None:
    model, tokenizer = tiny_model(family)
    transformers.AutoModelForTokenClassification.from_config(model.config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    text = refusal(tmp_path)
    assert "has no classification head" in text
    assert "TokenClassification" in text


def test_refuse_missing_weights_in_the_encoder(copy: Path) -> None:
    text = refusal(rewrite(copy, lambda tensors: {k: v for k, v in tensors.items() if "layer.1.attention" not in k}))
    assert text.startswith("my model lacks weights that its config.json asks for (bert.encoder.layer.1.attention.")
    assert "and 9 more" in text


@pytest.mark.parametrize(("told", "held"), [(2, 3), (4, 3), (500, 3)])
def test_refuse_another_number_of_layers(told: int, held: int, copy: Path) -> None:
    assert refusal(configure(copy, num_hidden_layers=told)).startswith(
        f"config.json of my model says {told} layers, but its weights hold {held}."
    )


def test_refuse_foreign_weights_inside_layers(copy: Path) -> None:
    key = "bert.encoder.layer.0.attention.self.gate.weight"
    text = refusal(rewrite(copy, lambda tensors: tensors | {key: torch.zeros(2, 32)}))
    assert f"weights inside its layers that its config.json has no place for ({key})" in text


# config.json


@pytest.mark.parametrize("content", ["", "{", "not json", "[1]", "null", '"text"', "{" * 5_000, "\x00"])
def test_refuse_a_broken_config(content: str, copy: Path) -> None:
    (copy / "config.json").write_text(content)
    assert refusal(copy).startswith("config.json of my model is not ")


def test_open_config_with_a_byte_order_mark(copy: Path) -> None:
    path = copy / "config.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert open_checkpoint(copy, name="m").family == "bert"


@pytest.mark.parametrize("key", ["num_attention_heads", "num_hidden_layers", "hidden_size", "vocab_size"])
@pytest.mark.parametrize("value", [0, -4, "4", 4.0, True, [4]])
def test_refuse_sizes_that_are_no_positive_whole_numbers(key: str, value: object, copy: Path) -> None:
    assert refusal(configure(copy, **{key: value})).startswith(
        f"config.json of my model says {key} = {value!r}; it must be a whole number of at least 1."
    )


def test_refuse_sizes_under_the_names_of_the_family(tmp_path: Path) -> None:
    folder = configure(save_tiny(tmp_path, "distilbert"), n_heads=-4)
    assert refusal(folder).startswith("config.json of my model says n_heads = -4;")


def test_refuse_heads_that_do_not_divide_the_hidden_size(copy: Path) -> None:
    assert refusal(configure(copy, num_attention_heads=5)).startswith(
        "config.json of my model says 5 heads, which cannot share a hidden size of 32."
    )


@pytest.mark.parametrize(
    ("change", "key", "shapes"),
    [
        ({"hidden_size": 64}, "bert.embeddings.word_embeddings.weight", "60 x 32 in the file and 60 x 64 by"),
        ({"vocab_size": 61}, "bert.embeddings.word_embeddings.weight", "60 x 32 in the file and 61 x 32 by"),
        ({"hidden_size": 10**9}, "bert.embeddings.word_embeddings.weight", "60 x 1000000000 by"),
        ({"intermediate_size": 65}, "bert.encoder.layer.0.intermediate.dense.weight", "64 x 32 in the file and 65 x"),
        ({"max_position_embeddings": 512}, "bert.embeddings.position_embeddings.weight", "40 x 32 in the file and 512"),
    ],
)
def test_refuse_a_config_that_contradicts_shapes(change: dict[str, int], key: str, shapes: str, copy: Path) -> None:
    text = refusal(configure(copy, **change))
    assert text.startswith(f"config.json of my model contradicts its weights: {key} is ")
    assert shapes in text


@pytest.mark.parametrize("count", [2, 5])
def test_refuse_another_number_of_labels(count: int, copy: Path) -> None:
    names = {str(i): f"label {i}" for i in range(count)}
    assert refusal(configure(copy, id2label=names, label2id=None)) == (
        f"config.json of my model names {count} labels, but its classifier (classifier.weight) gives 3 numbers. "
        "Correct id2label in config.json."
    )


@pytest.mark.parametrize(
    "names",
    [{"0": "a", "2": "b", "3": "c"}, {"a": "0", "b": "1", "c": "2"}, ["a", "b", "c"], "abc", {"1": "a", "2": "b"}],
)
def test_refuse_labels_that_are_not_numbered_from_0(names: object, copy: Path) -> None:
    assert "does not number its labels (id2label) 0, 1, 2" in refusal(configure(copy, id2label=names))


def test_refuse_num_labels_that_contradicts_id2label(copy: Path) -> None:
    assert "says num_labels = 4 but names 3 labels in id2label" in refusal(configure(copy, num_labels=4))


def test_refuse_an_unknown_model_type(copy: Path) -> None:
    assert refusal(configure(copy, model_type="bert_of_tomorrow")).startswith(
        "my model is of the type 'bert_of_tomorrow', which the installed transformers does not know."
    )


@pytest.mark.parametrize("value", [None, 7, ""])
def test_refuse_no_model_type(value: object, copy: Path) -> None:
    assert "does not say a model_type" in refusal(configure(copy, model_type=value))


@pytest.mark.parametrize("kind", ["vit", "clip", "whisper"])
def test_refuse_a_type_without_text_classifier(kind: str, copy: Path) -> None:
    assert f"is of the type {kind!r}, for which transformers has no text classifier" in refusal(
        configure(copy, model_type=kind)
    )


def test_refuse_auto_map_and_run_none_of_its_code(copy: Path) -> None:
    (copy / "modeling_own.py").write_text("import pathlib\npathlib.Path(__file__).with_name('ran').touch()\n")
    configure(copy, auto_map={"AutoModelForSequenceClassification": "modeling_own.Own"})
    assert refusal(copy).startswith("my model needs code of its own (auto_map in config.json)")
    assert not (copy / "ran").exists()


@pytest.mark.parametrize("family", REFUSED)
def test_refuse_families_outside_the_attention_interface(family: str, tmp_path: Path) -> None:
    assert refusal(save_tiny(tmp_path, family)).startswith(
        f"my model is of the family {family}, whose attention does not go through transformers' AttentionInterface"
    )


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"problem_type": "regression"}, "predicts a number"),
        ({"id2label": {"0": "score"}, "label2id": None}, "predicts a number"),
        ({"problem_type": "multi_label_classification"}, "gives several labels to one text"),
        ({"is_decoder": True}, "generates text with a decoder"),
        ({"model_type": "gpt2"}, "(gpt2) generates text with a decoder"),
        ({"model_type": "bart"}, "(bart) generates text with a decoder"),
        ({"quantization_config": {"quant_method": "bitsandbytes"}}, "has quantised weights"),
        ({"pruned_heads": {"0": [1]}}, "had heads removed by an earlier transformers"),
        ({"hidden_act": 3}, "has a value that a bert model cannot have (hidden_act). Correct it"),
        ({"hidden_act": "no such function"}, "does not describe a model that can be built"),
        ({"num_hidden_layers": 10**7}, "says 10,000,000 layers, which cannot be"),
    ],
)
def test_refuse_other_kinds_of_model(change: dict[str, Any], sentence: str, copy: Path) -> None:
    assert sentence in refusal(configure(copy, **change))


def test_refuse_another_task(bert: Path) -> None:
    with pytest.raises(LoadError, match="no task 'translation'"):
        open_checkpoint(bert, name="m", task="translation")


def test_refuse_an_unknown_device(bert: Path) -> None:
    with pytest.raises(LoadError, match="does not go onto the device 'abacus'; use cpu or auto"):
        open_checkpoint(bert, name="m", device="abacus")


def test_every_cause_is_chained(copy: Path) -> None:
    (copy / "config.json").write_text("{")
    with pytest.raises(LoadError) as told:
        open_checkpoint(copy, name="m")
    assert isinstance(told.value.__cause__, json.JSONDecodeError)


@pytest.mark.slow
def test_opening_loads_no_library_for_other_things(bert: Path) -> None:
    """What slows the first page down: none of these is needed to open a model."""
    import subprocess

    code = (
        "import sys; from headviz.checkpoint import open_checkpoint; open_checkpoint(sys.argv[1], name='m');"
        "print([m for m in ('sklearn', 'pandas', 'captum', 'datasets', 'streamlit', 'altair') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(bert)], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "[]"
    assert done.stderr == ""


# Configurations that are odd but usable, and those that transformers 5 no longer follows


def test_open_without_padding_token_takes_the_tokenizers_and_says_so(tmp_path: Path) -> None:
    plain = open_checkpoint(save_tiny(tmp_path / "plain", "roberta"), name="m")
    folder = save_tiny(tmp_path / "null", "roberta")
    raw = json.loads((folder / "config.json").read_text()) | {"pad_token_id": None}
    (folder / "config.json").write_text(json.dumps(raw))
    opened = open_checkpoint(folder, name="m")
    assert opened.notes == ("config.json of m says no padding token (pad_token_id); its tokenizer's, 1, is used.",)
    assert torch.equal(logits(opened.model, opened.processor), logits(plain.model, plain.processor))


def test_open_config_with_labels_null_gives_nameless_labels(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path, labels=None)
    raw = json.loads((folder / "config.json").read_text()) | {"id2label": None, "label2id": None}
    (folder / "config.json").write_text(json.dumps(raw))
    assert open_checkpoint(folder, name="m").config.id2label == {0: "LABEL_0", 1: "LABEL_1"}


def test_open_config_with_a_chunk_size_that_texts_do_not_divide_by_has_no_effect(copy: Path, bert: Path) -> None:
    opened = open_checkpoint(configure(copy, chunk_size_feed_forward=3), name="m")
    plain = open_checkpoint(bert, name="m")
    assert torch.equal(logits(opened.model, opened.processor), logits(plain.model, plain.processor))


@pytest.mark.parametrize("kind", ["relative_key", "relative_key_query"])
def test_refuse_positions_that_transformers_no_longer_counts(kind: str, copy: Path) -> None:
    told = refusal(configure(copy, position_embedding_type=kind))
    assert told.startswith(f"my model counts positions as {kind!r} (position_embedding_type in config.json)")


def test_refuse_a_token_classifier_by_its_architecture_before_the_size_of_its_head(copy: Path) -> None:
    told = refusal(configure(copy, architectures=["BertForTokenClassification"], id2label={"0": "O", "1": "B"}))
    assert "it was saved as BertForTokenClassification" in told


def test_refuse_a_tokenizer_of_sentencepiece_alone_names_the_package(tmp_path: Path) -> None:
    if importlib.util.find_spec("sentencepiece") is not None:
        pytest.skip("sentencepiece is installed here")
    folder = save_tiny(tmp_path, "xlm-roberta")
    for file in folder.glob("tokenizer*"):
        file.unlink()
    (folder / "sentencepiece.bpe.model").write_bytes(b"\n\x0e\n\x05<unk>\x15\x00\x00\x00\x00\x18\x02")
    assert "without the package sentencepiece: pip install sentencepiece." in refusal(folder)
