"""The file that folders of pruned models carry: it stands alone, and its classes have the sizes of the kept heads."""

from __future__ import annotations

import ast
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


def test_class_with_kept_heads_of_too_few_layers_is_refused() -> None:
    whole, _ = tiny_model("bert")
    model_class = model_classes()["bert"]
    values = {key: value for key, value in whole.config.to_dict().items() if key != "model_type"}
    with pytest.raises(ValueError, match="zip"):
        model_class(model_class.config_class.from_dict({**values, "kept_heads": [[0], [1]]}))
