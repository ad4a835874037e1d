"""A recovery as files: its history as tables, all of it as JSON, and its folders as archives."""

from __future__ import annotations

import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headviz.files import zip_folder
from headviz.mask.plain import plain
from headviz.spreadsheet import csv_of

if TYPE_CHECKING:
    from headviz.recovery import History
    from headviz.ui.recoveries import RecoveryRun


def history_csv(history: History) -> bytes:
    """A row per step at which anything was measured: the training loss, and the main metric and the loss on the
    validation texts."""
    quality = history.quality_frame().rename(columns={"value": history.metric, "loss": "validation_loss"})
    losses = history.loss_frame().rename(columns={"loss": "training_loss"})
    table = losses.merge(quality, on="step", how="outer").sort_values("step")
    return csv_of(table)


def importance_csv(history: History) -> bytes:
    return csv_of(history.importance_frame())


def record_json(run: RecoveryRun) -> bytes:
    """What was asked, what was measured and what it cost. No path of this machine is in it."""
    from headviz.provenance import data_block, model_block
    from headviz.recovery.settings import COUNTS_FROM

    history, cost = run.history(), run.cost()
    content = {
        "method": run.method,
        "seed": run.seed,
        "settings": {name: value for name, value in run.settings.items() if name != COUNTS_FROM},
        "model": model_block(run.subject),
        "mask": {"code": run.mask.code, "pruned": list(run.mask.pruned)},
        "train": data_block(run.train),
        "validation": data_block(run.validation),
        "history": None if history is None else asdict(history),
        "cost": None if cost is None else cost.record(),
        "measured": {part: _levels(levels) for part, levels in run.levels.items()},
    }
    written = json.dumps(plain(content), indent=1, ensure_ascii=False)
    # in JSON, as the path stands in notes on what could not be written
    return written.replace(json.dumps(str(run.folder), ensure_ascii=False)[1:-1], run.folder.name).encode()


def _levels(levels: Any) -> dict[str, Any]:
    known = {name: getattr(levels, name) for name in ("whole", "masked", "recovered")}
    return {
        name: {"examples": len(one), **{metric: estimate.record() for metric, estimate in one.metrics.items()}}
        for name, one in known.items()
        if one is not None
    }


def zipped(folder: Path) -> bytes:
    """``folder`` as an archive that holds it."""
    packed = io.BytesIO()
    zip_folder(folder, packed)
    return packed.getvalue()
