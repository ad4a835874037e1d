"""Settings: defaults of a setting and of a method, words for what is out of range, and steps counted by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headviz.errors import RunError
from headviz.recovery.methods import methods
from headviz.recovery.settings import SETTINGS, check_settings, steps_of_an_epoch, total_steps


def test_given_value_wins_over_the_methods_and_that_over_the_settings_own() -> None:
    names = ("lr", "epochs", "batch_size")
    values = check_settings("full", names, {"epochs": 3, "lr": 2e-5}, {"lr": "1e-4"})
    assert values == {"lr": 1e-4, "epochs": 3, "batch_size": SETTINGS["batch_size"].default}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"rank": 4}, r"^lora has no setting 'rank'; it takes lr, r, mlp\.$"),
        ({"lr": 2}, r"^lr must be a number from 1e-08 to 1\. Got 2\.$"),
        ({"lr": float("nan")}, "^lr must be a number"),
        ({"r": 2.5}, r"^r must be a whole number from 1 to 1024\. Got 2\.5\.$"),
        ({"mlp": "yes"}, r"^mlp must be True or False\. Got 'yes'\.$"),
    ],
)
def test_setting_that_is_unknown_or_out_of_range_is_told(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(RunError, match=sentence):
        check_settings("lora", ("lr", "r", "mlp"), {}, given)


def test_folder_of_counts_becomes_text_and_what_is_no_folder_is_told() -> None:
    assert check_settings("random", ("counts_from",), {}, {"counts_from": Path("runs") / "safe"}) == {
        "counts_from": str(Path("runs") / "safe")
    }
    assert check_settings("random", ("counts_from",), {}, {"counts_from": None}) == {"counts_from": None}
    with pytest.raises(RunError, match=r"^counts_from must be the folder of a run\. Got 7\.$"):
        check_settings("random", ("counts_from",), {}, {"counts_from": 7})


def test_steps_are_batches_of_an_epoch_the_last_one_short_times_epochs() -> None:
    settings = {"batch_size": 16, "epochs": 3}
    assert steps_of_an_epoch(8544, settings) == 534 and total_steps(8544, settings) == 1602
    assert steps_of_an_epoch(17, settings) == 2 and steps_of_an_epoch(1, settings) == 1


def test_full_has_the_settings_of_cahp_and_lora_those_of_its_paper() -> None:
    full, lora = methods["full"].settings({}), methods["lora"].settings({})
    assert (full["lr"], full["epochs"], full["batch_size"], full["lr_warmup"]) == (2e-5, 3, 32, 0.1)
    assert "r" not in full and full["patience"] is None
    assert (lora["r"], lora["alpha"], lora["dropout"], lora["lr"], lora["epochs"]) == (8, 16, 0, 5e-4, 1)
    assert (lora["weight_decay"], lora["lr_warmup"], lora["clip"], lora["batch_size"]) == (0.01, 0.06, 1.0, 16)
    safe = methods["safe"].settings({})
    assert (safe["warmup"], safe["end"], safe["level"], safe["checks"], safe["at_least"]) == (0.15, 0.5, 0.8, 8, 1)
    assert lora.items() <= safe.items()
