"""Names of weights that a wrapper, an adapter or a parametrisation has changed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from headviz.checkpoint import open_checkpoint
from headviz.checkpoint.names import kept_otherwise, left_out, without_wrappers
from headviz.errors import LoadError
from tests.tiny import save_tiny

EXPECTED = ("bert.encoder.query.weight", "bert.encoder.query.bias", "classifier.weight")


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "model.", "module._orig_mod.", "net.encoder_model."])
def test_prefix_before_all_names_is_taken_away(prefix: str) -> None:
    renamed = without_wrappers([prefix + name for name in EXPECTED], EXPECTED)
    assert tuple(renamed.values()) == EXPECTED
    assert left_out(renamed) == prefix


def test_prefix_before_most_names_leaves_the_others_alone() -> None:
    renamed = without_wrappers([*(f"model.{name}" for name in EXPECTED), "loss.weight"], EXPECTED)
    assert (*renamed.values(),) == (*EXPECTED, "loss.weight")


def test_wrapper_around_a_part_is_taken_away() -> None:
    renamed = without_wrappers(["bert._orig_mod.encoder.query.weight", "classifier.weight"], EXPECTED)
    assert tuple(renamed.values()) == ("bert.encoder.query.weight", "classifier.weight")
    assert left_out(renamed) == "_orig_mod."


def test_names_that_fit_stay_as_they_are() -> None:
    names = (*EXPECTED, "module.more")
    assert tuple(without_wrappers(names, EXPECTED).values()) == names
    assert left_out(without_wrappers(names, EXPECTED)) is None


@pytest.mark.parametrize("family", ["bert", "distilbert", "albert"])
def test_open_weights_of_a_wrapped_model_gives_the_logits_of_the_plain_one(family: str, tmp_path: Path) -> None:
    plain = open_checkpoint(save_tiny(tmp_path / "plain", family), name="m")
    folder = save_tiny(tmp_path / "wrapped", family)
    weights = load_file(folder / "model.safetensors")
    save_file({f"module.{name}": tensor for name, tensor in weights.items()}, folder / "model.safetensors")
    opened = open_checkpoint(folder, name="m")
    assert any("'module.'" in note for note in opened.notes)
    batch = plain.processor(["a good film"], return_tensors="pt")
    with torch.no_grad():
        assert torch.equal(opened.model(**batch).logits, plain.model(**batch).logits)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["a.query.lora_A.default.weight"], "merge_and_unload"),
        (["a.query.base_layer.weight"], "merge_and_unload"),
        (["a.query.parametrizations.weight.original0"], "remove_parametrizations"),
        (["a.query.weight_g", "a.query.weight_v"], "remove_weight_norm"),
        (["a.query.weight_orig", "a.query.weight_mask"], "prune.remove"),
        (["a.query.qweight", "a.query.qzeros"], "full precision"),
        (["a.query.weight", "a.query.weight.SCB"], "full precision"),
    ],
)
def test_weights_that_are_not_what_the_model_computes_with_are_told(names: list[str], words: str) -> None:
    told = kept_otherwise(["embeddings.weight", *names])
    assert told is not None
    assert words in told
    assert names[0] in told or names[-1] in told


@pytest.mark.parametrize("name", ["a.attention_mask", "a.query.weight", "embeddings.position_ids", "masked_bias"])
def test_plain_names_tell_nothing(name: str) -> None:
    assert kept_otherwise([name]) is None


def test_open_a_folder_with_an_adapter_beside_the_weights_is_refused(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    weights["bert.encoder.layer.0.attention.self.query.lora_A.weight"] = torch.zeros(2, 32)
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(LoadError, match="m has an adapter that is not merged into its weights"):
        open_checkpoint(folder, name="m")
