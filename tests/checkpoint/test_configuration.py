"""What can be told from a configuration alone. (Refusals of whole folders: test_opening.)"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import transformers

from headviz.checkpoint import check_config, max_length
from headviz.checkpoint.configuration import OUTSIDE_INTERFACE
from headviz.errors import LoadError
from tests.tiny import FAMILIES, tiny_model

NO_LIMIT = int(1e30)


def tokenizer(limit: Any) -> Any:
    return SimpleNamespace(model_max_length=limit)


@pytest.mark.parametrize("family", FAMILIES)
def test_max_length_is_the_longest_input_that_the_model_takes(family: str) -> None:
    model, processor = tiny_model(family)
    processor.model_max_length = NO_LIMIT
    limit = max_length(model.config, processor)
    batch = processor(["good " * 100], truncation=True, max_length=limit, return_tensors="pt")
    assert batch["input_ids"].shape == (1, 40)
    model(**batch)
    longer = processor(["good " * 100], truncation=True, max_length=limit + 1, return_tensors="pt")
    with pytest.raises((IndexError, RuntimeError)):
        model(**longer)


@pytest.mark.parametrize(
    ("config", "limit", "expected"),
    [
        (transformers.BertConfig(), NO_LIMIT, 512),
        (transformers.BertConfig(), 128, 128),
        (transformers.BertConfig(), 10_000, 512),
        (transformers.BertConfig(), None, 512),
        (transformers.BertConfig(), 1e30, 512),
        (transformers.BertConfig(), 0, 512),
        (transformers.RobertaConfig(max_position_embeddings=514), 512, 512),
        (transformers.RobertaConfig(max_position_embeddings=514), NO_LIMIT, 512),
        (transformers.XLMRobertaConfig(max_position_embeddings=514, pad_token_id=1), NO_LIMIT, 512),
        (transformers.DistilBertConfig(), NO_LIMIT, 512),
        (SimpleNamespace(model_type="other"), 300, 300),
        (SimpleNamespace(model_type="other"), NO_LIMIT, 512),
    ],
)
def test_max_length_is_the_lesser_of_tokenizer_and_positions(config: Any, limit: Any, expected: int) -> None:
    assert max_length(config, tokenizer(limit)) == expected


@pytest.mark.parametrize("kind", sorted(OUTSIDE_INTERFACE))
def test_outside_interface_names_families_whose_code_never_asks_for_a_function(kind: str) -> None:
    """Seen in transformers 5.23; a family that comes to use the interface leaves the list."""
    folder = Path(transformers.__file__).parent / "models" / kind.replace("-", "_")
    code = "".join(path.read_text("utf-8") for path in folder.glob("modeling_*.py"))
    assert "class" in code
    assert "ALL_ATTENTION_FUNCTIONS" not in code


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (transformers.BertConfig(num_labels=1), "m predicts a number"),
        (transformers.BertConfig(problem_type="multi_label_classification"), "m gives several labels to one text"),
        (transformers.BertConfig(is_decoder=True), r"m \(bert\) generates text with a decoder"),
        (transformers.LlamaConfig(), r"m \(llama\) generates text with a decoder"),
        (transformers.BertConfig(num_attention_heads=7), "7 heads, which cannot share a hidden size of 768"),
    ],
)
def test_check_config_refuses_a_configuration_in_memory(config: Any, sentence: str) -> None:
    with pytest.raises(LoadError, match=sentence):
        check_config(config, "m")


@pytest.mark.parametrize("family", FAMILIES)
def test_check_config_takes_each_family(family: str) -> None:
    check_config(tiny_model(family)[0].config, "m")
