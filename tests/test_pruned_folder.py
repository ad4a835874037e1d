"""Folders of pruned models: opened by transformers alone, opened strictly by headviz, whole or not there at all.

Over 400 lines because it is a list: one short case for each way in which such a folder can be tampered with.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

import headviz as hv
from headviz.pruned_modeling import modeling_headviz
from tests.test_no_trace import state
from tests.test_pruning import cuts, logits_of, mask_of, require_equal, subject_of
from tests.tiny import CUTTABLE, DECODERS, save_tiny, tiny_images, tiny_texts


def pruned_of(family: str, **config: Any) -> hv.Subject:
    subject = subject_of(family, **config)
    return hv.prune(subject, mask_of(subject))


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hv.save_pruned(pruned_of("bert"), tmp_path_factory.mktemp("saved") / "pruned")


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """A good folder, to be damaged."""
    return Path(shutil.copytree(saved, tmp_path / "pruned"))


_RECORDS = st.fixed_dictionaries(
    {},
    optional={
        "criterion": st.sampled_from([{"name": "his", "options": {"scale": "raw"}}, {"by_hand": ["L0H1"]}]),
        "data": st.just({"name": "sst5", "split": "dev", "examples": 512}),
        "steps": st.just([{"by": "search", "measure": "loss", "budget": 50, "swaps": []}]),
        "measured": st.just({"accuracy": {"value": 0.5, "low": 0.4, "high": 0.6}}),
        "measured_on": st.just({"part": "report", "name": "sst5"}),
        "of another program": st.just({"kept": [1, None]}),
        "headviz": st.just("0.0.1"),
    },
)


@pytest.mark.parametrize("family", ["bert", "gpt2", "llama", "deit"])
@settings(max_examples=4)
@given(record=_RECORDS, stored=st.sampled_from([(), ("float16",), ("bfloat16", "float32")]), twice=st.booleans())
def test_folder_that_is_opened_and_saved_again_is_the_same(
    family: str, record: dict[str, Any], stored: tuple[str, ...], twice: bool
) -> None:
    subject = replace(subject_of(family), stored=stored)
    pruned = hv.prune(subject, hv.Mask(mask_of(subject).keep, subject=subject, provenance=record))
    if twice:
        pruned = hv.prune(pruned, hv.Mask.full(pruned).with_toggled("L0H1"))
    with tempfile.TemporaryDirectory() as place:
        first = hv.save_pruned(pruned, Path(place) / "first")
        again = hv.save_pruned(hv.load_pruned(first, device="cpu"), Path(place) / "again")
        assert {file.name: file.read_bytes() for file in first.iterdir()} == {
            file.name: file.read_bytes() for file in again.iterdir()
        }


@pytest.mark.parametrize("family", CUTTABLE)
@settings(max_examples=4)
@given(data=st.data())
def test_reloaded_model_is_bit_identical_and_is_pruned_again(family: str, data: st.DataObject) -> None:
    cut = data.draw(cuts(family))
    subject = subject_of(family, dtype=cut.dtype, **cut.config)
    pruned = hv.prune(subject, hv.Mask(cut.keep), gqa=cut.gqa)
    with tempfile.TemporaryDirectory() as place:
        folder = hv.save_pruned(pruned, Path(place) / "model")
        loaded = hv.load_pruned(folder, dtype=cut.dtype, device="cpu")
    assert torch.equal(logits_of(loaded), logits_of(pruned))
    assert loaded.fingerprint == pruned.fingerprint and loaded.heads == pruned.heads
    assert loaded.cut == pruned.cut == hv.Mask(cut.keep) and loaded.zeroed == pruned.zeroed
    again = hv.prune(loaded, hv.Mask.full(loaded), gqa="exact")
    assert again.heads == tuple(cut.keep.sum(axis=1)) and again.zeroed == () and again.cut == loaded.cut
    require_equal(logits_of(again), logits_of(subject, cut.keep), cut.dtype)


# Without headviz

ALONE = """
import json, sys
class Absent:
    def find_spec(self, name, *rest):
        if name.split(".")[0] == "headviz":
            raise ImportError("headviz is not here")
sys.meta_path.insert(0, Absent())
import torch, transformers
place, folders = sys.argv[1], sys.argv[2].split(",")
for name in folders:
    folder = f"{place}/{name}"
    (kind,) = {"AutoConfig"} ^ set(json.load(open(f"{folder}/config.json"))["auto_map"])
    auto = getattr(transformers, kind)
    model, told = auto.from_pretrained(folder, trust_remote_code=True, output_loading_info=True)
    assert not any(told.values()), told
    inputs = torch.load(f"{place}/images.pt")
    if "Image" in kind:
        transformers.AutoImageProcessor.from_pretrained(folder)
    else:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, trust_remote_code=True)
        texts = json.load(open(f"{place}/texts.json"))
        inputs = tokenizer(texts, padding=True, truncation=True, max_length=40, return_tensors="pt")
    with torch.no_grad():
        found = model.generate(**inputs, max_new_tokens=6) if "Causal" in kind else model(**inputs).logits
    torch.save(found, f"{place}/{name}.pt")
    model.save_pretrained(f"{place}/{name}-again")
    try:
        auto.from_pretrained(folder, trust_remote_code=False)
    except ValueError as error:
        assert "custom code" in str(error)
    else:
        raise AssertionError("loaded without trust")
assert "headviz" not in sys.modules
"""


def test_folders_open_in_transformers_without_headviz_and_not_without_trust(tmp_path: Path) -> None:
    """Classifiers of every family, and language models, which generate."""
    texts, pruned = tiny_texts(8, longest=20), {family: pruned_of(family) for family in CUTTABLE}
    for family in DECODERS:
        subject = subject_of(family, auto="AutoModelForCausalLM", padding_side="left")
        pruned[f"{family}-lm"] = hv.prune(subject, mask_of(subject), gqa="exact")
    (tmp_path / "texts.json").write_text(json.dumps(texts))
    images = pruned["vit"].encode([(image,) for image in tiny_images(4)]).batch(np.arange(4)).inputs
    torch.save(images, tmp_path / "images.pt")
    for name, subject in pruned.items():
        hv.save_pruned(subject, tmp_path / name)
    run = subprocess.run(
        [sys.executable, "-I", "-c", ALONE, str(tmp_path), ",".join(pruned)],
        env={**os.environ, "HF_HOME": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    for name, subject in pruned.items():
        found = torch.load(tmp_path / f"{name}.pt")
        if subject.task == "causal-lm":
            inputs = subject.processor(texts, padding=True, return_tensors="pt")
            assert torch.equal(found, subject.model.generate(**inputs, max_new_tokens=6))  # type: ignore[operator]
        else:
            require_equal(found, logits_of(subject, texts=texts))
        # what plain transformers saves again has the code too, and needs only the mask and the processor
        for file in os.listdir(tmp_path / name):
            if file == "head_mask.json" or file.startswith(("tokenizer", "preprocessor")):
                shutil.copy(tmp_path / name / file, tmp_path / f"{name}-again")
        again = hv.load_pruned(tmp_path / f"{name}-again", device="cpu")
        assert again.fingerprint == subject.fingerprint


def test_folder_holds_what_it_should_and_the_code_as_it_is(saved: Path) -> None:
    assert set(os.listdir(saved)) == {
        *("config.json", "model.safetensors", "modeling_headviz.py", "head_mask.json", "README.md"),
        *("tokenizer.json", "tokenizer_config.json"),
    }
    assert (saved / "modeling_headviz.py").read_bytes() == Path(modeling_headviz.__file__).read_bytes()
    config = json.loads((saved / "config.json").read_text())
    assert (config["model_type"], config["headviz_format"]) == ("headviz_bert", 1)
    assert config["kept_heads"] == [[0, 2, 3], [], [1, 3]]
    assert config["auto_map"]["AutoConfig"] == "modeling_headviz.HeadvizBertConfig"
    assert str(Path.home()) not in (saved / "config.json").read_text()


def test_every_file_of_the_folder_may_be_read_by_whom_a_new_file_may(saved: Path) -> None:
    (saved.parent / "new").write_text("")
    assert {one.stat().st_mode for one in saved.iterdir()} == {(saved.parent / "new").stat().st_mode}


def test_weights_of_the_folder_are_smaller_by_what_was_cut(saved: Path) -> None:
    shapes = {name: tuple(tensor.shape) for name, tensor in load_file(saved / "model.safetensors").items()}
    rows = {shapes[f"bert.encoder.layer.{layer}.attention.self.query.weight"] for layer in range(3)}
    assert rows == {(24, 32), (0, 32), (16, 32)}  # 3, 0 and 2 heads of size 8


# Opening


@pytest.mark.parametrize("family", CUTTABLE)
def test_folder_pruned_again_is_cumulative_and_opens(family: str, tmp_path: Path) -> None:
    subject = subject_of(family)
    once = hv.load_pruned(hv.save_pruned(hv.prune(subject, mask_of(subject)), tmp_path / "once"), device="cpu")
    heads = [f"L{layer}H0" for layer in range(3)] if family == "albert" else ["L0H0"]
    twice = hv.load_pruned(
        hv.save_pruned(hv.prune(once, hv.Mask.full(once).with_toggled(*heads)), tmp_path / "twice"), device="cpu"
    )
    mask = hv.Mask.open(tmp_path / "twice" / "head_mask.json", subject)
    assert mask.warnings == () and mask == twice.cut and mask.count == once.cut.count - len(heads)  # type: ignore[union-attr]
    require_equal(logits_of(twice), logits_of(subject, mask.keep))
    assert twice.name == "twice" and len(mask.provenance["before"]) == 1


def test_opening_runs_nothing_of_the_folder(folder: Path, tmp_path: Path) -> None:
    (folder / "modeling_headviz.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nraise SystemExit(3)\n")
    expected = logits_of(pruned_of("bert"))
    assert torch.equal(logits_of(hv.load(folder)), expected)
    (folder / "modeling_headviz.py").unlink()
    assert torch.equal(logits_of(hv.load_pruned(folder)), expected)
    assert not (tmp_path / "ran").exists()


def configure(folder: Path, **changes: Any) -> None:
    """Change values of config.json; None removes one."""
    content = json.loads((folder / "config.json").read_text()) | changes
    (folder / "config.json").write_text(json.dumps({key: one for key, one in content.items() if one is not None}))


def remask(folder: Path, **changes: Any) -> None:
    content = json.loads((folder / "head_mask.json").read_text()) | changes
    (folder / "head_mask.json").write_text(json.dumps(content))


def truncate(folder: Path) -> None:
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[: len(content) // 2])


def escape(folder: Path) -> None:
    shutil.move(folder / "model.safetensors", folder.parent / "model.safetensors")
    names = load_file(folder.parent / "model.safetensors")
    index = {"weight_map": dict.fromkeys(names, "../model.safetensors")}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def drop_a_weight(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights["bert.encoder.layer.0.attention.self.key.bias"]
    save_file(weights, folder / "model.safetensors")


@pytest.fixture(scope="module")
def saved_grouped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama that was cut by whole groups: L0H1, L2H0 and L2H2 are there as zeros."""
    return hv.save_pruned(pruned_of("llama"), tmp_path_factory.mktemp("grouped") / "pruned")


def not_zero(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights["model.layers.2.self_attn.o_proj.weight"][0, 0] = 1
    save_file(weights, folder / "model.safetensors")


GROUPED_DAMAGE: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no zeroed heads": (lambda folder: configure(folder, zeroed_heads=None), "must list, for each of 3 layers"),
    "a zeroed head that is kept": (
        lambda folder: configure(folder, zeroed_heads=[[0], [], [0, 2]]),
        r"\(zeroed_heads\) and the keys .* as they fit kept_heads",
    ),
    "a head without its key": (lambda folder: configure(folder, key_value_heads=[[0], [], [0, 1]]), "as they fit"),
    "a key of another group": (lambda folder: configure(folder, key_value_heads=[[1, 0], [], [0, 1]]), "as they fit"),
    "keys of a layer without heads": (
        lambda folder: configure(folder, key_value_heads=[[0, 1], [1], [0, 1]]),
        "as they fit",
    ),
    "keys that are no numbers": (
        lambda folder: configure(folder, key_value_heads=[["0", "1"], [], [0, 1]]),
        "as they fit",
    ),
    "keys that do not divide the heads": (lambda folder: configure(folder, num_key_value_heads=3), "as they fit"),
    "no keys at all": (lambda folder: configure(folder, num_key_value_heads=0), "at least 1"),
    "weights that are not zero": (not_zero, r"calls L2H0 zeroed \(zeroed_heads\), but its weights are not zero"),
}


@pytest.mark.parametrize("damage", GROUPED_DAMAGE)
def test_damaged_folder_of_grouped_heads_is_refused_with_a_sentence(
    damage: str, saved_grouped: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(saved_grouped, tmp_path / "pruned"))
    assert hv.load_pruned(folder, device="cpu").zeroed == ("L0H1", "L2H0", "L2H2")
    spoil, says = GROUPED_DAMAGE[damage]
    spoil(folder)
    with pytest.raises(hv.LoadError, match=says) as told:
        hv.load_pruned(folder)
    assert str(told.value).endswith(".") and "\n" not in str(told.value) and len(str(told.value)) < 400


@pytest.mark.parametrize(("family", "auto"), [("vit", ""), ("gpt2", "AutoModelForCausalLM")])
def test_pruned_folder_that_is_not_for_texts_is_opened_by_load_pruned_alone(
    family: str, auto: str, tmp_path: Path
) -> None:
    folder = hv.save_pruned(pruned_of(family, **({"auto": auto} if auto else {})), tmp_path / "pruned")
    task = "causal-lm" if auto else "image-classification"
    with pytest.raises(hv.LoadError, match=f"pruned is a model for {task}, not for text.*with hv.load_pruned"):
        hv.load(folder)
    assert hv.load_pruned(folder).task == hv.load(folder, task=task).task == task
    for name in ("tokenizer.json", "preprocessor_config.json"):
        (folder / name).unlink(missing_ok=True)
    with pytest.raises(hv.LoadError, match=r"pruned has no (tokenizer|image processor)"):
        hv.load_pruned(folder)


def test_language_model_opens_with_the_generation_settings_of_its_folder(tmp_path: Path) -> None:
    subject = pruned_of("gpt2", auto="AutoModelForCausalLM")
    settings: Any = subject.model.generation_config
    settings.eos_token_id, settings.max_new_tokens = [3, 7], 9
    folder = hv.save_pruned(subject, tmp_path / "once")
    loaded: Any = hv.load_pruned(folder)
    assert loaded.model.generation_config.to_dict() == settings.to_dict()
    again = hv.save_pruned(hv.prune(loaded, hv.Mask.full(loaded)), tmp_path / "twice")
    told = json.loads((again / "generation_config.json").read_text("utf-8"))
    assert told["eos_token_id"] == [3, 7] and told["max_new_tokens"] == 9
    (folder / "generation_config.json").write_text("[")
    with pytest.raises(hv.LoadError, match=r"generation_config\.json of once cannot be used\. Correct it"):
        hv.load_pruned(folder)
    (folder / "generation_config.json").unlink()
    assert hv.load_pruned(folder).heads == subject.heads


def test_generation_settings_that_transformers_does_not_save_are_named(tmp_path: Path) -> None:
    """Published models have such; transformers opens them with a warning and refuses to write them."""
    subject = pruned_of("gpt2", auto="AutoModelForCausalLM")
    settings: Any = subject.model.generation_config
    settings.do_sample, settings.temperature = False, 0.5
    with pytest.raises(hv.ExportError, match=r"generation_config of the model .*\(temperature\).*Correct it"):
        hv.save_pruned(subject, tmp_path / "pruned")
    assert os.listdir(tmp_path) == []


def auto_map(module: str) -> dict[str, str]:
    classes = {"AutoConfig": "HeadvizBertConfig", "AutoModelForSequenceClassification": "HeadvizBertForX"}
    return {auto: f"{module}.{name}" for auto, name in classes.items()}


DAMAGE: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no mask": (
        lambda folder: (folder / "head_mask.json").unlink(),
        r"pruned lacks head_mask\.json.*Copy it from the folder that",
    ),
    "no JSON in the mask": (lambda folder: (folder / "head_mask.json").write_text("{"), r"What pruned says of its cut"),
    "mask of another shape": (
        lambda folder: remask(folder, model={"heads": [4, 4]}, pruned_heads={"0": [1]}),
        r"head_mask\.json of pruned is for 2 layers of 4 heads, but its config\.json speaks of 3 layers of 4 heads",
    ),
    "another mask": (
        lambda folder: remask(folder, pruned_heads={"0": [1], "1": [0, 1, 2, 3], "2": [0]}),
        r"pruned contradicts itself: L2H2 is kept by head_mask\.json and cut by config\.json",
    ),
    "mask of the future": (lambda folder: remask(folder, version=2), r"later version of headviz \(mask version 2"),
    "format of the future": (
        lambda folder: configure(folder, headviz_format=2),
        r"pruned was pruned by a later version of headviz \(format 2, this one opens 1\)\. Update",
    ),
    "no format": (lambda folder: configure(folder, headviz_format=None), r"does not say a headviz_format"),
    "odd format": (lambda folder: configure(folder, headviz_format="1"), r"does not say a headviz_format"),
    "unknown type": (
        lambda folder: configure(folder, model_type="headviz_mamba"),
        r"type 'headviz_mamba', which this version of headviz does not know; it opens pruned models of bert, ",
    ),
    "type of a whole model": (lambda folder: configure(folder, model_type="bert"), r"needs code of its own"),
    "type of another family": (
        lambda folder: configure(folder, model_type="headviz_electra"),
        r"names other code than headviz's",
    ),
    "other code": (
        lambda folder: configure(folder, auto_map=auto_map("modeling_evil")),
        r"names other code than headviz's .*\(auto_map\)\. Do not trust its code",
    ),
    "code of another repository": (
        lambda folder: configure(folder, auto_map=auto_map("../evil--modeling_headviz")),
        r"names other code than headviz's",
    ),
    "no code": (lambda folder: configure(folder, auto_map=None), r"names other code than headviz's"),
    "no kept heads": (lambda folder: configure(folder, kept_heads=None), r"must list the kept heads .* of 3 layers"),
    "kept heads of two layers": (lambda folder: configure(folder, kept_heads=[[0], [1]]), r"of 3 layers, each from 0"),
    "a kept head that is not there": (
        lambda folder: configure(folder, kept_heads=[[0, 2, 4], [], [1, 3]]),
        r"each from 0 to 3 and in order",
    ),
    "kept heads out of order": (
        lambda folder: configure(folder, kept_heads=[[0, 3, 2], [], [1, 3]]),
        r"each from 0 to 3 and in order",
    ),
    "kept heads that are no numbers": (
        lambda folder: configure(folder, kept_heads=[[0, "2"], [], [True]]),
        r"each from 0 to 3 and in order",
    ),
    "no heads left": (lambda folder: configure(folder, kept_heads=[[], [], []]), r"pruned has no heads left"),
    "other head counts": (
        lambda folder: configure(folder, num_attention_heads=8),
        r"for 3 layers of 4 heads, but its config\.json speaks of 3 layers of 8 heads",
    ),
    "quantised": (lambda folder: configure(folder, quantization_config={"bits": 4}), r"quantised weights"),
    "truncated weights": (truncate, r"model\.safetensors of pruned is damaged: it was cut short"),
    "a weight is missing": (drop_a_weight, r"pruned lacks weights .*layer\.0\.attention\.self\.key\.bias"),
    "weights that lie elsewhere": (escape, r"'\.\./model\.safetensors' is not the name of a safetensors file in the"),
    "no tokenizer": (lambda folder: (folder / "tokenizer.json").unlink(), r"pruned has no tokenizer"),
}


@pytest.mark.parametrize("opener", [hv.load, hv.load_pruned])
@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_folder_is_refused_with_a_sentence(damage: str, opener: Callable[..., Any], folder: Path) -> None:
    spoil, says = DAMAGE[damage]
    spoil(folder)
    if damage == "type of a whole model" and opener is hv.load_pruned:
        says = "holds no model that hv.save_pruned wrote"
    with pytest.raises(hv.LoadError, match=says) as told:
        opener(folder)
    text = str(told.value)
    assert text.endswith(".") and "\n" not in text and len(text) < 400


def test_mask_and_config_that_agree_on_another_cut_meet_the_weights(folder: Path) -> None:
    configure(folder, kept_heads=[[0, 2, 3], [], [1, 2, 3]])
    remask(folder, pruned_heads={"0": [1], "1": [0, 1, 2, 3], "2": [0]})
    with pytest.raises(hv.LoadError, match=r"contradicts its weights: .* is 16.* in the file and 24.* by config"):
        hv.load(folder)


def test_load_pruned_of_a_whole_model_says_to_use_load(tmp_path: Path) -> None:
    with pytest.raises(hv.LoadError, match=r"holds no model that hv\.save_pruned wrote\. Open it with hv\.load"):
        hv.load_pruned(save_tiny(tmp_path / "model", "bert"))
    with pytest.raises(hv.LoadError, match="does not exist"):
        hv.load_pruned(tmp_path / "nowhere")


# Writing


def test_saving_a_whole_model_says_to_prune_it_first(tmp_path: Path) -> None:
    with pytest.raises(hv.ExportError, match=r"tiny-bert is whole\. Cut its heads out first"):
        hv.save_pruned(subject_of("bert"), tmp_path / "model")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("end", ["success", "cancelled half-way"])
def test_saving_leaves_the_subject_as_it_was(tmp_path: Path, end: str) -> None:
    subject, cancel = pruned_of("bert"), threading.Event()
    before = state(subject.model)
    if end == "success":
        hv.save_pruned(subject, tmp_path / "pruned")
    else:
        with pytest.raises(hv.Cancelled):
            hv.save_pruned(
                subject, tmp_path / "pruned", cancel=cancel, on_progress=lambda done, *_: done and cancel.set()
            )
    assert state(subject.model) == before
    assert os.listdir(tmp_path) == (["pruned"] if end == "success" else [])


def test_saving_over_an_earlier_folder_needs_overwrite_and_replaces_no_other(tmp_path: Path) -> None:
    subject = pruned_of("bert")
    folder = hv.save_pruned(subject, tmp_path / "pruned")
    with pytest.raises(hv.ExportError, match=r"is not empty.*what save_pruned wrote"):
        hv.save_pruned(subject, folder)
    smaller = hv.prune(subject, hv.Mask.full(subject).with_toggled("L0H0"))
    hv.save_pruned(smaller, folder, overwrite=True)
    assert hv.load(folder).fingerprint == smaller.fingerprint
    (folder / "train.py").write_text("three years of work")
    with pytest.raises(hv.ExportError, match=r"holds 'train\.py', so save_pruned did not write it"):
        hv.save_pruned(subject, folder, overwrite=True)
    assert os.listdir(tmp_path) == ["pruned"]


@pytest.mark.parametrize("room", [300, 5_000, 90_000])
def test_disk_that_takes_no_more_leaves_no_folder(room: int, tmp_path: Path) -> None:
    """A limit on the size of a file, in bytes: the code does not fit, nor the weights, nor, with a large vocabulary,
    the tokenizer."""
    subject = pruned_of("bert")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    if room == 90_000:
        subject.processor.add_tokens([f"word{number}" for number in range(1_000)])
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        with pytest.raises(hv.ExportError, match=r"cannot be written: .*"):
            hv.save_pruned(subject, tmp_path / "pruned")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert os.listdir(tmp_path) == []


KILLED = """
import os, signal, sys
import headviz as hv
from tests.test_pruning import mask_of, subject_of
subject = subject_of("bert")
pruned = hv.prune(subject, mask_of(subject))
type(pruned.processor).save_pretrained = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
hv.save_pruned(pruned, sys.argv[1])
"""


def test_kill_half_way_leaves_no_folder_of_that_name(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parent.parent
    run = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "pruned")], cwd=root, capture_output=True, timeout=200
    )
    assert run.returncode == -9, run.stderr[-2000:]
    (left,) = os.listdir(tmp_path)
    assert left.startswith(".headviz-") and left.endswith(".part")


def test_saving_tells_how_far_it_is(tmp_path: Path, progress_log: tuple[list[tuple[int, int, str]], Any]) -> None:
    calls, on_progress = progress_log
    hv.save_pruned(pruned_of("bert"), tmp_path / "pruned", on_progress=on_progress)
    assert [call[:2] for call in calls] == [(0, 3), (1, 3), (2, 3), (3, 3)]


# A real model

PREDICT = """
import csv, sys
class Absent:
    def find_spec(self, name, *rest):
        if name.split(".")[0] == "headviz":
            raise ImportError("headviz is not here")
sys.meta_path.insert(0, Absent())
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer
folder, data, out = sys.argv[1:]
model = AutoModelForSequenceClassification.from_pretrained(folder, trust_remote_code=True, dtype=torch.float32)
tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=True)
with open(data, encoding="utf-8", newline="") as file:
    texts = [row["text"] for row in csv.DictReader(file, delimiter="\\t", quoting=csv.QUOTE_NONE)]
logits = []
with torch.no_grad():
    for start in range(0, len(texts), 64):
        batch = texts[start : start + 64]
        inputs = tokenizer(batch, padding=True, truncation=True, max_length=512, return_tensors="pt")
        logits.append(model(**inputs).logits)
torch.save(torch.cat(logits), out)
"""


@pytest.mark.slow
def test_half_of_minilm_gives_the_masked_predictions_in_transformers_alone(shared: Path, tmp_path: Path) -> None:
    """36 of 72 heads by HIES (alpha 0.97, 512 training examples, seed 0), on the 2,210 texts of the test split."""
    subject = hv.load(shared / "models" / "minilm-sst5", device="cpu")
    train = hv.load_data(shared / "data" / "sst5" / "train.tsv", limit=512, seed=0)
    test = hv.load_data(shared / "data" / "sst5" / "test.tsv")
    mask = hv.select(hv.score(subject, train).hies(0.97), 0.5)
    assert mask.count == 36
    masked = hv.evaluate(subject, test, mask)
    folder = hv.save_pruned(hv.prune(subject, mask), tmp_path / "pruned")
    (tmp_path / "predict.py").write_text(PREDICT)
    out = tmp_path / "logits.pt"
    subprocess.run(
        [sys.executable, "-I", "predict.py", folder, shared / "data" / "sst5" / "test.tsv", out],
        cwd=tmp_path,
        env={**os.environ, "HF_HOME": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "1"},
        check=True,
        timeout=280,
    )
    logits = torch.load(out)
    assert logits.shape == (2210, 5)
    np.testing.assert_array_equal(logits.argmax(1).numpy(), masked.predictions)
    require_equal(logits, torch.from_numpy(masked.logits))
    loaded = hv.evaluate(hv.load(folder, device="cpu"), test)
    np.testing.assert_array_equal(loaded.predictions, masked.predictions)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_folder_holds_the_dtype_asked_for_and_says_so(dtype: str, tmp_path: Path) -> None:
    pruned = pruned_of("bert")
    folder = hv.save_pruned(pruned, tmp_path / "pruned", dtype=dtype)
    weights, wanted = pruned.model.state_dict(), getattr(torch, dtype)
    for name, weight in load_file(folder / "model.safetensors").items():
        assert torch.equal(weight, weights[name].to(wanted)), name
    assert f"The weights are {dtype}." in (folder / "README.md").read_text("utf-8")
    assert {weight.dtype for weight in weights.values() if weight.is_floating_point()} == {torch.float32}
    again = hv.prune(opened := hv.load(folder), hv.Mask.full(opened).with_toggled(hv.Mask.full(opened).kept[0]))
    assert opened.stored == again.stored == (dtype,)
