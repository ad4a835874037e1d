"""The generator of the reviews: what a review says is drawn first, its label follows, the wording comes last.

A review is a plan of one to three clauses. A clause is the writer's own opinion on the product bought (-2 to 2
points), or something that does not count: someone else's product or opinion, a promise, small talk, a fact. The label
is the rounded weighted mean of the points, where a main clause after "but", beside "although" or after "However,"
weighs three times its counterpart. Negation turns a mild word round, takes a strong one to 0 points, and with "at
all" doubles.

All draws use only `random.Random.random`, whose sequence Python promises to keep, so that the texts are the same
everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from headviz.demo.reviews import words
from headviz.demo.reviews.wording import Drawer, Scene, aside, contracted, exclamation, fact, other_opinion, own_opinion

LABELS = ("very negative", "negative", "neutral", "positive", "very positive")
NOISE = 0.03  # of the labels are moved one step
MAIN_WEIGHT = 3  # of a main clause against the clause it is set against

POINTS = (-2, -2, -2, -1, -1, -1, 0, 1, 1, 1, 2, 2, 2)  # drawn for an own opinion
SIZES = (1, 1, 2, 2, 2, 3, 3)  # clauses
KINDS = ("own",) * 12 + ("other",) * 7 + ("fact", "fact", "aside")
CONTRASTS = ("but", "but", "but", "although first", "although last", "however")


class Clause(NamedTuple):
    kind: str  # own, other, fact or aside
    points: int  # of an own opinion; of another's product: what is said of it, without weight
    weight: int


class Sentence(NamedTuple):
    form: str  # plain, and, one of CONTRASTS
    clauses: tuple[Clause, ...]  # in the order of the text


class Review(NamedTuple):
    text: str
    label: int  # index into LABELS, with the noise
    meant: int  # index into LABELS, by the rule


def mean_label(clauses: Sequence[Clause]) -> int:
    """The rule: index into LABELS of the weighted mean of the own points; no own opinion is neutral."""
    weight = sum(clause.weight for clause in clauses)
    total = sum(clause.weight * clause.points for clause in clauses)
    if 2 * abs(total) < weight or weight == 0:
        return 2
    step = 1 if 2 * abs(total) < 3 * weight else 2
    return 2 + step if total > 0 else 2 - step


def draw_plan(draw: Drawer) -> list[Sentence]:
    """One to three clauses, joined into sentences, with their points and weights."""
    clauses = [
        Clause(kind, draw.one(POINTS) if kind in ("own", "other") else 0, int(kind == "own")) for kind in _kinds(draw)
    ]
    sentences: list[Sentence] = []
    place = 0
    while place < len(clauses):
        pair = clauses[place : place + 2]
        form = _joined(draw, pair) if len(pair) == 2 else "plain"
        if form == "plain":
            sentences.append(Sentence("plain", (pair[0],)))
            place += 1
            continue
        first, second = pair
        if form not in ("plain", "and") and first.weight and second.weight:
            if form == "although last":
                first = first._replace(weight=MAIN_WEIGHT)
            else:
                second = second._replace(weight=MAIN_WEIGHT)
        sentences.append(Sentence(form, (first, second)))
        place += 2
    return sentences


def _kinds(draw: Drawer) -> list[str]:
    """At least one clause is about the product bought; at most two are own opinions, one a fact and one an aside."""
    size = draw.one(SIZES)
    if size == 1:
        return ["own"]
    while True:
        kinds = [draw.one(KINDS) for _ in range(size)]
        own, fact, aside = kinds.count("own"), kinds.count("fact"), kinds.count("aside")
        if own + fact >= 1 and own <= 2 and fact <= 1 and aside <= 1:
            return kinds


def _joined(draw: Drawer, pair: Sequence[Clause]) -> str:
    """How two neighbours are joined: "plain" where they stand alone."""
    first, second = pair
    opinions = ("own", "other")
    if first.kind not in opinions or second.kind not in opinions or first.kind == second.kind == "other":
        return "plain"
    if not draw.chance(0.7):
        return "plain"
    product = first.points * second.points
    if product < 0 or (first.points != second.points and product == 0):
        form = draw.one(CONTRASTS)
        if form.startswith("although") and first.kind != second.kind:  # what matters is the main clause
            return "although first" if first.kind == "other" else "although last"
        return form
    return "and" if product > 0 else "plain"


def write(draw: Drawer, plan: Sequence[Sentence]) -> str:
    """The plan in words, about a product drawn here."""
    scene = Scene(draw, draw.one(words.PRODUCTS))
    return " ".join(_sentence(scene, sentence) for sentence in plan)


def _sentence(scene: Scene, sentence: Sentence) -> str:
    first = sentence.clauses[0]
    striking = sentence.form == "plain" and first.kind == "own" and abs(first.points) == 2
    if striking and not scene.strayed and scene.draw.chance(0.1):
        return _capital(exclamation(scene, first.points))
    told = [_clause(scene, clause, len(sentence.clauses) > 1) for clause in sentence.clauses]
    if sentence.form == "plain":
        return f"{_capital(told[0])}."
    if sentence.form == "although first":
        return f"Although {told[0]}, {told[1]}."
    if sentence.form == "although last":
        return f"{_capital(told[0])}, although {told[1]}."
    if sentence.form == "however":
        return f"{_capital(told[0])}. However, {told[1]}."
    return f"{_capital(told[0])}, {sentence.form} {told[1]}."


def _clause(scene: Scene, clause: Clause, joined: bool) -> str:
    if clause.kind == "own":
        return contracted(scene.draw, own_opinion(scene, clause.points))
    if clause.kind == "other":
        return contracted(scene.draw, other_opinion(scene, clause.points, joined))
    return fact(scene) if clause.kind == "fact" else aside(scene)


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def reviews(seed: int, count: int) -> Iterator[Review]:
    """Reviews with different texts, the five classes equally likely."""
    draw = Drawer(seed)
    seen: set[str] = set()
    waiting: tuple[list[list[Sentence]], ...] = ([], [], [], [], [])  # plans drawn while another class was wanted
    while len(seen) < count:
        wanted = draw.one((0, 1, 2, 3, 4))
        while not waiting[wanted]:
            plan = draw_plan(draw)
            waiting[mean_label([clause for sentence in plan for clause in sentence.clauses])].append(plan)
        text = write(draw, waiting[wanted].pop())
        label = wanted
        if draw.chance(NOISE):
            label = wanted + 1 if wanted == 0 or (wanted < 4 and draw.chance(0.5)) else wanted - 1
        if text.lower() in seen:
            continue
        seen.add(text.lower())
        yield Review(text, label, wanted)
