"""Classifiers of images in memory: their logits are those of the model, and what is no image processor is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import headviz as hv
from tests.test_no_trace import state
from tests.tiny import IMAGES, LABELS, tiny_images, tiny_model


@pytest.mark.parametrize("family", IMAGES)
def test_logits_of_a_batch_of_images_are_those_of_one_at_a_time(family: str) -> None:
    model, processor = tiny_model(family)
    before = state(model)
    subject = hv.Subject.wrap(model, processor, name="mine")
    assert (subject.task, subject.labels, subject.heads) == ("image-classification", LABELS, (4, 4, 4))
    images = tiny_images(5)
    encoded = subject.encode([(image,) for image in images])
    assert encoded.truncated == 0 and [len(one) for one in encoded.plan(batch_size=2)] == [2, 2, 1]
    batch = encoded.batch(np.arange(5))
    assert batch.real.shape == (5, 1) and batch.real.all()
    with torch.no_grad():
        alone = torch.cat([model(**processor([image], return_tensors="pt")).logits for image in images])
        torch.testing.assert_close(subject.forward(batch.inputs), alone, rtol=0, atol=1e-5)
    assert state(model) == before


@pytest.mark.parametrize("family", IMAGES)
def test_gate_of_zero_is_a_head_whose_output_columns_are_zero(family: str) -> None:
    model, processor = tiny_model(family)
    subject = hv.Subject.wrap(model, processor, name="mine")
    inputs = subject.encode([(image,) for image in tiny_images(3)]).batch(np.arange(3)).inputs
    keep = np.ones((3, 4), dtype=bool)
    keep[1, 2] = False
    with torch.no_grad():
        masked = subject.forward(inputs, gates=subject.gates(keep))
        assert not torch.allclose(masked, model(**inputs).logits, atol=1e-3)
        model.base_model.layers[1].attention.o_proj.weight[:, 16:24] = 0
        torch.testing.assert_close(masked, model(**inputs).logits, rtol=0, atol=1e-5)


@pytest.mark.parametrize("given", ["https://example.org/cat.png", "cat.png", "a review"])
def test_text_is_refused_and_neither_opened_nor_fetched(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, processor = tiny_model("vit")
    subject = hv.Subject.wrap(model, processor, name="mine")
    monkeypatch.setattr(type(processor), "__call__", lambda *_, **__: pytest.fail("the image processor was asked"))
    with pytest.raises(hv.DataError, match="reads images"):
        subject.encode([(given,)])


def test_what_is_no_image_processor_is_refused() -> None:
    model, _ = tiny_model("vit")
    _, tokenizer = tiny_model("bert")
    with pytest.raises(hv.LoadError, match=r"mine came with BertTokenizer for an image processor\. Give"):
        hv.Subject.wrap(model, tokenizer, name="mine")


def test_image_processor_of_a_text_model_and_an_unknown_task_are_refused() -> None:
    model, tokenizer = tiny_model("bert")
    with pytest.raises(hv.LoadError, match=r"mine came with ViTImageProcessorPil for a tokenizer\. Give"):
        hv.Subject.wrap(model, tiny_model("vit")[1], name="mine")
    with pytest.raises(hv.LoadError, match="regression"):
        hv.Subject.wrap(model, tokenizer, name="mine", task="regression")


def test_onnx_is_for_texts_so_far(tmp_path) -> None:  # type: ignore[no-untyped-def]
    pytest.importorskip("onnxruntime")
    subject = hv.Subject.wrap(*tiny_model("vit"), name="mine")
    with pytest.raises(hv.ExportError, match="mine is for image-classification; headviz exports classifiers of texts"):
        hv.export_onnx(subject, tmp_path / "model.onnx")
