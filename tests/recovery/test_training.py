"""Training: runs that were killed, stopped or robbed of a checkpoint end as if nothing had been; what cannot be trained
stops with a sentence.

Over 400 lines because it is a list of ways in which a run can end early, which share the whole runs they are held to.
"""

from __future__ import annotations

import errno
import itertools
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import headviz as hv
from headviz.errors import Cancelled, RunError
from headviz.recovery import History, Recovery, open_recovery
from headviz.recovery.adapters import parameters_of
from headviz.recovery.checkpoints import is_whole, steps_of
from headviz.recovery.freezer import Freezer
from headviz.recovery.training import _Trainer
from tests.conftest import CHECKOUT
from tests.recovery.runs import pruned, run, same_weights, splits

METHODS = ("full", "lora", "safe", "safe-prefix", "prefix", "random")


@pytest.fixture(scope="module")
def subject() -> hv.Subject:
    return pruned()


class Killed(BaseException):
    """Nothing of headviz or transformers catches it."""


def killed_at(step: int) -> Callable[[int, int, str], None]:
    """An ``on_progress`` that ends everything after ``step``, before its checkpoint."""

    def on_progress(done: int, total: int, stage: str) -> None:
        if done == step:
            raise Killed

    return on_progress


@pytest.fixture(scope="module")
def whole(subject: hv.Subject, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Recovery]:
    """The uninterrupted run of a method, with the weights of its last step."""
    place, made = tmp_path_factory.mktemp("whole"), dict[str, Recovery]()

    def of(method: str, **settings: Any) -> Recovery:
        name = f"{method} {settings}"
        if name not in made:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(_Trainer, "take_best", lambda trainer: None)
                made[name] = run(method, place / str(len(made)), subject=subject, **counts(of, method), **settings)
        return made[name]

    return of


def counts(whole: Callable[..., Recovery], method: str) -> dict[str, Any]:
    return {"counts_from": str(whole("safe").folder)} if method in ("prefix", "random") else {}


@pytest.fixture
def last_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs end with the weights of their last step, so that no step after the best one goes unseen."""
    monkeypatch.setattr(_Trainer, "take_best", lambda trainer: None)


def same_run(a: Recovery, b: Recovery) -> bool:
    return (
        same_weights(a.subject, b.subject)
        and a.history.evaluations == b.history.evaluations
        and a.history.losses == b.history.losses
        and [one.frozen for one in a.history.checks] == [one.frozen for one in b.history.checks]
        and [(one.steps, one.activation_bytes, one.flops) for one in a.cost.segments]
        == [(one.steps, one.activation_bytes, one.flops) for one in b.cost.segments]
    )


@pytest.mark.usefixtures("last_weights")
@pytest.mark.parametrize("method", METHODS)
def test_run_killed_before_at_and_after_a_freeze_and_in_the_second_epoch_ends_bit_for_bit_as_the_whole_one(
    method: str, subject: hv.Subject, whole: Callable[..., Recovery], tmp_path: Path
) -> None:
    for step in (4, 5, 7):  # checkpoints are after steps 2, 4, 6 and 8; blocks may freeze after 4 and 6
        with pytest.raises(Killed):
            run(method, tmp_path / "run", subject=subject, on_progress=killed_at(step), **counts(whole, method))
    expected = whole(method)
    assert same_run(run(method, tmp_path / "run", subject=subject, **counts(whole, method)), expected)
    if method in ("safe", "random"):
        assert sum(expected.history.checks[-1].frozen) > 0


@pytest.mark.usefixtures("last_weights")
def test_killed_run_that_compares_with_the_last_check_ends_as_the_whole_one(
    subject: hv.Subject, whole: Callable[..., Recovery], tmp_path: Path
) -> None:
    for step in (5, 7):
        with pytest.raises(Killed):
            run("safe", tmp_path / "run", subject=subject, on_progress=killed_at(step), reference="previous")
    again, expected = (
        run("safe", tmp_path / "run", subject=subject, reference="previous"),
        whole("safe", reference="previous"),
    )
    assert same_run(again, expected)
    assert [check.importance for check in again.history.checks] == [
        check.importance for check in expected.history.checks
    ]


@pytest.mark.usefixtures("last_weights")
def test_process_killed_by_the_system_goes_on_to_the_same_weights(
    subject: hv.Subject, whole: Callable[..., Recovery], tmp_path: Path
) -> None:
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from tests.recovery.runs import pruned, run\n"
        "end = lambda done, total, stage: done == 7 and os.kill(os.getpid(), signal.SIGKILL)\n"
        "run('safe', Path(sys.argv[1]), subject=pruned(), on_progress=end)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "run")],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert next(step for step, _ in steps_of(tmp_path / "run")) == 6
    assert same_run(run("safe", tmp_path / "run", subject=subject), whole("safe"))


def cut_off(checkpoint: Path) -> None:
    path = checkpoint / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def without_random_state(checkpoint: Path) -> None:
    (checkpoint / "rng_state.pth").unlink()


@pytest.mark.usefixtures("last_weights")
@pytest.mark.parametrize("damage", [cut_off, without_random_state])
def test_run_goes_on_from_the_checkpoint_before_a_damaged_one(
    damage: Callable[[Path], None], subject: hv.Subject, whole: Callable[..., Recovery], tmp_path: Path
) -> None:
    with pytest.raises(Killed):
        run("safe", tmp_path / "run", subject=subject, on_progress=killed_at(7))
    latest = tmp_path / "run" / "checkpoints" / "checkpoint-6"
    damage(latest)
    assert not is_whole(latest)
    steps: list[int] = []
    again = run("safe", tmp_path / "run", subject=subject, on_progress=lambda done, *_: steps.append(done))
    assert same_run(again, whole("safe"))
    assert min(step for step in steps if step) in (2, 4)


@pytest.mark.usefixtures("last_weights")
@pytest.mark.parametrize("step", [3, 4])
def test_run_stopped_by_cancel_leaves_a_checkpoint_of_that_step_and_goes_on(
    step: int, subject: hv.Subject, whole: Callable[..., Recovery], tmp_path: Path
) -> None:
    cancel, seen = threading.Event(), list[int]()

    def on_progress(done: int, total: int, stage: str) -> None:
        seen.append(done)
        if done == step:
            cancel.set()

    with pytest.raises(Cancelled):
        run("safe", tmp_path / "run", subject=subject, on_progress=on_progress, cancel=cancel)
    assert max(seen) == step
    assert is_whole(tmp_path / "run" / "checkpoints" / f"checkpoint-{step}")
    assert same_run(run("safe", tmp_path / "run", subject=subject), whole("safe"))


@pytest.mark.parametrize(
    ("method", "step", "settings"),
    [
        ("full", 4, {}),
        ("safe", 4, {}),
        ("safe", 10, {}),  # the last step
        ("full", 5, {"evaluations": 1, "epochs": 1}),  # the only look
        ("lora", 0, {}),  # before the first one
        ("lora", 4, {"patience": 1, "lr": 0.05}),  # the look after which patience is lost
    ],
)
def test_cancel_breaks_a_look_at_validation_off_within_a_batch_and_the_run_goes_on_with_that_look(
    method: str,
    step: int,
    settings: dict[str, Any],
    subject: hv.Subject,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = splits(validation=150)  # three batches
    expected = run(method, tmp_path / "whole", subject=subject, data=data, **settings)
    if "patience" in settings:
        assert expected.history.step == step < expected.history.total
    cancel, batches, look = threading.Event(), list[int](), _Trainer.prediction_step

    def cancelled_in_the_second_batch(trainer: _Trainer, *arguments: Any, **named: Any) -> Any:
        batches.append(trainer.state.global_step)
        if batches.count(step) == 2:
            cancel.set()
        return look(trainer, *arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(_Trainer, "prediction_step", cancelled_in_the_second_batch)
        with pytest.raises(Cancelled):
            run(method, tmp_path / "run", subject=subject, data=data, cancel=cancel, **settings)
        assert batches.count(step) == 2 and max(batches) == step
        with pytest.raises(Cancelled):  # once more, in the look that is made up for
            run(method, tmp_path / "run", subject=subject, data=data, cancel=cancel, **settings)
    again = run(method, tmp_path / "run", subject=subject, data=data, **settings)
    assert same_run(again, expected) and again.history.best == expected.history.best
    assert again.cost.optimizer_bytes == expected.cost.optimizer_bytes > 0


def test_second_run_in_a_folder_at_work_is_refused_and_harms_nothing(subject: hv.Subject, tmp_path: Path) -> None:
    refused: list[str] = []

    def on_progress(done: int, total: int, stage: str) -> None:
        if done == 3 and not refused:
            with pytest.raises(RunError) as error:
                run("lora", tmp_path / "run", subject=subject)
            refused.append(str(error.value))

    ours = run("lora", tmp_path / "run", subject=subject, on_progress=on_progress)
    assert refused == [
        f"Another recovery is at work in {str(tmp_path / 'run')!r}. Wait for its end, or choose another folder."
    ]
    assert ours.saved and ours.history.step == ours.history.total


@pytest.mark.parametrize("method", ["full", "safe"])
def test_best_weights_from_before_a_kill_are_those_that_a_run_ends_with(
    method: str, subject: hv.Subject, tmp_path: Path
) -> None:
    rate = {"lr": 0.05}  # so high that nothing after the first steps is any better
    expected = run(method, tmp_path / "whole", subject=subject, **rate)
    with pytest.raises(Killed):
        run(method, tmp_path / "run", subject=subject, on_progress=killed_at(9), **rate)
    again = run(method, tmp_path / "run", subject=subject, **rate)
    assert again.history.best == expected.history.best
    assert expected.history.best is not None and expected.history.best < 8
    assert same_weights(again.subject, expected.subject)


def test_run_that_patience_ended_makes_no_further_step_when_killed_before_its_model_is_written(
    subject: hv.Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"patience": 1, "lr": 0.05}
    expected = run("lora", tmp_path / "whole", subject=subject, **settings)
    assert expected.history.step < expected.history.total

    def die(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("headviz.recovery.recovery.write_adapter", die)
        with pytest.raises(Killed):
            run("lora", tmp_path / "run", subject=subject, **settings)
    again = run("lora", tmp_path / "run", subject=subject, **settings)
    assert again.history.step == expected.history.step
    assert again.cost.optimizer_bytes == expected.cost.optimizer_bytes > 0
    assert same_run(again, expected)


def test_lora_that_is_scored_and_freezes_nothing_is_lora_bit_for_bit(
    subject: hv.Subject, whole: Callable[..., Recovery], tmp_path: Path, last_weights: None
) -> None:
    scored = run("safe", tmp_path / "run", subject=subject, level=0)
    assert len(scored.history.checks) == 3 and not any(scored.history.checks[-1].frozen)
    assert same_weights(scored.subject, whole("lora").subject)
    assert scored.history.losses == whole("lora").history.losses


def test_prefix_with_the_counts_of_a_run_whose_sets_were_prefixes_is_that_run_bit_for_bit(
    subject: hv.Subject, whole: Callable[..., Recovery], tmp_path: Path, last_weights: None
) -> None:
    safe = whole("safe-prefix")
    assert 0 < sum(safe.history.checks[-1].frozen) < 3
    control = run("prefix", tmp_path / "run", subject=subject, counts_from=safe.folder)  # a Path, which JSON has not
    assert same_weights(control.subject, safe.subject)
    assert [one.frozen for one in control.history.checks] == [one.frozen for one in safe.history.checks]


def test_what_is_frozen_never_moves_and_what_is_live_does(
    subject: hv.Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[tuple[bool, ...], list[list[torch.Tensor]]]] = []
    end_of_step = Freezer.on_step_end

    def watched(freezer: Freezer, args: Any, state: Any, control: Any, **rest: Any) -> None:
        end_of_step(freezer, args, state, control, **rest)
        weights = [[one.detach().clone() for one in parameters_of(freezer.model, unit)] for unit in freezer.units]
        seen.append((tuple(freezer.frozen.tolist()), weights))

    monkeypatch.setattr(Freezer, "on_step_end", watched)
    run("safe", tmp_path / "run", subject=subject)
    assert len(seen) == 10
    moves = 0
    for (frozen, before), (_, after) in itertools.pairwise(seen):
        for gone, old, new in zip(frozen, before, after, strict=True):
            assert len(old) > 0
            assert all(torch.equal(*pair) for pair in zip(old, new, strict=True)) == gone
            moves += not gone
    assert any(seen[-1][0]) and moves > 0


def test_saved_activations_fall_with_a_frozen_prefix(
    subject: hv.Subject, whole: Callable[..., Recovery], tmp_path: Path
) -> None:
    bytes_of = [whole("lora").cost.activations.peak]
    for count in (1, 2):
        cost = run("prefix", tmp_path / str(count), subject=subject, lowest=count, epochs=1).cost
        assert [one.steps for one in cost.segments] == [5]
        bytes_of.append(cost.activations.mean)
    # Units stand on layers 0, 2 and 3, since layer 1 has no head: with two of them frozen no graph is below layer 3,
    # which is a bit more than a quarter, having the most heads.
    assert bytes_of[0] > bytes_of[1] > bytes_of[2]
    assert 0.25 < bytes_of[2] / bytes_of[0] < 0.4


@pytest.mark.parametrize("switch", ["activation_checkpointing_enable", "enable_input_require_grads"])
def test_model_that_was_set_to_give_inputs_a_gradient_saves_all_the_same(
    switch: str, subject: hv.Subject, tmp_path: Path
) -> None:
    odd = pruned()
    model: Any = odd.model
    getattr(model, switch)()
    costs = [
        run("prefix", tmp_path / str(place), subject=one, lowest=2, epochs=1).cost
        for place, one in enumerate((subject, odd))
    ]
    assert costs[0].activations == costs[1].activations and costs[0].flops == costs[1].flops


class InMixedPrecision:
    """Makes runs train in bfloat16 where the processor could not be told from a GPU."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from headviz.recovery import training

        arguments = training.TrainingArguments
        monkeypatch.setattr(training, "TrainingArguments", lambda **named: arguments(**{**named, "bf16": True}))


@pytest.mark.parametrize("method", ["full", "lora"])
@pytest.mark.parametrize("interrupted", [False, True])
def test_model_that_was_trained_in_mixed_precision_comes_back_in_its_own(
    method: str, interrupted: bool, subject: hv.Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    InMixedPrecision(monkeypatch)
    cancel = threading.Event()
    if interrupted:
        monkeypatch.setattr(_Trainer, "prediction_step", cancelled_at(4, cancel, _Trainer.prediction_step))
        with pytest.raises(Cancelled):
            run(method, tmp_path / "run", subject=subject, cancel=cancel)
        cancel.clear()
    done = run(method, tmp_path / "run", subject=subject, cancel=cancel)
    assert "forward" not in vars(done.subject.model)
    data = splits()[1]
    ours, stored = (hv.evaluate(one, data).logits for one in (done.subject, open_recovery(done.folder).subject))
    assert np.array_equal(ours, stored)


def cancelled_at(step: int, cancel: threading.Event, look: Callable[..., Any]) -> Callable[..., Any]:
    """A ``prediction_step`` that sets ``cancel`` in the look after ``step``, once."""
    looked: list[int] = []

    def prediction_step(trainer: _Trainer, *arguments: Any, **named: Any) -> Any:
        if trainer.state.global_step == step and not looked:
            looked.append(step)
            cancel.set()
        return look(trainer, *arguments, **named)

    return prediction_step


def test_importance_in_mixed_precision_is_that_of_the_weights_and_not_of_rounding(
    subject: hv.Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    InMixedPrecision(monkeypatch)
    done = run("safe", tmp_path / "run", subject=subject, lr=1e-8)  # so that nothing moves
    assert max(max(check.importance) for check in done.history.checks) < 1e-9


@pytest.mark.parametrize("name", ["output_hidden_states", "output_attentions"])
def test_model_that_gives_more_than_logits_is_recovered_as_one_that_does_not(
    name: str, subject: hv.Subject, tmp_path: Path
) -> None:
    more = pruned()
    config: Any = more.model.config
    config._attn_implementation = "eager" if name == "output_attentions" else config._attn_implementation
    setattr(config, name, True)
    done, expected = (
        run("lora", tmp_path / str(place), subject=one, epochs=1) for place, one in enumerate((more, subject))
    )
    assert len(done.history.evaluations) == len(expected.history.evaluations)
    assert [one["accuracy"] for one in done.history.evaluations] == [
        one["accuracy"] for one in expected.history.evaluations
    ]
    assert getattr(done.subject.model.config, name) is True


def test_steps_are_counted_and_measured_at_every_change_of_the_frozen_set(whole: Callable[..., Recovery]) -> None:
    safe = whole("safe")
    sets = [(0, 0), *((check.step, sum(check.frozen)) for check in safe.history.checks)]
    changes = [step for (_, before), (step, after) in itertools.pairwise(sets) if after != before]
    assert [one.steps for one in safe.cost.segments] == [b - a for a, b in itertools.pairwise([0, *changes, 10])]
    trained = [one.trainable for one in safe.cost.segments]
    assert trained == sorted(trained, reverse=True) and len(set(trained)) == len(changes) + 1 > 1


def test_history_can_be_read_whole_at_every_step(subject: hv.Subject, tmp_path: Path) -> None:
    from headviz.recovery import History

    steps: list[int] = []

    def on_progress(done: int, total: int, stage: str) -> None:
        if done > 1:
            history = History.open(tmp_path / "run")
            assert history.total == total == 10
            steps.append(history.step)

    run("safe", tmp_path / "run", subject=subject, on_progress=on_progress)
    assert sorted(set(steps)) == list(range(1, 10))  # of the step before the one that is told


def test_loss_that_is_no_number_stops_at_the_first_step(tmp_path: Path) -> None:
    poisoned = pruned()
    with torch.no_grad():
        next(poisoned.model.parameters())[5:] = float("inf")
    with pytest.raises(RunError, match=r"The loss is not a number at step 1\. Start another run with a lower learning"):
        run("lora", tmp_path / "run", subject=poisoned)
    assert not list(steps_of(tmp_path / "run"))


def test_gradient_that_is_no_number_stops_before_it_spoils_a_weight(
    subject: hv.Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    norm = _Trainer._clip_grad_norm
    monkeypatch.setattr(
        _Trainer,
        "_clip_grad_norm",
        lambda self, model: norm(self, model) * (float("inf") if self.state.global_step == 2 else 1),
    )
    with pytest.raises(RunError, match="The gradient is not a number at step 3"):
        run("lora", tmp_path / "run", subject=subject)
    assert is_whole(tmp_path / "run" / "checkpoints" / "checkpoint-2")


class FullDisk:
    """From a step on writing fails, ``times`` times, as it does on a disk without room."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
        self.times, self.writes = times, torch.save
        monkeypatch.setattr(torch, "save", self.save)

    def save(self, *args: Any, **named: Any) -> None:
        if self.times:
            self.times -= 1
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(args[1]))
        self.writes(*args, **named)


def test_disk_that_is_full_once_costs_a_checkpoint_and_nothing_else(
    subject: hv.Subject,
    whole: Callable[..., Recovery],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    last_weights: None,
) -> None:
    FullDisk(monkeypatch, times=1)
    done = run("safe", tmp_path / "run", subject=subject)
    assert same_run(done, whole("safe"))
    assert done.history.notes[-1].startswith("The checkpoint of step 2 could not be written")
    assert "No space left on device" in done.history.notes[-1]
    assert str(tmp_path) not in done.history.notes[-1]


def test_note_of_the_part_before_a_kill_stays(
    subject: hv.Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    FullDisk(monkeypatch, times=1)
    with pytest.raises(Killed):
        run("safe", tmp_path / "run", subject=subject, on_progress=killed_at(5))
    notes = run("safe", tmp_path / "run", subject=subject).history.notes
    assert sum(note.startswith("The checkpoint of step 2 could not be written") for note in notes) == 1
    assert len(set(notes)) == len(notes)


def test_history_of_a_run_that_is_stopped_in_a_look_is_of_its_last_step(subject: hv.Subject, tmp_path: Path) -> None:
    data, cancel = splits(train=450), threading.Event()  # 450 steps, of which every fourth has its loss logged

    def on_progress(done: int, total: int, stage: str) -> None:
        if done == 45:
            cancel.set()

    settings = {"batch_size": 1, "epochs": 1, "evaluations": 10}
    with pytest.raises(Cancelled):
        run("lora", tmp_path / "run", subject=subject, data=data, on_progress=on_progress, cancel=cancel, **settings)
    assert (tmp_path / "run" / "checkpoints" / "checkpoint-45").exists()
    assert History.open(tmp_path / "run").step == 45


def test_disk_that_is_full_twice_ends_the_run_with_its_best_weights(
    subject: hv.Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    FullDisk(monkeypatch, times=2)
    done = run("lora", tmp_path / "run", subject=subject)
    assert done.history.step == 4 and done.history.best in (2, 4)
    assert done.history.notes[-1] == "Training ended there, with the best weights so far."
    assert done.saved and not (tmp_path / "run" / "checkpoints").exists()


def test_model_that_a_full_disk_cannot_hold_is_given_back_and_can_be_written_later(
    subject: hv.Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "run"
    with monkeypatch.context() as patch:

        def fill_up(done: int, total: int, stage: str) -> None:
            if done == 5:
                patch.setattr("headviz.files.os.fsync", full)

        def full(file: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        done = run("lora", place, subject=subject, on_progress=fill_up)
    assert not done.saved and done.history.step == 10
    assert done.history.notes[-1].startswith("The recovered model is in no folder, since")
    assert "the disk is full" in done.history.notes[-1]
    again = run("lora", place, subject=subject)
    assert again.saved and same_weights(again.subject, done.subject)
