"""What a folder, or a repository of the hub, holds where a model in safetensors was looked for: other weights, a model
one level below. Only names are looked at."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
_NO_WEIGHTS = ("training_args.bin", "optimizer.pt", "scheduler.pt", "optimizer.bin", "scheduler.bin")
_RANDOM_STATE = re.compile(r"rng_state(_\d+)?\.pth")
_FROM_4 = (
    "which transformers 5 no longer reads. Turn it into safetensors with transformers 4: from_pretrained(folder, "
    "{flag}=True), then save_pretrained"
)
_ORIGINAL = "which headviz cannot open. Use the model that it was made from, with its weights in safetensors"
# How a file's name ends -> what it is, and what to do about it.
_KINDS = (
    (("tf_model.h5", ".h5"), "a TensorFlow file", _FROM_4.format(flag="from_tf")),
    (("flax_model.msgpack", ".msgpack"), "a Flax file", _FROM_4.format(flag="from_flax")),
    ((".ckpt.index", ".ckpt.meta"), "a TensorFlow checkpoint", _FROM_4.format(flag="from_tf")),
    (("saved_model.pb", ".pb"), "a TensorFlow file", _ORIGINAL),
    ((".onnx", ".ort"), "an ONNX file", _ORIGINAL),
    (("openvino_model.xml",), "an OpenVINO file", _ORIGINAL),
    ((".gguf", ".ggml"), "a GGUF file, quantised for llama.cpp", _ORIGINAL),
    ((".keras",), "a Keras file", _ORIGINAL),
    ((".ot",), "a file for Rust", _ORIGINAL),
    ((".tflite",), "a TensorFlow Lite file", _ORIGINAL),
    ((".mlmodel", ".mlpackage", "coremldata.bin"), "a Core ML file", _ORIGINAL),
    ((".pdparams",), "a PaddlePaddle file", _ORIGINAL),
    ((".params",), "an MXNet file", _ORIGINAL),
    ((".pte",), "an ExecuTorch file", _ORIGINAL),
    ((".engine", ".plan"), "a TensorRT file", _ORIGINAL),
    ((".npz", ".npy"), "a NumPy file", _ORIGINAL),
    ((".nemo",), "a NeMo file", _ORIGINAL),
    (
        (".distcp",),
        "a part of a distributed checkpoint of torch",
        "which no single file holds. Put it together with accelerate merge-weights, which writes safetensors",
    ),
)
_OPENVINO = re.compile(r"openvino.*\.(xml|bin)$")
_SHARD = re.compile(r"model-\d+-of-\d+\.safetensors")
_MOST_ENTRIES = 1_000  # of one folder that are looked at


def names_in(folder: Path) -> list[str]:
    """The files of ``folder`` and of the folders in it, as names relative to it, the nearer ones first."""
    nearer, farther = [], []
    for entry in _entries(folder):
        if entry.is_dir() and not entry.name.startswith("."):
            farther += [f"{entry.name}/{below.name}" for below in _entries(entry)]
        nearer.append(entry.name)
    return nearer + farther


def instead_of_weights(names: Iterable[str], *, single: str) -> str:
    """What stands in place of the file ``single`` among the files ``names``, and what to do: the rest of a sentence
    that begins with the model's name, and perhaps one more."""
    files = list(names)
    found = {name: kind for name in files if (kind := _kind(name))}
    if any(PurePosixPath(name).name == "zero_to_fp32.py" for name in files):
        return (
            "has its weights only as a DeepSpeed checkpoint. Put them together with the zero_to_fp32.py that lies "
            "beside them and its option --safe_serialization"
        )
    pickles = [name for name in files if name not in found and _is_pickle(name)]
    near = [name for name in pickles if "/" not in name]
    if near:
        return (
            f"has its weights only in {near[0]}, a format that can run code when it is opened. headviz reads "
            "safetensors: load and save the model once with transformers' save_pretrained where you trust it"
        )
    others = [name for name in files if name.endswith(".safetensors")]
    here = [name for name in others if "/" not in name]
    if any(_SHARD.fullmatch(name) for name in here):
        return f"has its weights in parts ({here[0]}, ...) without {single}.index.json, which lists them. Get that too"
    if "adapter_model.safetensors" in here:
        return (
            "holds an adapter (adapter_model.safetensors), not a whole model. Merge it into its base model (peft's "
            "merge_and_unload), save that and open the result"
        )
    if here:
        return (
            f"has no {single}; found only {', '.join(here[:3])}. If these are the weights, name the file {single}, or "
            "give a folder written by transformers' save_pretrained"
        )
    if found:
        name = next((name for name in found if "/" not in name), next(iter(found)))
        what, remedy = found[name]
        return f"has its weights only in {name}, {what}, {remedy}"
    if others or pickles:
        place = PurePosixPath((others or pickles)[0])
        return f"has no {single}; its weights seem to be in {place.parent}. Give that folder, with its config.json"
    return f"has no {single}; it holds no weights. Give a folder written by transformers' save_pretrained"


def models_below(folder: Path) -> list[str]:
    """Folders one or two levels below that hold a config.json, or else an adapter, as names relative to ``folder``: by
    their numbers, where they have some (checkpoint-500, checkpoint-1000)."""
    inner = [entry for entry in _entries(folder) if entry.is_dir()]
    for depth in (inner, [below for entry in inner for below in _entries(entry) if below.is_dir()]):
        for file in ("config.json", "adapter_config.json"):
            if found := [one.relative_to(folder).as_posix() for one in depth if (one / file).is_file()]:
                return sorted(found, key=_by_number)
    return []


def _kind(name: str) -> tuple[str, str] | None:
    file = PurePosixPath(name).name.lower()
    if _OPENVINO.search(file):
        return ("an OpenVINO file", _ORIGINAL) if file.endswith(".xml") else None
    return next(((what, remedy) for ends, what, remedy in _KINDS if file.endswith(ends)), None)


def _is_pickle(name: str) -> bool:
    file = PurePosixPath(name).name.lower()
    passing = file in _NO_WEIGHTS or _RANDOM_STATE.fullmatch(file) or _OPENVINO.search(file)
    return file.endswith(_PICKLES) and not passing


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())[:_MOST_ENTRIES]
    except OSError:
        return []


def _by_number(name: str) -> list[tuple[bool, int, str]]:
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", name) if part]
