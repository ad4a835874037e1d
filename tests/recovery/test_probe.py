"""The probe: always the same texts with the labels' shares, padding left out, the model as it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import headviz as hv
from headviz.recovery.batching import Texts
from headviz.recovery.probe import Probe
from tests.tiny import tiny_model, tiny_texts

MODULES = ("bert.encoder.layer.0", "bert.encoder.layer.2.attention.output.dense")


@pytest.fixture(scope="module")
def subject() -> hv.Subject:
    return hv.Subject.wrap(*tiny_model("bert"), name="tiny")


def texts(subject: hv.Subject, count: int, share: float = 0.25, **lengths: Any) -> Texts:
    labels = (np.arange(count) < share * count).astype(int)
    return Texts(subject.encode([(text,) for text in tiny_texts(count, **lengths)]), labels)


def probe(subject: hv.Subject, data: Texts, *, count: int = 8, width: int = 1, seed: int = 0) -> Probe:
    return Probe(data, subject.processor, MODULES, texts=count, width=width, seed=seed, device="cpu")


def ids(own: Probe) -> list[list[int]]:
    return sorted(
        row[mask.bool()].tolist()
        for batch in own.batches
        for row, mask in zip(batch["input_ids"], batch["attention_mask"], strict=True)
    )


def test_outputs_are_those_of_each_text_alone_without_padding(subject: hv.Subject) -> None:
    own = probe(subject, texts(subject, 40))
    caught: dict[str, list[torch.Tensor]] = {name: [] for name in MODULES}
    model: Any = subject.model
    handles = [
        model.get_submodule(name).register_forward_hook(
            lambda module, inputs, output, name=name: caught[name].append(
                (output[0] if isinstance(output, tuple) else output)[0]
            )
        )
        for name in MODULES
    ]
    rows = [
        row[mask.bool()] for b in own.batches for row, mask in zip(b["input_ids"], b["attention_mask"], strict=True)
    ]
    with torch.no_grad():
        for row in rows:
            model(input_ids=row[None])
    for handle in handles:
        handle.remove()
    for name, found in zip(MODULES, own.outputs(model), strict=True):
        alone = torch.cat([one.reshape(-1, 32) for one in caught[name]]).numpy()
        assert found.shape == (own.tokens, 32) and found.dtype == np.float32
        np.testing.assert_allclose(found, alone, atol=1e-5)


def test_probe_is_the_same_for_a_seed_and_another_for_another(subject: hv.Subject) -> None:
    data = texts(subject, 200)
    assert ids(probe(subject, data)) == ids(probe(subject, data))
    assert ids(probe(subject, data)) != ids(probe(subject, data, seed=1))


@pytest.mark.parametrize("seed", range(5))
def test_labels_have_their_own_shares(seed: int, subject: hv.Subject) -> None:
    own = probe(subject, texts(subject, 400, share=0.25), count=64, seed=seed)
    labels = np.concatenate([batch["labels"].numpy() for batch in own.batches])
    assert len(labels) == own.texts == 64 and abs(int(labels.sum()) - 16) <= 1


def test_more_texts_are_taken_where_they_hold_too_few_tokens_for_the_width(subject: hv.Subject) -> None:
    data = texts(subject, 400, shortest=1, longest=3)  # 3 to 5 tokens
    few, many = probe(subject, data, count=8, width=1), probe(subject, data, count=8, width=100)
    assert few.texts == 8 and many.tokens >= 400 > many.tokens - 5 and not many.notes


def test_long_texts_are_among_the_tokens_that_are_kept_and_none_is_read_for_nothing(subject: hv.Subject) -> None:
    inputs = [(text,) for text in [*tiny_texts(200, shortest=1, longest=1), *tiny_texts(200, shortest=38, longest=38)]]
    data = Texts(subject.encode(inputs), np.repeat([0, 1], 200))
    assert set(data.lengths) == {3, 40}
    own = probe(subject, data, count=400)
    # a short and a long text hold 43 tokens together, so some 95 texts are the first to hold 2,048
    assert own.tokens == 2048 and 93 < own.texts < 98
    labels = np.concatenate([batch["labels"].numpy() for batch in own.batches])
    assert len(labels) == own.texts and abs(int(labels.sum()) - own.texts / 2) <= 1


def test_no_more_than_2048_tokens_are_kept(subject: hv.Subject) -> None:
    own = probe(subject, texts(subject, 200, shortest=20, longest=30), count=200)
    assert own.tokens == 2048 and own.outputs(subject.model)[0].shape == (2048, 32)


def test_width_that_all_texts_are_too_few_for_is_noted(subject: hv.Subject) -> None:
    data = texts(subject, 10)
    own = probe(subject, data, width=384)
    assert own.texts == 10 and own.tokens == sum(data.lengths)
    assert own.notes == [
        f"Importance was measured on {own.tokens:,} tokens, fewer than 4 for each of the 384 features, so CKA was "
        "debiased."
    ]


@pytest.mark.parametrize("training", [True, False])
def test_looking_draws_no_random_number_keeps_the_mode_and_no_hook(training: bool, subject: hv.Subject) -> None:
    own = probe(subject, texts(subject, 20))
    model = tiny_model("bert")[0].train(training)
    luck = torch.get_rng_state()
    first, second = own.outputs(model), own.outputs(model)
    assert torch.equal(luck, torch.get_rng_state()) and model.training == training
    assert all(np.array_equal(*pair) for pair in zip(first, second, strict=True))
    assert not any(module._forward_hooks for module in model.modules())
