"""The bundled demo: its texts, its model's promises, and that training it is reproducible."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headviz as hv
from headviz.demo import reviews
from headviz.demo.reviews import LABELS, MODEL_FOLDER, generated, rows
from headviz.demo.reviews.grammar import Clause, Drawer, mean_label
from headviz.demo.reviews.grammar import reviews as generate
from headviz.demo.reviews.words import PRODUCTS

SPLITS = ("train", "validation", "test")
# of every text and label in order: the data that the committed model was trained on
DIGEST = "09af63a2de3b5c1d3836403f1e1dfe519f7fddd357321453e3e0c7d0b06370d3"


def own(points: int, weight: int = 1) -> Clause:
    return Clause("own", points, weight)


OTHER = Clause("other", 2, 0)

# the texts


def test_rows_always_the_same_as_the_model_was_trained_on() -> None:
    digest = hashlib.sha256()
    for split in SPLITS:
        for text, label in rows(split):
            digest.update(f"{split}\t{text}\t{label}\n".encode())
    assert digest.hexdigest() == DIGEST


def test_rows_splits_share_no_text() -> None:
    texts = [text.casefold() for split in SPLITS for text, _ in rows(split)]
    assert len(texts) == len(set(texts)) == sum(reviews.SPLITS.values())


def test_rows_of_an_unknown_split_raise() -> None:
    with pytest.raises(KeyError, match="dev"):
        rows("dev")


def test_rows_changed_by_a_caller_stay_as_they_were() -> None:
    rows("test").clear()
    assert len(rows("test")) == 2000


def test_rows_need_neither_torch_nor_transformers() -> None:
    code = "import sys; from headviz.demo.reviews import rows; rows('test'); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=Path(hv.__file__).parent.parent
    ).stdout.split()
    assert "headviz.demo.reviews" in loaded
    assert not {"torch", "transformers", "numpy"} & set(loaded)


def test_classes_are_about_equally_frequent() -> None:
    for split in SPLITS:
        labels = [label for _, label in rows(split)]
        assert all(0.16 < labels.count(label) / len(labels) < 0.24 for label in LABELS)


def test_noise_moves_three_percent_of_the_labels_by_one_step() -> None:
    moved = [abs(review.label - review.meant) for split in SPLITS for review in generated(split)]
    assert set(moved) == {0, 1}
    assert 0.025 < sum(moved) / len(moved) < 0.035


def test_texts_are_sentences() -> None:
    for text, _ in rows("test") + rows("validation"):
        assert re.fullmatch(r"[A-Z][^.!]*[.!](?: [A-Z][^.!]*[.!]){0,3}", text), text
        assert "  " not in text
        assert not re.search(r"\b(\w+) \1\b", text), text
        assert not re.search(r"[{}]| ,", text), text


def test_texts_agree_in_article_and_number() -> None:
    plural = {product.noun for product in PRODUCTS if product.plural}
    plural |= {part.noun for product in PRODUCTS for part in product.parts if part.plural}
    single = {product.noun for product in PRODUCTS if not product.plural} | {"price", "delivery", "manual", "battery"}
    many, one = "|".join(sorted(plural)), "|".join(sorted(single))
    start = r"(?:^|[.!] )(?:This|These|The|My new|My old)"
    wrong = (
        r"\b[Aa] (?!use)[aeiou]",
        r"\b[Aa]n [^aeiou]",
        rf"\b[Tt]his (?:{many})\b",
        rf"\b[Tt]hese (?:{one})\b",
        rf"{start} (?:{one}) (?:are|aren't|were|have|do|don't)\b",
        rf"{start} (?:{many}) (?:is|isn't|was|has|does|doesn't)\b",
    )
    for text, _ in rows("train"):
        for pattern in wrong:
            assert not re.search(pattern, text), (pattern, text)


def test_generator_another_seed_writes_other_texts() -> None:
    first, second = ({review.text for review in generate(seed, 200)} for seed in (1, 2))
    assert len(first & second) < 20


def test_drawer_uses_what_python_promises_to_keep() -> None:
    """The first draws of random.Random(0), which are the same in every Python version."""
    draw = Drawer(0)
    assert [draw.one(range(100)) for _ in range(4)] == [84, 75, 42, 25]


# the rule of the labels


@pytest.mark.parametrize(
    ("clauses", "label"),
    [
        ([], "neutral"),
        ([OTHER], "neutral"),
        ([own(0)], "neutral"),
        ([own(1)], "positive"),
        ([own(-2)], "very negative"),
        ([own(-2), OTHER], "very negative"),
        ([own(1), own(2)], "very positive"),  # 3 / 2
        ([own(0), own(2)], "positive"),  # 2 / 2
        ([own(1), own(-1)], "neutral"),  # 0 / 2
        ([own(1), own(-1, 3)], "negative"),  # good, but bad: -2 / 4
        ([own(2), own(-1, 3)], "neutral"),  # superb, but bad: -1 / 4
        ([own(-2), own(2, 3)], "positive"),  # awful, but superb: 4 / 4
        ([own(0), own(-2, 3)], "very negative"),  # okay, but awful: -6 / 4
    ],
)
def test_label_is_the_rounded_weighted_mean(clauses: list[Clause], label: str) -> None:
    assert LABELS[mean_label(clauses)] == label


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("The lid is sturdy.", "positive"),
        ("The lid is not sturdy.", "negative"),
        ("The lid is very sturdy.", "very positive"),
        ("The lid is not sturdy at all.", "very negative"),
        ("The lid is not flimsy.", "positive"),
        ("My sister's kettle is awful. This kettle is superb.", "very positive"),
        ("I love the handle, but the lid is awful.", "negative"),
        ("Although the lid is awful, I love the handle.", "positive"),
    ],
)
def test_model_reads_what_the_rule_says(subject: hv.Subject, text: str, label: str) -> None:
    pandas = pytest.importorskip("pandas")
    data = hv.load_data(pandas.DataFrame({"text": [text], "label": [label]}))
    assert subject.labels[hv.evaluate(subject, data).predictions[0]] == label


# the model


@pytest.fixture(scope="module")
def subject() -> hv.Subject:
    return hv.load("demo/reviews", device="cpu")


@pytest.fixture(scope="module")
def test_data() -> hv.Data:
    return hv.load_data("demo/reviews", split="test")


@pytest.fixture(scope="module")
def whole(subject: hv.Subject, test_data: hv.Data) -> hv.Evaluation:
    return hv.evaluate(subject, test_data)


@pytest.fixture(scope="module")
def his(subject: hv.Subject) -> Any:
    data = hv.load_data("demo/reviews", split="validation", limit=512)
    return hv.criteria["his"](subject, data)


def accuracy(subject: hv.Subject, data: hv.Data, mask: hv.Mask) -> float:
    return hv.evaluate(subject, data, mask).metrics["accuracy"].value


def test_folder_is_small_and_ordinary() -> None:
    names = {path.name for path in MODEL_FOLDER.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "README.md"} <= names
    assert not [name for name in names if name.endswith((".bin", ".pt", ".pkl", ".py"))]
    assert (MODEL_FOLDER / "model.safetensors").stat().st_size <= 8_000_000
    for path in MODEL_FOLDER.iterdir():
        if path.suffix != ".safetensors":
            assert not re.search(r"/(work|tmp|home|root|Users)/", path.read_text("utf-8")), path.name


def test_folder_opens_with_transformers_alone() -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(MODEL_FOLDER)
    model = AutoModelForSequenceClassification.from_pretrained(MODEL_FOLDER).eval()
    logits = model(**tokenizer(["I love this kettle."], return_tensors="pt")).logits
    assert model.config.id2label[int(logits.argmax())] == "very positive"
    assert tokenizer.tokenize("I don't like the kettle's lid.") == "i don ' t like the kettle ' s lid .".split()


def test_subject_has_four_layers_of_eight_heads(subject: hv.Subject) -> None:
    assert subject.family == "bert"
    assert subject.heads == (8, 8, 8, 8)
    assert subject.labels == LABELS


def test_tokenizer_knows_every_word(subject: hv.Subject) -> None:
    unknown = subject.processor.unk_token_id
    tokens = subject.processor([text for split in SPLITS for text, _ in rows(split)])["input_ids"]
    assert not any(unknown in text for text in tokens)
    assert max(map(len, tokens)) <= subject.max_length


def test_accuracy_is_between_92_and_98_5_percent(whole: hv.Evaluation) -> None:
    assert 0.92 <= whole.metrics["accuracy"].value <= 0.985


def test_bag_of_words_stays_15_points_below(whole: hv.Evaluation) -> None:
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression

    counts = CountVectorizer(token_pattern=r"\w+|[^\w\s]")
    texts, labels = zip(*rows("train"), strict=True)
    model = LogisticRegression(C=0.1, tol=1e-3, max_iter=500).fit(counts.fit_transform(texts), labels)
    texts, labels = zip(*rows("test"), strict=True)
    assert model.score(counts.transform(texts), labels) <= whole.metrics["accuracy"].value - 0.15


def test_removing_all_heads_loses_30_points(subject: hv.Subject, test_data: hv.Data, whole: hv.Evaluation) -> None:
    nothing = hv.Mask(np.zeros(subject.shape, dtype=bool))
    assert accuracy(subject, test_data, nothing) <= whole.metrics["accuracy"].value - 0.30


def test_largest_his_is_at_least_a_hundredth(his: Any) -> None:
    assert his.values.max() >= 0.01


def test_cutting_30_percent_by_his_keeps_95_percent_of_the_accuracy(
    subject: hv.Subject, test_data: hv.Data, whole: hv.Evaluation, his: Any
) -> None:
    assert accuracy(subject, test_data, hv.select(his, 0.3)) >= 0.95 * whole.metrics["accuracy"].value


@pytest.mark.slow
def test_cutting_50_percent_by_his_is_5_points_above_random_masks(
    subject: hv.Subject, test_data: hv.Data, his: Any
) -> None:
    from headviz.demo.reviews.train.figures import random_masks

    masks = random_masks(subject)
    assert [int((~mask.keep).sum()) for mask in masks] == [16] * 20
    by_chance = np.mean([accuracy(subject, test_data, mask) for mask in masks])
    assert accuracy(subject, test_data, hv.select(his, 0.5)) >= by_chance + 0.05


def test_card_prints_what_is_measured(whole: hv.Evaluation) -> None:
    card = (MODEL_FOLDER / "README.md").read_text("utf-8")
    printed = re.search(r"\| the model \| ([\d.]+)%", card)
    assert printed is not None
    assert abs(float(printed[1]) / 100 - whole.metrics["accuracy"].value) < 0.005  # other machines round otherwise
    assert f"n = {len(whole):,}" in card
    assert "Apache-2.0" in card


# the training


@pytest.mark.slow
def test_train_same_seed_gives_the_same_weights_bit_for_bit() -> None:
    import torch

    from headviz.demo.reviews.train import Settings, train

    def weights(seed: int) -> dict[str, torch.Tensor]:
        return train(seed, Settings(examples=300, steps=3))[0].state_dict()

    first, second, other = weights(0), weights(0), weights(1)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["classifier.weight"], other["classifier.weight"])


def test_train_leaves_torch_as_it_was() -> None:
    import torch

    from headviz.demo.reviews.train import Settings, train

    def state() -> tuple[object, ...]:
        return torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), torch.get_rng_state().tolist()

    before = state()
    train(0, Settings(examples=100, steps=1))
    assert state() == before


def test_train_cancelled_stops() -> None:
    from threading import Event

    from headviz.demo.reviews.train import Settings, train

    cancel = Event()
    with pytest.raises(hv.Cancelled):
        train(0, Settings(examples=100), on_progress=lambda done, total, stage: cancel.set(), cancel=cancel)


@pytest.mark.slow
def test_command_writes_a_folder_that_loads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from headviz.demo.reviews.__main__ import main
    from headviz.demo.reviews.train import figures

    monkeypatch.setattr(figures, "RANDOM_MASKS", 2)
    assert main(["--seed", "1", "--out", str(tmp_path / "model"), "--steps", "2"]) == 0
    assert "all heads cut" in capsys.readouterr().out
    assert hv.load(str(tmp_path / "model")).labels == LABELS
    assert str(tmp_path) not in "".join(path.read_text("utf-8") for path in (tmp_path / "model").glob("*[!s]"))


def test_command_few_steps_would_overwrite_the_bundled_model_refused(capsys: pytest.CaptureFixture[str]) -> None:
    from headviz.demo.reviews.__main__ import main

    with pytest.raises(SystemExit) as stopped:
        main(["--steps", "2"])
    assert stopped.value.code == 2
    assert "--out" in capsys.readouterr().err
