"""Slices of the loss: what they must agree with, what filter normalisation makes them ignore, and untouched models."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import headviz as hv
from headviz.errors import Cancelled, DataError, RunError
from headviz.families import family_of
from headviz.recovery.adapters import with_adapters
from headviz.recovery.loss_slice import LossSlice, loss_slice, projections
from tests.test_no_trace import state
from tests.tiny import DECODERS, FAMILIES, tiny_labels, tiny_model, tiny_texts

DATA = hv.load_data(pd.DataFrame({"text": tiny_texts(20), "label": tiny_labels(20)}))


def subject_of(family: str = "bert", seed: int = 0, **config: Any) -> hv.Subject:
    return hv.Subject.wrap(*tiny_model(family, seed=seed, **config), name=f"tiny-{family}")


def curves(found: LossSlice, name: str) -> np.ndarray:
    """(directions, points)"""
    of_model = found.frame[found.frame["name"] == name]
    return of_model.pivot(index="direction", columns="alpha", values="loss").to_numpy()


def pruned(subject: hv.Subject) -> hv.Subject:
    keep = np.array([[1, 0, 1, 1], [0, 0, 0, 0], [0, 1, 0, 1]], dtype=bool)
    return hv.prune(subject, hv.Mask(keep, subject=subject))


def test_a_slice_has_a_row_for_each_model_direction_and_point() -> None:
    found = loss_slice({"lora": subject_of(), "safe": subject_of(seed=1)}, DATA, points=5, directions=2)
    expected = [(n, d, a) for n in ("lora", "safe") for d in (0, 1) for a in (-1, -0.5, 0, 0.5, 1)]
    assert list(found.frame[["name", "direction", "alpha"]].itertuples(index=False, name=None)) == expected
    assert found.examples == 20 and np.isfinite(found.frame["loss"]).all()


def test_the_defaults_are_21_points_along_3_directions() -> None:
    found = loss_slice({"lora": subject_of(layers=1)}, DATA)
    assert curves(found, "lora").shape == (3, 21)
    assert found.frame["alpha"].unique() == pytest.approx(np.arange(-10, 11) / 10)


def test_a_slice_at_0_is_the_loss_of_the_model() -> None:
    subject = subject_of()
    found = loss_slice({"lora": subject}, DATA, points=5, directions=2)
    own = hv.evaluate(subject, DATA).loss.mean()
    assert found.frame.loc[found.frame["alpha"] == 0, "loss"].to_numpy() == pytest.approx([own, own], abs=1e-12)


def test_rise_is_the_loss_half_way_over_the_loss_at_0() -> None:
    found = loss_slice({"lora": subject_of(), "safe": subject_of(seed=1)}, DATA, points=9, directions=3)
    for row in found.rise.itertuples():
        each = [(curve[2] + curve[6]) / 2 - curve[4] for curve in curves(found, row.name)]
        assert (row.rise, row.lowest, row.highest) == pytest.approx((np.mean(each), min(each), max(each)))
        assert row.directions == 3 and row.lowest < row.highest
    assert found.rise["name"].tolist() == ["lora", "safe"]


def test_all_models_go_along_the_same_directions() -> None:
    subject = subject_of()
    found = loss_slice({"lora": subject, "safe": subject_of()}, DATA, points=5, directions=2)
    assert np.array_equal(curves(found, "lora"), curves(found, "safe"))
    assert not np.allclose(curves(found, "lora")[0], curves(found, "lora")[1])


def test_more_points_lie_on_the_same_curve() -> None:
    subject = subject_of()
    few, many = (curves(loss_slice({"a": subject}, DATA, points=points), "a") for points in (5, 9))
    assert np.array_equal(few, many[:, ::2])


def test_seed_decides_on_the_directions() -> None:
    subject = subject_of()
    one, same, other = (curves(loss_slice({"a": subject}, DATA, points=5, seed=seed), "a") for seed in (0, 0, 1))
    assert np.array_equal(one, same) and not np.allclose(one[:, 0], other[:, 0])


@pytest.mark.parametrize("factor", [8.0, 0.125])
def test_filter_normalisation_makes_equal_models_of_other_scale_equal(factor: float) -> None:
    """Queries times c and keys over c are the same model; steps of one length for both would not see it so."""
    plain, scaled = tiny_model("bert")[0], tiny_model("bert")[0]
    for use in family_of(scaled).uses(scaled):
        for part, by in ((use.query, factor), (use.key, 1 / factor)):
            part.weight.data *= by
            part.bias.data *= by
    tokenizer = tiny_model("bert")[1]
    subjects = {n: hv.Subject.wrap(m, tokenizer, name=n) for n, m in (("plain", plain), ("scaled", scaled))}
    found = loss_slice(subjects, DATA, points=5)
    assert curves(found, "scaled") == pytest.approx(curves(found, "plain"), abs=1e-5)


def test_a_slice_moves_each_output_row_by_its_own_norm_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    """At alpha 1 a row has moved by its own norm, in weights as they are and in those that stand transposed."""
    for family in ("bert", "gpt2"):
        subject, seen = subject_of(family), list[tuple[float, hv.Subject]]()
        wrap = hv.Subject.wrap

        def watched(*arguments: Any, into: list[Any] = seen, wrap: Any = wrap, **rest: Any) -> hv.Subject:
            into.append(wrap(*arguments, **rest))
            return into[-1]

        monkeypatch.setattr(hv.Subject, "wrap", watched)
        loss_slice({"a": subject}, DATA, points=5, directions=1)
        monkeypatch.undo()
        (moved,) = seen  # it stays where the last point, alpha 1, has put it
        pairs = zip(*(family_of(one.model).uses(one.model) for one in (subject, moved)), strict=True)
        for before, after in pairs:
            for part in ("query", "key", "value", "output"):
                theta, there = before.weight(part), after.weight(part)
                torch.testing.assert_close((there - theta).norm(dim=1), theta.norm(dim=1))
                # a Gaussian step: neither along theta nor the same for all rows
                assert torch.cosine_similarity(there - theta, theta).abs().mean() < 0.5


def test_with_the_mlp_it_moves_too() -> None:
    subject = subject_of()
    without, with_mlp = (curves(loss_slice({"a": subject}, DATA, points=5, mlp=mlp), "a") for mlp in (False, True))
    assert without[:, 2] == pytest.approx(with_mlp[:, 2]) and not np.allclose(without[:, 0], with_mlp[:, 0])


@pytest.mark.parametrize("family", [*FAMILIES, *DECODERS])
def test_every_family_of_texts_can_be_sliced(family: str) -> None:
    found = loss_slice({"a": subject_of(family)}, DATA, points=5, directions=1)
    (curve,) = curves(found, "a")
    assert np.isfinite(curve).all() and np.ptp(curve) > 0


def test_a_pruned_model_with_an_empty_layer_can_be_sliced() -> None:
    subject = pruned(subject_of())
    for mlp in (False, True):
        found = loss_slice({"a": subject}, DATA, points=5, directions=1, mlp=mlp)
        assert np.isfinite(found.frame["loss"]).all() and np.ptp(found.frame["loss"]) > 0


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
@pytest.mark.parametrize("mlp", [False, True])
@pytest.mark.parametrize("made", [subject_of, lambda: subject_of("gpt2"), lambda: pruned(subject_of())])
def test_theta_is_what_gets_adapters(made: Callable[[], hv.Subject], mlp: bool) -> None:
    model = made().model
    adapted = with_adapters(copy.deepcopy(model), {"r": 2, "alpha": 4, "dropout": 0.0, "mlp": mlp})
    assert sorted(projections(model, mlp)) == sorted(adapted.targeted_module_names)


def test_limit_draws_the_same_texts_for_all_models() -> None:
    subject = subject_of()
    found = loss_slice({"a": subject, "b": subject}, DATA, points=5, directions=1, limit=7)
    assert found.examples == 7 and np.array_equal(curves(found, "a"), curves(found, "b"))
    whole = hv.evaluate(subject, DATA).loss
    assert not np.isclose(curves(found, "a")[0, 2], whole.mean())


@pytest.mark.parametrize("ending", ["well", "cancelled", "failing"])
def test_models_are_untouched_however_it_ends(ending: str) -> None:
    subject = subject_of()
    weights, before = copy.deepcopy(subject.model.state_dict()), state(subject.model)
    cancel = threading.Event()

    def on_progress(done: int, total: int, stage: str) -> None:
        if done > 60 and ending == "cancelled":
            cancel.set()
        if done > 60 and ending == "failing":
            raise OSError("no window")

    errors = {"well": (), "cancelled": Cancelled, "failing": OSError}[ending]
    try:
        loss_slice({"a": subject}, DATA, points=5, on_progress=on_progress, cancel=cancel)
        assert ending == "well"
    except errors:
        pass
    assert state(subject.model) == before
    assert all(torch.equal(weights[name], now) for name, now in subject.model.state_dict().items())


def test_progress_counts_every_text_of_every_pass(progress_log: Any) -> None:
    calls, on_progress = progress_log
    loss_slice({"a": subject_of(), "b": subject_of()}, DATA, points=5, directions=3, on_progress=on_progress)
    total = 2 * (3 * 4 + 1) * 20
    assert calls[0] == (0, total, "slicing the loss") and calls[-1] == (total, total, "slicing the loss")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"points": 20}, "points must be 5, 9, 13 and so on"),
        ({"points": 1}, "points must be 5, 9, 13 and so on"),
        ({"directions": 0}, "directions must be a whole number of at least 1"),
        ({"limit": 2.5}, "limit must be a whole number of at least 1"),
    ],
)
def test_settings_that_make_no_slice_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(RunError, match=message):
        loss_slice({"a": subject_of()}, DATA, **settings)


def test_no_model_and_models_of_other_shapes_are_refused() -> None:
    with pytest.raises(RunError, match="no model to slice"):
        loss_slice({}, DATA)
    with pytest.raises(RunError, match="cut and whole have projections of different shapes"):
        loss_slice({"whole": subject_of(), "cut": pruned(subject_of())}, DATA)


def test_data_of_other_labels_is_refused_for_each_model() -> None:
    other = subject_of(labels=("left", "right", "middle"))
    with pytest.raises(DataError, match="label"):
        loss_slice({"a": subject_of(), "b": other}, DATA)
