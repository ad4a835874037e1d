"""The history of a run: read from the trainer's log, kept in a file, and as tables."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from headviz.errors import RunError
from headviz.recovery.history import Check, History

NAN = math.nan
LOG = [
    {"eval_loss": 1.1, "eval_accuracy": 0.4, "eval_accuracy_low": 0.3, "eval_accuracy_high": 0.5, "eval_runtime": 0.1}
    | {"epoch": 0, "step": 0},
    {"loss": 1.05, "grad_norm": 2.0, "learning_rate": 1e-3, "epoch": 0.5, "step": 1},
    {
        "eval_loss": 0.9,
        "eval_accuracy": 0.6,
        "eval_accuracy_low": 0.5,
        "eval_accuracy_high": 0.7,
        "epoch": 1,
        "step": 2,
    },
    {"train_loss": 1.0, "train_runtime": 3.0, "epoch": 1, "step": 2},
]
CHECKS = [
    Check(2, 0.25, (0.125, 0.5, 0.25), (False, False, False)),
    Check(4, 0.5, (0.25, 1.0, 0.125), (True, False, True)),
    Check(6, 0.75, (2.0, 0.5, 0.0), (True, False, True)),
]


def history() -> History:
    return History.from_log(
        LOG, total=8, metric="accuracy", layers=(0, 2, 3), step=6, checks=CHECKS, best=2, notes=["a"]
    )


def test_log_of_the_trainer_becomes_losses_and_looks() -> None:
    own = history()
    assert own.losses == [{"step": 1, "loss": 1.05}]
    assert own.evaluations == [
        {"step": 0, "loss": 1.1, "accuracy": 0.4, "accuracy_low": 0.3, "accuracy_high": 0.5},
        {"step": 2, "loss": 0.9, "accuracy": 0.6, "accuracy_low": 0.5, "accuracy_high": 0.7},
    ]


def test_history_is_in_its_file_as_it_was(tmp_path: Path) -> None:
    history().save(tmp_path)
    assert History.open(tmp_path) == history()
    control = Check(1, NAN, (NAN, NAN), (True, False))
    History(total=1, metric="accuracy", checks=[control]).save(tmp_path)
    assert str(History.open(tmp_path).checks) == str([control])


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "3", "{}", '{"checks": [{}]}', '{"checks": [], "layers": [], "x": 1}']
)
def test_damaged_file_is_told(content: str, tmp_path: Path) -> None:
    (tmp_path / "history.json").write_text(content)
    with pytest.raises(RunError, match="is not there or cannot be read"):
        History.open(tmp_path)


def test_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is not there or cannot be read"):
        History.open(tmp_path)


def test_tables_of_loss_and_quality() -> None:
    assert history().loss_frame().to_dict("list") == {"step": [1], "loss": [1.05]}
    assert history().quality_frame().to_dict("list") == {
        "step": [0, 2],
        "value": [0.4, 0.6],
        "low": [0.3, 0.5],
        "high": [0.5, 0.7],
        "loss": [1.1, 0.9],
        "best": [False, True],
    }
    assert list(History(total=1, metric="accuracy").quality_frame().columns) == list(history().quality_frame().columns)


def test_table_of_importance_has_states_steps_and_shares_of_the_live() -> None:
    frame = history().importance_frame()
    assert frame.step.tolist() == [2] * 3 + [4] * 3 + [6] * 3 and frame.layer.tolist() == [0, 2, 3] * 3
    assert frame.state.tolist() == ["live"] * 3 + ["free", "live", "carrying"] * 2
    # at step 6 unit 1 is the only live one, so it is the whole
    assert frame.relative.tolist() == [0.25, 1, 0.5, 0.25, 1, 0.125, 4, 1, 0]
    assert str(frame.frozen_at.tolist()) == str([NAN, NAN, NAN, 4.0, NAN, 4.0, 4.0, NAN, 4.0])
    assert frame.threshold.tolist() == [0.25] * 3 + [0.5] * 3 + [0.75] * 3


def test_table_of_a_control_has_no_importance() -> None:
    own = History(total=4, metric="accuracy", layers=(0, 1), checks=[Check(0, NAN, (NAN, NAN), (True, False))])
    frame = own.importance_frame()
    assert frame.importance.isna().all() and frame.relative.isna().all() and frame.state.tolist() == ["free", "live"]


def test_file_is_plain_json_without_types_of_numpy(tmp_path: Path) -> None:
    import numpy as np

    own = History(total=1, metric="accuracy", losses=[{"step": 1, "loss": np.float32(0.5)}])  # type: ignore[dict-item]
    own.save(tmp_path)
    assert json.loads((tmp_path / "history.json").read_text("utf-8"))["losses"] == [{"step": 1, "loss": 0.5}]
