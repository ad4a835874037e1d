"""Recovery end to end: what comes back, what it leaves as it was, and what is refused before anything is written."""

from __future__ import annotations

import copy
import json
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import torch

import headviz as hv
from headviz.errors import Cancelled, DataError, HeadvizError, LoadError, RunError
from headviz.recovery import Recovery, open_recovery
from headviz.recovery.run import Run
from tests.recovery.runs import pruned, run, same_weights, splits, weights_of
from tests.tiny import tiny_labels, tiny_model, tiny_texts

Log = tuple[list[tuple[int, int, str]], Callable[[int, int, str], None]]


@pytest.fixture(scope="module")
def subject() -> hv.Subject:
    return pruned()


@pytest.fixture(scope="module")
def safe(subject: hv.Subject, tmp_path_factory: pytest.TempPathFactory) -> Recovery:
    return run("safe", tmp_path_factory.mktemp("runs") / "safe", subject=subject)


def logits(subject: hv.Subject, count: int = 6) -> torch.Tensor:
    batch = subject.encode([(text,) for text in tiny_texts(count)]).batch(np.arange(count))
    with torch.no_grad():
        return subject.forward(batch.inputs)


def test_recovered_model_is_a_subject_like_any_other(subject: hv.Subject, safe: Recovery, tmp_path: Path) -> None:
    recovered = safe.subject
    assert recovered.heads == subject.heads == (3, 0, 2, 4)
    assert recovered.parameters == subject.parameters and recovered.labels == subject.labels
    assert not same_weights(recovered, subject)
    assert not any("lora" in name for name in recovered.model.state_dict())
    assert all(weight.requires_grad and weight.grad is None for weight in recovered.model.parameters())
    assert not any(module.training for module in recovered.model.modules())
    again = hv.prune(recovered, hv.Mask.full(recovered).with_toggled("L3H1"))
    assert again.heads == (3, 0, 2, 3)
    hv.save_pruned(again, tmp_path / "again")
    assert hv.evaluate(hv.load(tmp_path / "again"), splits()[1]).metrics["accuracy"].value >= 0


def test_model_that_lies_in_the_folder_is_the_one_that_comes_back(safe: Recovery) -> None:
    loaded = hv.load(safe.folder / "model")
    assert same_weights(loaded, safe.subject) and loaded.fingerprint == safe.subject.fingerprint
    assert torch.equal(logits(loaded), logits(safe.subject))


def test_finished_run_is_opened_and_not_run_again(subject: hv.Subject, safe: Recovery) -> None:
    before = {path: path.stat().st_mtime_ns for path in safe.folder.rglob("*")}
    opened = [open_recovery(safe.folder), run("safe", safe.folder, subject=subject)]
    for again in opened:
        assert again.subject.fingerprint == safe.subject.fingerprint and again.subject.name == safe.subject.name
        assert again.history == safe.history and again.cost == safe.cost
    assert {path: path.stat().st_mtime_ns for path in safe.folder.rglob("*")} == before


def test_finished_run_holds_no_checkpoint_and_no_pickle(safe: Recovery) -> None:
    names = {path.relative_to(safe.folder).as_posix() for path in safe.folder.rglob("*") if path.is_file()}
    assert {"run.json", "history.json", "adapter/adapter_model.safetensors", "model/model.safetensors"} <= names
    assert all(name.endswith((".json", ".safetensors", ".md", ".py")) for name in names)
    assert str(safe.folder) not in "".join(path.read_text("utf-8") for path in safe.folder.rglob("*.json"))


def test_checkpoints_hold_no_training_arguments(subject: hv.Subject, tmp_path: Path) -> None:
    cancel = threading.Event()
    with pytest.raises(Cancelled):
        run(
            "lora", tmp_path / "run", subject=subject, cancel=cancel, on_progress=lambda done, *_: done and cancel.set()
        )
    names = {path.name for path in (tmp_path / "run" / "checkpoints" / "checkpoint-1").iterdir()}
    assert "headviz.json" in names and "training_args.bin" not in names


def test_record_of_the_cut_tells_of_the_recovery_and_drops_what_was_measured_before(
    subject: hv.Subject, safe: Recovery, tmp_path: Path
) -> None:
    train, validation = splits()
    for cut in (safe.subject.cut, hv.load(safe.folder / "model").cut):
        assert cut is not None and subject.cut is not None and (cut.keep == subject.cut.keep).all()
        told = cut.provenance["recovery"]
        assert (told["method"], told["seed"], told["best"]) == ("safe", 0, safe.history.best)
        assert told["settings"]["level"] == 0.99
        assert told["parent"]["fingerprint"] == subject.fingerprint
        assert [told[split]["fingerprint"] for split in ("train", "validation")] == [
            train.fingerprint,
            validation.fingerprint,
        ]
    assert "(method safe, seed 0, 40 texts of" in (safe.folder / "model" / "README.md").read_text("utf-8")

    from dataclasses import replace

    assert subject.cut is not None
    measured = replace(subject, cut=subject.cut.with_provenance(measured={"accuracy": {"value": 0.5}}))
    recovered = run("full", tmp_path / "run", subject=measured, epochs=1).subject
    assert recovered.cut is not None and "measured" not in recovered.cut.provenance
    assert recovered.cut.provenance["recovery"]["before"] == {"measured": {"accuracy": {"value": 0.5}}}
    further = hv.prune(safe.subject, hv.Mask.full(safe.subject).with_toggled("L3H1"))
    assert further.cut is not None and further.cut.provenance["before"][-1]["recovery"]["method"] == "safe"


def test_folder_of_a_recovered_model_says_what_cut_it_how_it_was_recovered_and_after_what_it_was_measured(
    safe: Recovery, tmp_path: Path
) -> None:
    """As an app writes it: the recovered model under a mask that cuts nothing more, with its figures."""
    recovered = hv.load(safe.folder / "model")
    nothing = hv.select(hv.criteria["weight_l2"](recovered, splits()[0]), 0).with_provenance(
        measured={"accuracy": {"value": 0.4605, "low": 0.44, "high": 0.48, "examples": 2210}},
        measured_on={"part": "report", "name": "sst5", "split": "test"},
    )
    folder = hv.save_pruned(hv.prune(recovered, nothing), tmp_path / "exported")
    record = json.loads((folder / "head_mask.json").read_text("utf-8"))
    assert safe.subject.cut is not None
    assert record["pruned_heads"] == safe.subject.cut.record()["pruned_heads"] and "before" not in record
    assert record.get("criterion") == safe.subject.cut.provenance.get("criterion")
    assert record["recovery"]["method"] == "safe" and record["measured_on"]["after"] == "recovery"
    card = (folder / "README.md").read_text("utf-8")
    assert "weight" not in card.split("## How they were chosen")[1].split("## Use")[0]
    assert "- What was left was fine-tuned: method safe, seed 0, 40 texts of" in card
    assert "Taken on sst5, split test, after the fine-tuning.\n" in card and "0.4605" in card
    assert "masked" not in card


def test_whole_model_is_recovered_too(tmp_path: Path) -> None:
    whole = hv.Subject.wrap(*tiny_model("bert"), name="whole")
    done = run("lora", tmp_path / "run", subject=whole, epochs=1)
    assert done.subject.cut is None and done.subject.heads == (4, 4, 4)
    opened = open_recovery(done.folder).subject
    assert opened.cut is None and opened.fingerprint == done.subject.fingerprint
    mask = json.loads((done.folder / "model" / "head_mask.json").read_text("utf-8"))
    assert mask["pruned_heads"] == {} and mask["recovery"]["parent"]["fingerprint"] == whole.fingerprint


@pytest.mark.parametrize("method", ["full", "safe"])
def test_given_model_and_random_states_are_as_before_also_when_training_fails(
    method: str, subject: hv.Subject, tmp_path: Path
) -> None:
    def flags() -> Any:
        model: Any = subject.model
        parameters = [(name, weight.requires_grad, weight.grad is None) for name, weight in model.named_parameters()]
        return parameters, [module.training for module in model.modules()], copy.deepcopy(model.config.to_dict())

    def states() -> Any:
        name, keys, *rest = np.random.get_state()  # noqa: NPY002 -- the one that others may use
        return random.getstate(), name, np.asarray(keys).tolist(), rest, torch.get_rng_state().tolist()

    def fail(done: int, total: int, stage: str) -> None:
        if done == 2:
            raise ZeroDivisionError

    weights, before, luck = weights_of(subject), flags(), states()
    with pytest.raises(ZeroDivisionError):
        run(method, tmp_path / "run", subject=subject, on_progress=fail)
    for _ in range(2):
        assert flags() == before and states() == luck
        assert all(torch.equal(weights[name], tensor) for name, tensor in subject.model.state_dict().items())
        run(method, tmp_path / "run", subject=subject)


def test_recovery_learns_what_texts_say(tmp_path: Path) -> None:
    texts = [text.replace("good", "so").replace("bad", "so") for text in tiny_texts(120, shortest=4, longest=8)]
    labels = tiny_labels(120, labels=("bad", "good"))
    frame = pd.DataFrame(
        {"text": [f"{word} {text}" for word, text in zip(labels, texts, strict=True)], "label": labels}
    )
    data = hv.load_data(frame)
    done = run("lora", tmp_path / "run", subject=pruned(), data=(data[:80], data[80:]), epochs=4, lr=0.02, r=8)
    quality = done.history.quality_frame()
    assert quality.value.iloc[0] < 0.75 < 0.9 < quality[quality.best].value.item()
    assert hv.evaluate(done.subject, data[80:]).metrics["accuracy"].value == quality[quality.best].value.item()


def test_seed_decides_the_weights(subject: hv.Subject, safe: Recovery, tmp_path: Path) -> None:
    assert same_weights(run("safe", tmp_path / "same", subject=subject).subject, safe.subject)
    assert not same_weights(run("safe", tmp_path / "other", subject=subject, seed=1).subject, safe.subject)


def test_progress_counts_steps(subject: hv.Subject, progress_log: Log, tmp_path: Path) -> None:
    calls, on_progress = progress_log
    run("full", tmp_path / "run", subject=subject, on_progress=on_progress, epochs=1)
    assert {(total, stage) for _, total, stage in calls} == {(5, "training")}
    assert sorted({done for done, _, _ in calls}) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("family", ["gpt2", "llama", "distilbert"])
def test_other_families_are_recovered(family: str, tmp_path: Path) -> None:
    uneven = pruned(family, ((0, 1, 2), (0, 1), (2, 3)))
    done = run("safe", tmp_path / "run", subject=uneven, mlp=True)
    assert done.subject.heads == uneven.heads and not same_weights(done.subject, uneven)
    assert open_recovery(done.folder).subject.fingerprint == done.subject.fingerprint


@pytest.mark.parametrize("method", ["full", "lora"])
def test_shared_layers_are_recovered_by_methods_that_freeze_nothing(method: str, tmp_path: Path) -> None:
    shared = hv.Subject.wrap(*tiny_model("albert"), name="shared")
    done = run(method, tmp_path / "run", subject=shared, epochs=1)
    assert not same_weights(done.subject, shared)
    assert open_recovery(done.folder).subject.fingerprint == done.subject.fingerprint


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_model_of_another_precision_comes_back_in_it(dtype: torch.dtype, tmp_path: Path) -> None:
    given = pruned(dtype=dtype)
    done = run("lora", tmp_path / "run", subject=given, epochs=1)
    assert done.subject.torch_dtype == dtype and not same_weights(done.subject, given)
    assert any("trained in float32" in note for note in done.history.notes) == (dtype == torch.bfloat16)
    opened = open_recovery(done.folder).subject
    assert opened.torch_dtype == dtype and opened.fingerprint == done.subject.fingerprint


def test_text_in_both_splits_is_left_out_of_training_with_a_note(subject: hv.Subject, tmp_path: Path) -> None:
    train, validation = splits(17, 104)
    frame = pd.DataFrame(
        {
            "text": [*(one.inputs[0] for one in train), validation[3].inputs[0]],
            "label": [*train.raw_labels, validation[3].label],
        }
    )
    done = run("lora", tmp_path / "run", subject=subject, data=(hv.load_data(frame), validation), epochs=1)
    assert done.history.total == 3  # 17 texts in batches of 8, where 18 make 3 as well: so look at the record
    record = json.loads((done.folder / "run.json").read_text("utf-8"))
    assert record["train"]["examples"] == 17
    assert done.history.notes[0].startswith("1 training text was left out, because the validation split has the same")


# What is refused


def other_labels() -> dict[str, Any]:
    train, validation = splits(labels=("cat", "dog", "cow"))
    return {"train": train, "validation": validation}


def no_train() -> dict[str, Any]:
    return {"train": splits()[0][:0]}


def no_validation() -> dict[str, Any]:
    return {"validation": splits()[1][:0]}


def one_split_twice() -> dict[str, Any]:
    return {"validation": splits()[0]}


def language_model() -> dict[str, Any]:
    return {"subject": hv.Subject.wrap(*tiny_model("gpt2", auto="AutoModelForCausalLM", labels=None), name="lm")}


def albert() -> dict[str, Any]:
    return {"subject": hv.Subject.wrap(*tiny_model("albert"), name="shared"), "method": "safe"}


REFUSED: list[tuple[Callable[[], dict[str, Any]] | dict[str, Any], type[HeadvizError], str]] = [
    (other_labels, DataError, "label 'c.w' is not one of the model's: bad, fine, good|label '[a-z]*' is not one of"),
    (no_train, DataError, "The training split .* has no examples"),
    (no_validation, DataError, "The validation split .* has no examples"),
    (one_split_twice, DataError, "validation texts stand in the training split, too"),
    (language_model, RunError, "Recovery trains classifiers of texts, and lm is for causal-lm"),
    (albert, RunError, "The layers of shared share one block"),
    ({"train": "a path"}, DataError, "Got a str: read it with hv.load_data"),
    ({"method": "magic"}, RunError, "There is no method 'magic'; choose one of full, lora"),
    ({"method": "full", "r": 4}, RunError, "full has no setting 'r'"),
    ({"lr": 0}, RunError, "lr must be a number from"),
    ({"epochs": 1.5}, RunError, "epochs must be a whole number"),
    ({"seed": -1}, RunError, "seed must be a whole number from 0"),
    ({"seed": "x"}, RunError, "seed must be a whole number from 0"),
    ({"method": "safe", "at_least": 4}, RunError, "at_least must be a whole number from 1 to 3, the blocks"),
    ({"method": "safe", "warmup": 0.4, "end": 0.2}, RunError, "Make warmup smaller or end larger"),
    ({"method": "prefix", "lowest": 3}, RunError, "3 of 3 blocks cannot be frozen: at least one must stay live"),
    ({"method": "prefix"}, RunError, "Name that run's folder with counts_from"),
    ({"method": "random", "counts_from": "nowhere"}, RunError, "'nowhere' holds no run that can be read"),
    ({"method": "random", "counts_from": 3}, RunError, "counts_from must be the folder of a run. Got 3"),
]


@pytest.mark.parametrize(("change", "error", "sentence"), REFUSED, ids=lambda value: getattr(value, "__name__", None))
def test_what_cannot_be_recovered_is_refused_before_a_folder_is_made(
    change: Callable[[], dict[str, Any]] | dict[str, Any],
    error: type[HeadvizError],
    sentence: str,
    subject: hv.Subject,
    tmp_path: Path,
) -> None:
    train, validation = splits()
    asked = {"subject": subject, "train": train, "validation": validation, "method": "lora"}
    asked |= change() if callable(change) else change
    with pytest.raises(error, match=sentence) as caught:
        hv.recover(folder=tmp_path / "run", **asked)
    assert str(caught.value).count("\n") == 0 and str(caught.value).endswith((".", "?"))
    assert not (tmp_path / "run").exists()


def test_model_without_any_head_has_nothing_to_adapt(
    subject: hv.Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headviz.recovery.recovery.units_of", lambda model, mlp: ())  # hv.prune leaves a head at least
    with pytest.raises(RunError, match="No block has heads left, so there is nothing to adapt"):
        run("lora", tmp_path / "run", subject=subject)
    assert not (tmp_path / "run").exists()


def test_counts_of_a_run_that_is_unfinished_froze_nothing_or_is_of_another_length_are_refused(
    subject: hv.Subject, safe: Recovery, tmp_path: Path
) -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        run("safe", tmp_path / "unfinished", subject=subject, cancel=cancel)
    run("lora", tmp_path / "lora", subject=subject, epochs=1)
    for folder, epochs, sentence in (
        (tmp_path / "unfinished", 2, "holds no finished run that froze blocks"),
        (tmp_path / "lora", 2, "holds no finished run that froze blocks"),
        (safe.folder, 1, "has 3 blocks and 10 steps, this run has 3 and 5"),
    ):
        with pytest.raises(RunError, match=sentence):
            run("random", tmp_path / "run", subject=subject, counts_from=folder, epochs=epochs)
    assert not (tmp_path / "run").exists()


def test_folder_of_another_run_or_of_something_else_is_left_alone(
    subject: hv.Subject, safe: Recovery, tmp_path: Path
) -> None:
    before = {path: path.stat().st_mtime_ns for path in safe.folder.rglob("*")}
    train, validation = splits()
    for change, words in (
        ({"seed": 1}, "the seed"),
        ({"lr": 1e-3}, "the settings"),
        ({"data": (train[:39], validation)}, "the training split"),
        ({"data": (train, validation[:23])}, "the validation split"),
        ({"subject": pruned(seed=1)}, "the model"),
    ):
        with pytest.raises(RunError, match=f"holds a run that differs in {words}"):
            run("safe", safe.folder, **{"subject": subject, **change})
    with pytest.raises(RunError, match="differs in the method"):
        run("lora", safe.folder, subject=subject)
    assert {path: path.stat().st_mtime_ns for path in safe.folder.rglob("*")} == before

    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(RunError, match="is not empty and holds no run"):
        run("lora", tmp_path / "mine", subject=subject)
    with pytest.raises(RunError, match="is not empty and holds no run"):
        run("lora", tmp_path / "mine" / "letter.txt", subject=subject)
    with pytest.raises(RunError, match="cannot be made"):
        run("lora", tmp_path / "mine" / "letter.txt" / "run", subject=subject)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["letter.txt"]


def test_damaged_runs_are_told_in_a_sentence(subject: hv.Subject, safe: Recovery, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(safe.folder, tmp_path / "run")
    place, record = tmp_path / "run", json.loads((safe.folder / "run.json").read_text("utf-8"))

    def said(error: type[HeadvizError], words: str) -> None:
        with pytest.raises(error, match=words):
            open_recovery(place)
        with pytest.raises(error, match=words):
            run("safe", place, subject=subject)

    (place / "history.json").write_text('{"total": 10, "che')
    said(RunError, "is not there or cannot be read")
    (place / "run.json").write_text(json.dumps({**record, "cost": None}))
    said(RunError, "is damaged")
    (place / "run.json").write_text(json.dumps({**record, "format": record["format"] + 1}))
    said(RunError, "is of a later version of headviz")
    (place / "run.json").write_text('{"format": 1, "me')
    said(RunError, "holds no run that can be read")
    shutil.copy(safe.folder / "run.json", place)
    shutil.copy(safe.folder / "history.json", place)
    (place / "model" / "model.safetensors").write_bytes(b"")
    said(LoadError, "model")


def test_run_that_another_process_ends_between_looking_and_locking_is_opened(
    subject: hv.Subject, safe: Recovery, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale = Run(safe.folder, {**Run.open(safe.folder).record, "state": "running"})
    monkeypatch.setattr(Run, "enter", lambda *_: stale)
    before = {path: path.stat().st_mtime_ns for path in safe.folder.rglob("*") if path.is_file()}
    again = run("safe", safe.folder, subject=subject)
    assert same_weights(again.subject, safe.subject)
    assert {path: path.stat().st_mtime_ns for path in safe.folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(("method", "enough", "little"), [("lora", 1, 0.4), ("full", 7, 6)])
def test_room_is_asked_for_what_the_method_writes(
    method: str, enough: float, little: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In full two checkpoints, each of weights and both moments, and the model; with adapters far less."""
    subject = pruned(dtype=torch.float16)
    trained = 4 * subject.parameters  # in float32
    monkeypatch.setattr("headviz.recovery.checks.shutil.disk_usage", lambda _: Usage(int(enough * trained)))
    settings = {} if method == "full" else {"r": 1}
    assert run(method, tmp_path / "enough", subject=subject, epochs=1, **settings).saved
    monkeypatch.setattr("headviz.recovery.checks.shutil.disk_usage", lambda _: Usage(int(little * trained)))
    with pytest.raises(RunError, match="needs room for two checkpoints and the model"):
        run(method, tmp_path / "little", subject=subject)


class Usage(NamedTuple):
    free: int


def test_adapter_of_a_control_holds_no_path_of_the_run_that_it_copies(
    subject: hv.Subject, safe: Recovery, tmp_path: Path
) -> None:
    control = run("random", tmp_path / "run", subject=subject, counts_from=safe.folder)
    holding = [
        path.relative_to(control.folder).as_posix()
        for path in control.folder.rglob("*")
        if path.is_file() and str(safe.folder).encode() in path.read_bytes()
    ]
    assert holding == ["run.json"]  # which has to know it


def test_run_that_is_not_finished_is_not_opened(subject: hv.Subject, tmp_path: Path) -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        run("lora", tmp_path / "run", subject=subject, cancel=cancel)
    with pytest.raises(RunError, match="is not finished"):
        open_recovery(tmp_path / "run")


@pytest.mark.parametrize("why", ["steps too small", "nothing better"])
def test_run_that_moved_no_weight_says_so_in_its_notes_on_the_card_and_when_opened(why: str, tmp_path: Path) -> None:
    subject, (train, validation) = pruned(), splits(60, 40)
    settings: dict[str, Any] = {"epochs": 1, "batch_size": 16, "lr": 1e-7, "r": 4}
    if why == "nothing better":  # all right from the start, and then trained too fast
        answers = [subject.labels[i] for i in hv.evaluate(subject, validation).predictions]
        texts = [example.inputs[0] for example in validation]
        validation = hv.load_data(pd.DataFrame({"text": texts, "label": answers}))
        settings["lr"] = 1.0
    done = hv.recover(subject, train, validation, method="lora", folder=tmp_path / "run", **settings)
    assert same_weights(done.subject, subject) and not done.changed
    (said,) = [note for note in done.history.notes if note.startswith("No weight changed: ")]
    card = (tmp_path / "run" / "model" / "README.md").read_text()
    assert "no weight changed: its logits are those before" in card and "logits of its own" not in card
    again = open_recovery(tmp_path / "run")
    assert not again.changed and said in again.history.notes
    assert done.subject.cut is not None and done.subject.cut.provenance["recovery"]["changed"] is False


def test_run_that_moved_weights_says_nothing_of_it(tmp_path: Path) -> None:
    done = run("lora", tmp_path / "run", subject=pruned())
    assert done.changed
    assert not any("No weight changed" in note for note in done.history.notes)
    assert "logits of its own" in (tmp_path / "run" / "model" / "README.md").read_text()
