"""Adapters: what they are on, that nothing else is trained, and that merging them changes no logit."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import headviz as hv
from headviz.errors import ExportError, RunError
from headviz.recovery.adapters import (
    is_shared,
    merged,
    parameters_of,
    trained_with_adapters,
    units_of,
    with_adapters,
    write_adapter,
)
from tests.recovery.runs import KEPT, pruned
from tests.tiny import tiny_model, tiny_texts

# peft asks models for a name that transformers is about to drop
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")

SETTINGS: dict[str, Any] = {"r": 4, "alpha": 8, "dropout": 0.0, "mlp": False}
GROUPED = ((0, 1), (0, 1, 2), (0, 1, 2, 3))  # of heads that share keys by twos: one group, one and a half, all


@pytest.mark.parametrize("settings", [SETTINGS, SETTINGS | {"r": 300}, SETTINGS | {"mlp": True}])
@pytest.mark.parametrize(("family", "kept"), [("bert", KEPT), ("distilbert", KEPT), ("gpt2", KEPT), ("llama", GROUPED)])
def test_trained_weights_are_counted_before_there_are_any(family: str, kept: Any, settings: dict[str, Any]) -> None:
    subject = pruned(family, kept)
    counted = trained_with_adapters(subject.model, settings)
    adapted = with_adapters(copy.deepcopy(subject.model), settings)
    assert counted == sum(weight.numel() for weight in adapted.parameters() if weight.requires_grad)


def trained_names(model: Any) -> set[str]:
    """The modules that something of is trained, without peft's own names."""
    names = {name for name, weight in model.named_parameters() if weight.requires_grad}
    cut = (name.removeprefix("base_model.model.").split(".lora_")[0].split(".modules_to_save")[0] for name in names)
    return set(cut)


def stirred(model: Any, seed: int = 0) -> Any:
    """``model`` with adapters that add something, and not 0 as at the start."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.copy_(0.3 * torch.randn(weight.shape, generator=generator))
    return model.eval()


def logits(model: Any, subject: hv.Subject) -> Tensor:
    batch = subject.encode([(text,) for text in tiny_texts(8)]).batch(np.arange(8))
    with torch.no_grad():
        return model(**batch.inputs).logits


@pytest.mark.parametrize("mlp", [False, True])
@pytest.mark.parametrize(
    ("family", "kept"),
    [
        *((family, KEPT) for family in ("bert", "roberta", "electra", "distilbert", "gpt2")),
        *((family, GROUPED) for family in ("llama", "mistral", "qwen2", "qwen3")),
        ("albert", ((0, 1, 2, 3), (0, 1, 2, 3))),
    ],
)
def test_merged_model_has_the_logits_of_the_one_with_adapters(
    family: str, kept: tuple[tuple[int, ...], ...], mlp: bool
) -> None:
    subject = pruned(family, kept)
    adapted = stirred(with_adapters(copy.deepcopy(subject.model), {**SETTINGS, "mlp": mlp}))
    whole, before = logits(subject.model, subject), logits(adapted, subject)
    after = merged(adapted)
    assert float((before - whole).abs().max()) > 0.02  # or there would be nothing to merge
    assert float((logits(after, subject) - before).abs().max()) < 1e-5 * max(1.0, float(before.abs().max()))
    assert after.state_dict().keys() == subject.model.state_dict().keys()


def test_adapters_are_on_surviving_projections_and_the_head_and_on_no_dense_layer_beside() -> None:
    model = with_adapters(copy.deepcopy(pruned().model), SETTINGS)
    parts = ("self.query", "self.key", "self.value", "output.dense")
    places = {f"bert.encoder.layer.{layer}.attention.{part}" for layer in (0, 2, 3) for part in parts}
    assert trained_names(model) == places | {"classifier"}


def test_adapters_of_mlps_are_on_layers_without_heads_too() -> None:
    model = with_adapters(copy.deepcopy(pruned().model), {**SETTINGS, "mlp": True})
    names = trained_names(model)
    assert {
        f"bert.encoder.layer.{layer}.{part}.dense" for layer in range(4) for part in ("intermediate", "output")
    } < names
    assert "bert.encoder.layer.1.attention.output.dense" not in names
    assert not any("pooler" in name or "embeddings" in name for name in names)


@pytest.mark.parametrize(
    ("family", "head"),
    [
        ("distilbert", {"pre_classifier", "classifier"}),
        ("roberta", {"classifier"}),
        ("gpt2", {"score"}),
        ("llama", {"score"}),
    ],
)
def test_everything_on_top_is_trained_in_full(family: str, head: set[str]) -> None:
    model = with_adapters(copy.deepcopy(pruned(family, ((0, 1),)).model), SETTINGS)
    on_top = {name for name in trained_names(model) if not any(character.isdigit() for character in name)}
    assert on_top == head


def test_rank_is_never_above_what_is_adapted_and_the_scale_stays() -> None:
    narrow = pruned("bert", ((0,), (0, 1)), heads=8, hidden=32)  # heads of 4
    model: Any = with_adapters(copy.deepcopy(narrow.model), {**SETTINGS, "r": 8, "alpha": 24})
    layers = model.base_model.model.bert.encoder.layer
    for layer, rank in ((0, 4), (1, 8)):
        for module in (layers[layer].attention.self.query, layers[layer].attention.output.dense):
            assert module.lora_A["default"].weight.shape[0] == module.lora_B["default"].weight.shape[1] == rank
            assert module.scaling["default"] == 3


def test_units_are_blocks_that_have_something_to_adapt() -> None:
    model = pruned().model
    assert [(unit.layer, unit.block) for unit in units_of(model)] == [
        (layer, f"bert.encoder.layer.{layer}") for layer in (0, 2, 3)
    ]
    assert [unit.layer for unit in units_of(model, mlp=True)] == [0, 1, 2, 3]
    assert units_of(model)[1].output == "bert.encoder.layer.2.attention.output.dense"


def test_shared_layers_are_one_unit() -> None:
    model, _ = tiny_model("albert")
    assert is_shared(model) and len(units_of(model)) == 1
    assert not is_shared(tiny_model("bert")[0])


def test_weights_of_a_unit_are_those_of_its_block_alone() -> None:
    bert = pruned("bert", ((0,),) * 11)  # layer 1 and layer 10 begin alike
    adapted: Any = with_adapters(copy.deepcopy(bert.model), SETTINGS)
    names = {id(weight): name for name, weight in adapted.named_parameters()}
    found = [{names[id(one)] for one in parameters_of(adapted, unit)} for unit in units_of(bert.model)]
    assert all(len(own) == 8 for own in found) and len(set.union(*found)) == 88
    assert all(f".layer.{number}." in name for number, own in enumerate(found) for name in own)


def test_model_without_heads_is_told() -> None:
    model: Any = copy.deepcopy(pruned("bert", ((), (0,))).model)
    del model.bert.encoder.layer[1]
    model.config.num_hidden_layers = 1
    with pytest.raises(RunError, match="No block has heads left, so there is nothing to adapt"):
        with_adapters(model, SETTINGS)


def test_folder_of_adapters_names_the_model_that_they_belong_to_and_opens(tmp_path: Path) -> None:
    from peft import PeftModel

    subject = pruned()
    adapted = stirred(with_adapters(copy.deepcopy(subject.model), SETTINGS))
    record = {"method": "lora", "model": {"name": "tiny", "fingerprint": subject.fingerprint}}
    write_adapter(adapted, tmp_path / "adapter", record)
    assert {path.name for path in (tmp_path / "adapter").iterdir()} == {
        *("adapter_config.json", "adapter_model.safetensors", "README.md", "run.json")
    }
    assert json.loads((tmp_path / "adapter" / "run.json").read_text("utf-8")) == record
    assert f"fingerprint {subject.fingerprint}" in (tmp_path / "adapter" / "README.md").read_text("utf-8")
    again = PeftModel.from_pretrained(copy.deepcopy(subject.model), str(tmp_path / "adapter")).eval()
    assert torch.equal(logits(again, subject), logits(adapted, subject))


def test_disk_without_room_for_adapters_is_told_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safetensors import SafetensorError

    adapted: Any = with_adapters(copy.deepcopy(pruned("bert", ((0,),)).model), SETTINGS)

    def full(*args: Any, **named: Any) -> None:
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(adapted, "save_pretrained", full)
    with pytest.raises(ExportError, match="No space left on device"):
        write_adapter(adapted, tmp_path / "adapter", {"method": "lora", "model": {}})
    assert not list(tmp_path.iterdir())
