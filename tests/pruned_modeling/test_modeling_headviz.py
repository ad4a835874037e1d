"""The file that folders of pruned models carry: it stands alone, and its classes have the sizes of the kept heads."""

from __future__ import annotations

import ast
import re
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from headviz.families import family_of
from headviz.families.family import INPUTS
from headviz.pruned_modeling import PREFIX, model_classes, modeling_headviz
from tests.tiny import CUTTABLE, GROUPED, IMAGE_SIZE, IMAGES, tiny_model


def test_file_imports_torch_and_transformers_alone() -> None:
    tree = ast.parse(Path(modeling_headviz.__file__).read_text("utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            found.add(node.module)
    assert {str(name).split(".")[0] for name in found} == {"collections", "typing", "torch", "transformers"}


@pytest.mark.parametrize("family", CUTTABLE)
def test_class_of_a_family_has_the_heads_that_are_kept(family: str) -> None:
    whole, _ = tiny_model(family)
    model_class = model_classes()[family]
    kept = [[1, 3]] * 3 if family == "albert" else [[0, 2, 3], [], [1]]
    values = {key: value for key, value in whole.config.to_dict().items() if key != "model_type"} | {"kept_heads": kept}
    heads, keys = ([len(row) for row in kept],) * 2
    if family in GROUPED:  # two keys, of which layer 0 has the second one twice, and layer 2 one with a zeroed head
        values |= {"zeroed_heads": [[], [], [0]], "key_value_heads": [[0, 1, 1], [], [0]]}
        heads, keys = [3, 0, 2], [3, 0, 1]
    config = model_class.config_class.from_dict(values)
    assert config.model_type == f"{PREFIX}{family}"
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # torch warns of weights without elements where it draws them
        model: Any = model_class(config)
    uses = family_of(model).uses(model)
    assert [use.heads for use in uses] == heads and [use.kv_heads for use in uses] == keys
    for use in uses:
        assert use.head_size == 8
        for part, count in zip(INPUTS, (use.heads, use.kv_heads, use.kv_heads), strict=True):
            bias = use.bias(part)
            assert tuple(use.weight(part).shape) == (8 * count, 32)
            assert bias is None or tuple(bias.shape) == (8 * count,)
        bias = use.bias("output")
        assert tuple(use.weight("output").shape) == (32, 8 * use.heads) and (bias is None or tuple(bias.shape) == (32,))
        for module in (use.query, use.key, use.value, use.output):
            sizes = (module.nx, module.nf) if use.transposed else (module.out_features, module.in_features)
            assert tuple(module.weight.shape) == sizes
    with torch.no_grad():
        given = {"input_ids": torch.tensor([[5, 6, 7]])}
        if family in IMAGES:
            given = {"pixel_values": torch.zeros(1, 3, IMAGE_SIZE, IMAGE_SIZE)}
        assert model.eval()(**given).logits.shape == (1, 3)


@pytest.mark.parametrize("family", CUTTABLE)
def test_class_without_kept_heads_is_the_whole_model(family: str) -> None:
    whole, _ = tiny_model(family)
    model_class = model_classes()[family]
    values = {key: value for key, value in whole.config.to_dict().items() if key != "model_type"}
    model = model_class(model_class.config_class.from_dict(values))
    assert {name: tensor.shape for name, tensor in model.state_dict().items()} == {
        name: tensor.shape for name, tensor in whole.state_dict().items()
    }


@pytest.mark.parametrize("family", IMAGES)
def test_heads_of_images_have_the_size_that_the_configuration_names(family: str) -> None:
    """transformers reads head_dim there, so a head need not be the width over the number of heads."""
    whole, _ = tiny_model(family, head_dim=16)
    model_class = model_classes()[family]
    values = {key: value for key, value in whole.config.to_dict().items() if key != "model_type"}
    model = model_class(model_class.config_class.from_dict(values | {"kept_heads": [[0, 2, 3], [], [1]]}))
    assert [(use.heads, use.head_size) for use in family_of(model).uses(model)] == [(3, 16), (0, 16), (1, 16)]


@pytest.mark.parametrize("version", ["4.57.3", "4.40.0.dev0"])
def test_encoder_refuses_an_older_transformers_with_a_sentence(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its forward pass would split the projections by the number of heads that the whole model had."""
    monkeypatch.setattr(modeling_headviz, "__version__", version)
    model_class = model_classes()["bert"]
    with pytest.raises(ImportError, match=rf"needs transformers 5 or later, and {re.escape(version)} is installed"):
        model_class(model_class.config_class(num_hidden_layers=1, kept_heads=[[0]]))


@pytest.mark.parametrize("family", IMAGES)
def test_images_on_a_transformers_that_lays_them_out_otherwise_get_a_sentence(
    family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model_class = model_classes()[family]
    monkeypatch.setattr(model_class, "base_model", torch.nn.Identity())
    with pytest.raises(ImportError, match=r"pruned model of images needs transformers 5\.9 or later"):
        model_class(model_class.config_class(num_hidden_layers=1, kept_heads=[[0]]))


def test_class_with_kept_heads_of_too_few_layers_is_refused() -> None:
    whole, _ = tiny_model("bert")
    model_class = model_classes()["bert"]
    values = {key: value for key, value in whole.config.to_dict().items() if key != "model_type"}
    with pytest.raises(ValueError, match="zip"):
        model_class(model_class.config_class.from_dict({**values, "kept_heads": [[0], [1]]}))
