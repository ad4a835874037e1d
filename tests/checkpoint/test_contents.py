"""Folders that hold something other than a model in safetensors: the sentence says what is there and what helps."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from headviz.checkpoint import open_checkpoint
from headviz.checkpoint.contents import instead_of_weights, models_below
from headviz.errors import LoadError
from tests.tiny import save_tiny


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("contents") / "bert")


@pytest.fixture
def copy(bert: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(bert, tmp_path / "model"))


def refusal(folder: Path) -> str:
    with pytest.raises(LoadError) as told:
        open_checkpoint(folder, name="my model")
    return str(told.value)


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("model.onnx", "model.onnx, an ONNX file"),
        ("onnx/model_quantized.onnx", "onnx/model_quantized.onnx, an ONNX file"),
        ("openvino_model.xml", "an OpenVINO file"),
        ("model-q4.gguf", "a GGUF file"),
        ("model.keras", "a Keras file"),
        ("rust_model.ot", "rust_model.ot, a file for Rust"),
        ("model.tflite", "a TensorFlow Lite file"),
        ("model.mlpackage", "a Core ML file"),
        ("model_state.pdparams", "a PaddlePaddle file"),
        ("tf_model.h5", "with transformers 4: from_pretrained(folder, from_tf=True)"),
        ("flax_model.msgpack", "with transformers 4: from_pretrained(folder, from_flax=True)"),
        ("bert_model.ckpt.index", "with transformers 4"),
        ("pytorch_model_fsdp_0/__0_0.distcp", "accelerate merge-weights"),
        ("model-00001-of-00003.safetensors", "without model.safetensors.index.json"),
        ("adapter_model.safetensors", "merge_and_unload"),
        ("zero_to_fp32.py", "zero_to_fp32.py that lies beside them"),
        ("pytorch_model.bin", "load and save the model once with transformers' save_pretrained"),
        ("sub/pytorch_model.bin", "its weights seem to be in sub"),
        ("model.fp16.safetensors", "name the file model.safetensors"),
    ],
)
def test_folder_with_other_weights_is_told_what_they_are(file: str, words: str, copy: Path) -> None:
    (copy / "model.safetensors").unlink()
    (copy / file).parent.mkdir(exist_ok=True)
    (copy / file).write_bytes(b"x" * 64)
    told = refusal(copy)
    assert words in told
    assert "holds no weights" not in told


@pytest.mark.parametrize("file", ["optimizer.pt", "scheduler.pt", "rng_state_0.pth", "training_args.bin"])
def test_files_of_a_training_are_no_weights(file: str) -> None:
    assert "it holds no weights" in instead_of_weights([file], single="model.safetensors")


@pytest.mark.parametrize("below", ["checkpoint-500", "0_Transformer", "snapshots/abc"])
def test_model_one_or_two_levels_below_is_named(below: str, bert: Path, tmp_path: Path) -> None:
    shutil.copytree(bert, tmp_path / "run" / below)
    assert refusal(tmp_path / "run").endswith(f"Give that folder, run/{below}.")


def test_models_below_stand_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in (1000, 500, 50):
        (tmp_path / f"checkpoint-{number}").mkdir()
        (tmp_path / f"checkpoint-{number}" / "config.json").write_text("{}")
    assert models_below(tmp_path) == ["checkpoint-50", "checkpoint-500", "checkpoint-1000"]


def test_model_one_level_above_is_named(copy: Path) -> None:
    (copy / "onnx").mkdir()
    (copy / "onnx" / "model.onnx").write_bytes(b"x")
    assert "the folder above it, model, has one" in refusal(copy / "onnx")


def test_checkpoint_without_a_tokenizer_is_told_that_the_run_has_one(copy: Path, bert: Path) -> None:
    inner = Path(shutil.copytree(bert, copy / "checkpoint-500"))
    for file in inner.glob("tokenizer*"):
        file.unlink()
    assert "copy it from the folder above, model" in refusal(inner)


@pytest.mark.parametrize("file", ["config.json", "model.safetensors", "tokenizer.json"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 4379\n", "Git LFS pointer"),
        (b"\n <!DOCTYPE html><html>not here</html>", "a web page, not the file itself"),
        (b"/annex/objects/MD5E-s43--ab", "a git-annex pointer"),
    ],
)
def test_file_that_stands_for_another_is_named_for_what_it_is(
    file: str, content: bytes, words: str, copy: Path
) -> None:
    (copy / file).write_bytes(content)
    told = refusal(copy)
    assert told.startswith(f"{file} of my model is ")
    assert words in told


@pytest.mark.parametrize(
    ("start", "words"),
    [(b"PK\x03\x04", "torch.save"), (b"\x80\x02}q", "a pickle"), (b"GGUF\x03", "a GGUF file"), (b"\x89HDF", "Keras")],
)
def test_weights_of_another_format_under_the_name_of_safetensors_are_named(
    start: bytes, words: str, copy: Path
) -> None:
    (copy / "model.safetensors").write_bytes(start + bytes(100))
    assert words in refusal(copy)
