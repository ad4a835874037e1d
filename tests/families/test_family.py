"""The tables of names, checked against what transformers really calls (seen with transformers 5.23)."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
import torch
import transformers
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from headviz.errors import LoadError
from headviz.families import families, family_of
from headviz.families.family import INPUTS, Input
from tests.tiny import CUTTABLE

SMALL = {"hidden_size": 16, "num_attention_heads": 4, "num_hidden_layers": 3, "intermediate_size": 8, "vocab_size": 20}
CONFIGS: dict[str, Any] = {
    "llama": transformers.LlamaConfig(**SMALL, num_key_value_heads=2, pad_token_id=0),
    "qwen3": transformers.Qwen3Config(**SMALL, num_key_value_heads=1, head_dim=4, pad_token_id=0),
    "vit": transformers.ViTConfig(
        **{key: one for key, one in SMALL.items() if key != "vocab_size"}, image_size=4, patch_size=2
    ),
    "gpt2": transformers.GPT2Config(n_embd=16, n_head=4, n_layer=3, n_inner=8, vocab_size=20, pad_token_id=0),
    "bert": transformers.BertConfig(**SMALL),
    "roberta": transformers.RobertaConfig(**SMALL),
    "xlm-roberta": transformers.XLMRobertaConfig(**SMALL),
    "electra": transformers.ElectraConfig(**SMALL, embedding_size=8),
    "distilbert": transformers.DistilBertConfig(dim=16, n_heads=4, n_layers=3, hidden_dim=8, vocab_size=20),
    "albert": transformers.AlbertConfig(**SMALL, embedding_size=8),
    "albert-grouped": transformers.AlbertConfig(
        **SMALL | {"num_hidden_layers": 5}, embedding_size=8, num_hidden_groups=2, inner_group_num=2
    ),
}


@pytest.fixture(params=CONFIGS)
def model(request: pytest.FixtureRequest) -> transformers.PreTrainedModel:
    torch.manual_seed(0)
    auto = "AutoModelForImageClassification" if request.param == "vit" else "AutoModelForSequenceClassification"
    return getattr(transformers, auto).from_config(CONFIGS[request.param]).eval()


class Seen(NamedTuple):
    """One call of attention: who called, and what with; tensors of shape (1, heads, tokens, size)."""

    module: torch.nn.Module
    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor
    out: torch.Tensor


def calls_of(model: transformers.PreTrainedModel) -> list[Seen]:
    seen = []

    def spy(module, query, key, value, attention_mask, **kwargs):  # type: ignore[no-untyped-def]
        out, weights = sdpa_attention_forward(module, query, key, value, attention_mask, **kwargs)
        seen.append(Seen(module, query, key, value, out.transpose(1, 2)))
        return out, weights

    AttentionInterface.register("family_spy", spy)
    AttentionMaskInterface.register("family_spy", sdpa_mask)
    model.set_attn_implementation("family_spy")
    with torch.no_grad():
        if model.main_input_name == "pixel_values":
            model(pixel_values=torch.linspace(-1, 1, 48).reshape(1, 3, 4, 4))
        else:
            model(input_ids=torch.tensor([[3, 4, 5]]))
    return seen


def test_uses_of_every_family_are_the_calls_in_order(model: transformers.PreTrainedModel) -> None:
    uses, calls = family_of(model).uses(model), calls_of(model)
    assert [model.get_submodule(use.name) for use in uses] == [call.module for call in calls]
    assert [(use.heads, use.head_size) for use in uses] == [tuple(call.query.shape)[1::2] for call in calls]
    assert [use.kv_heads for use in uses] == [call.key.shape[1] for call in calls]


def test_columns_of_the_output_projection_are_fed_by_that_head_alone(
    model: transformers.PreTrainedModel,
) -> None:
    for use in family_of(model).uses(model):
        fed: list[torch.Tensor] = []
        handle = use.output.register_forward_pre_hook(lambda _, args, fed=fed: fed.append(args[0]))
        calls = calls_of(model)
        handle.remove()
        outputs = [call.out for call in calls if call.module is model.get_submodule(use.name)]
        assert len(fed) == len(outputs) > 0
        for given, out in zip(fed, outputs, strict=True):
            for head in range(use.heads):
                torch.testing.assert_close(given[..., use.columns(head)], out[:, head], rtol=0, atol=0)


@pytest.mark.parametrize("part", INPUTS)
def test_rows_of_a_projection_when_zeroed_empty_that_head_of_that_part_alone(
    model: transformers.PreTrainedModel, part: Input
) -> None:
    before = calls_of(model)[0]
    use = family_of(model).uses(model)[0]
    with torch.no_grad():
        rows = use.columns(1) if part == "query" else use.key_rows(1)
        use.weight(part)[rows] = 0
        if (bias := use.bias(part)) is not None:
            bias[rows] = 0
    after = calls_of(model)[0]
    for name in ("query", "key", "value"):
        expected = getattr(before, name).clone()
        if name == part:
            expected[:, 1 if name == "query" else 1 // use.group] = 0
        torch.testing.assert_close(getattr(after, name), expected, rtol=0, atol=0)


def test_uses_of_a_model_without_a_head_have_no_prefix() -> None:
    model = transformers.AutoModel.from_config(CONFIGS["bert"])
    assert family_of(model).uses(model)[0].name == "encoder.layer.0.attention.self"


def test_albert_uses_share_modules_per_group() -> None:
    model = transformers.AutoModel.from_config(CONFIGS["albert-grouped"])
    names = [use.name.removeprefix("encoder.albert_layer_groups.") for use in family_of(model).uses(model)]
    # 5 layers in 2 groups of 2 blocks: layers 0, 1, 2 take group 0 (i / 2.5 rounded down), 3 and 4 take group 1.
    first, second = ([f"{g}.albert_layers.{b}.attention" for b in (0, 1)] for g in (0, 1))
    assert names == 3 * first + 2 * second


def test_family_of_unknown_model_type_names_the_known_ones() -> None:
    with pytest.raises(LoadError, match=r"'deberta-v2'.*albert, bert, distilbert"):
        family_of(SimpleNamespace(config=SimpleNamespace(model_type="deberta-v2")))  # type: ignore[arg-type]


def test_uses_of_a_model_with_other_modules_names_what_is_missing() -> None:
    model = transformers.AutoModel.from_config(CONFIGS["distilbert"])
    with pytest.raises(LoadError, match=r"'bert'.*'encoder.layer.0.attention.self'"):
        families["bert"].uses(model)


def test_every_family_of_the_package_is_registered_by_importing_it() -> None:
    """A new file that nobody lists in the package would never be found."""
    code = (
        "import headviz.families as package, importlib, pkgutil; before = list(package.families);"
        "[importlib.import_module(f'headviz.families.{m.name}') for m in pkgutil.iter_modules(package.__path__)];"
        "print(sorted(before), sorted(set(package.families) - set(before)))"
    )
    known = sorted(CUTTABLE)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert run.stdout == f"{known} []\n"
