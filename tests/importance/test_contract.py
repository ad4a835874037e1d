"""What every criterion owes its users, checked for all that are registered."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import headviz as hv
from headviz.glossary import glossary
from headviz.option import Option
from tests.tiny import FAMILIES, tiny_labels, tiny_model, tiny_texts

NAMES = list(hv.criteria)
GIVEN = {"hies": {"alpha": 0.5}, "shapley": {"samples": 3}, "integrated_gradients": {"steps": 4}}
DATA = hv.load_data(pd.DataFrame({"text": tiny_texts(8, seed=1), "label": tiny_labels(8)}))


def subject_of(family: str = "bert") -> hv.Subject:
    return hv.Subject.wrap(*tiny_model(family), name="tiny")


def values(name: str, subject: hv.Subject, data: hv.Data = DATA, **rest: object) -> np.ndarray:
    return hv.criteria[name](subject, data, **GIVEN.get(name, {}), **rest).values


def test_criteria_are_those_of_the_contract() -> None:
    assert set(NAMES) >= {
        "his",
        "entropy",
        "hies",
        "fisher",
        "weight_l2",
        "random",
        "integrated_gradients",
        "ablation",
        "shapley",
        "cahp",
    }


def test_every_file_beside_the_criteria_is_registered() -> None:
    folder = Path(hv.criteria["his"].compute.__code__.co_filename).parent
    files = {path.stem for path in folder.glob("*.py")} - {"__init__", "criterion", "gate_loss"}
    assert files == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_criterion_describes_itself(name: str) -> None:
    criterion = hv.criteria[name]
    assert criterion.name == name
    assert criterion.title
    assert criterion.explain == glossary[name].sentence
    assert criterion.needs in ("scores", "model", "data")
    for option in criterion.options.values():
        assert isinstance(option, Option)
        assert option.sentence.endswith(".")
        assert option.choices or (option.low is not None and option.high is not None)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", NAMES)
def test_criterion_gives_a_finite_number_per_head(name: str, family: str) -> None:
    found = values(name, subject_of(family))
    assert found.shape == (3, 4)
    assert found.dtype == np.float64
    assert np.isfinite(found).all()


@pytest.mark.parametrize("name", NAMES)
def test_criterion_same_seed_gives_the_same_values(name: str) -> None:
    subject = subject_of()
    np.testing.assert_array_equal(values(name, subject, seed=3), values(name, subject, seed=3))


@pytest.mark.parametrize("name", NAMES)
def test_criterion_says_whether_the_seed_matters(name: str) -> None:
    subject, criterion = subject_of(), hv.criteria[name]
    one, two = (criterion(subject, DATA, seed=seed, **GIVEN.get(name, {})) for seed in (0, 1))
    assert criterion.seeded != np.array_equal(one.values, two.values)
    assert two.options.get("seed") == (1 if criterion.seeded else None)


@pytest.mark.parametrize("name", NAMES)
def test_criterion_order_of_examples_changes_nothing_beyond_rounding(name: str) -> None:
    subject = subject_of()
    order = np.random.default_rng(0).permutation(len(DATA))
    np.testing.assert_allclose(values(name, subject, DATA.take(order)), values(name, subject), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", [name for name in NAMES if hv.criteria[name].needs == "scores"])
def test_criterion_from_scores_needs_neither_model_nor_data(name: str) -> None:
    subject = subject_of()
    scores = hv.score(subject, DATA)
    alone = hv.criteria[name](None, None, scores=scores, **GIVEN.get(name, {}))
    np.testing.assert_array_equal(alone.values, values(name, subject))
    assert alone.provenance["model"]["fingerprint"] == subject.fingerprint


@pytest.mark.parametrize("name", [name for name in NAMES if hv.criteria[name].needs != "scores"])
def test_criterion_without_what_it_needs_says_so(name: str) -> None:
    with pytest.raises(hv.ScoreError, match="--model"):
        hv.criteria[name](None, None)


@pytest.mark.parametrize("name", NAMES)
def test_criterion_unknown_option_is_refused_by_name(name: str) -> None:
    with pytest.raises(hv.ScoreError, match="no option 'colour'"):
        hv.criteria[name](subject_of(), DATA, colour="red")


@pytest.mark.parametrize("name", NAMES)
def test_criterion_option_outside_its_range_is_refused_by_name(name: str) -> None:
    for option, definition in hv.criteria[name].options.items():
        wrong = "nonsense" if definition.choices else definition.high + 1
        with pytest.raises(hv.ScoreError, match=option):
            hv.criteria[name](subject_of(), DATA, **{**GIVEN.get(name, {}), option: wrong})


@pytest.mark.parametrize("name", NAMES)
def test_criterion_can_be_selected_from(name: str) -> None:
    scores = hv.criteria[name](subject_of(), DATA, **GIVEN.get(name, {}))
    mask = hv.select(scores, 5)
    assert mask.count == 7
    assert set(scores.rank()[~mask.keep].tolist()) == set(range(5))
    assert scores.frame().columns.tolist() == ["head", "layer", "index", "value", "rank"]


def test_criteria_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(hv.ScoreError, match="Did you mean 'shapley'"):
        hv.criteria["shaply"]


def test_hies_without_alpha_asks_for_it() -> None:
    with pytest.raises(hv.ScoreError, match="needs alpha, a number from 0 to 1"):
        hv.criteria["hies"](subject_of(), DATA)


@pytest.mark.parametrize("name", NAMES)
def test_criterion_tells_progress_to_the_end(name: str) -> None:
    calls: list[tuple[int, int, str]] = []
    values(name, subject_of(), on_progress=lambda *said: calls.append(said))
    done, total, stage = calls[-1]
    assert done == total > 0
    assert stage


@pytest.mark.parametrize("name", NAMES)
def test_criterion_cancelled_before_the_start_raises(name: str) -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(hv.Cancelled):
        values(name, subject_of(), cancel=cancel)


@pytest.mark.parametrize("seed", [-1, 1.5, "first", None, True])
@pytest.mark.parametrize("name", NAMES)
def test_criterion_seed_that_is_none_is_refused_with_a_sentence(name: str, seed: object) -> None:
    with pytest.raises(hv.ScoreError, match="seed must be a whole number"):
        values(name, subject_of(), seed=seed)
