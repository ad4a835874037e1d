"""The wording of one clause: who or what it speaks of, and what it says, for given points."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from headviz.demo.reviews import words
from headviz.demo.reviews.words import Part, Product

T = TypeVar("T")


class Drawer:
    """Draws from a seeded `random.Random` by its `random` method alone."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed).random

    def one(self, items: Sequence[T]) -> T:
        return items[int(self.random() * len(items))]

    def chance(self, share: float) -> bool:
        return self.random() < share


@dataclass
class Scene:
    """What the words of one review refer back to."""

    draw: Drawer
    product: Product
    named: bool = False  # the product was named, so that "it" may stand for it
    strayed: str = ""  # "same" or "different" kind of product, after a clause about something else
    whole: bool = False  # the whole product was judged
    parts: list[Part] = field(init=False)  # not yet spoken of
    facts: list[str] = field(init=False)  # not yet told

    def __post_init__(self) -> None:
        self.parts = list(self.product.parts)
        self.facts = [*words.FACTS, *words.PLACE_FACTS[self.product.place]]

    def this(self, subject: bool) -> str:
        """The product bought, as subject or object."""
        draw, plural = self.draw, self.product.plural
        demonstrative = "these" if plural else "this"
        named = f"{demonstrative} {self.product.noun}"
        if self.strayed:
            alone = demonstrative if plural else "this one"
            phrase = draw.one((named, named, "mine", alone)) if self.strayed == "same" else named
        elif self.named:
            alone = ("they" if subject else "them") if plural else "it"
            phrase = alone if draw.chance(0.85) else named
        else:
            phrase = draw.one((named, named, named, f"my new {self.product.noun}", f"the {self.product.noun}"))
        self.named, self.strayed = True, ""
        return phrase

    def part(self, part: Part) -> str:
        """A part of the product bought."""
        draw, demonstrative = self.draw, "these" if self.product.plural else "this"
        of_this = f"the {part.noun} of {demonstrative} {self.product.noun}"
        if self.strayed:
            self.named, self.strayed = True, ""
            return of_this
        if self.named:
            own = not part.past and draw.chance(0.3)
            return f"{('their' if self.product.plural else 'its') if own else 'the'} {part.noun}"
        if draw.chance(0.3):
            self.named = True
            return of_this
        return f"the {part.noun}"

    def next_part(self) -> Part | None:
        """A part that was not spoken of yet, or None for the whole product."""
        if not self.whole and self.draw.chance(0.25):
            self.whole = True
            return None
        part = self.draw.one(self.parts)
        self.parts = [other for other in self.parts if other.noun != part.noun]
        return part


def with_article(phrase: str, plural: bool) -> str:
    """A phrase with a or an, none in the plural."""
    if plural:
        return phrase
    return f"an {phrase}" if phrase[0] in "aeiou" and not phrase.startswith("use") else f"a {phrase}"


def quality(draw: Drawer, group: str, points: int, before_noun: bool = False) -> tuple[bool, str, str]:
    """(negated, adjective phrase, "" or " at all") that together make the points."""
    kind = words.GROUPS[group]
    good, bad = draw.one((kind.good, kind.good, words.GOOD)), draw.one((kind.bad, kind.bad, words.BAD))
    if points == 0:
        if draw.chance(0.5):
            return False, draw.one(words.MIDDLING), ""
        return True, draw.one(draw.one((words.SUPERB, words.AWFUL))), ""
    right, wrong = (good, bad) if points > 0 else (bad, good)
    if abs(points) == 1:
        if draw.chance(0.5):
            return True, f"{draw.one(words.HARDLY)} {draw.one(wrong)}" if draw.chance(0.3) else draw.one(wrong), ""
        softly = words.FAIRLY if before_noun else words.SOMEWHAT if points > 0 else words.A_BIT
        return False, f"{draw.one(softly)} {draw.one(right)}" if draw.chance(0.3) else draw.one(right), ""
    manner = draw.random()
    if manner < 0.35:
        strong = draw.one(words.SUPERB if points > 0 else words.AWFUL)
        return False, f"{draw.one(words.UTTERLY)} {strong}" if draw.chance(0.2) else strong, ""
    if manner < 0.7:
        return False, f"{draw.one(words.STRONGLY)} {draw.one(right)}", ""
    return True, draw.one(wrong), " at all"


def own_opinion(scene: Scene, points: int) -> str:
    """What the writer thinks of the product bought, or of a part of it."""
    part = scene.next_part()
    if part is None:
        return _on_the_whole(scene, points)
    draw = scene.draw
    frame = draw.random()
    if part.past:
        if frame < 0.3:
            return _find(scene, part, points)
        return _is(draw, scene.part(part), part.group, points, part.plural, True)
    if frame < 0.2:
        return _has(scene, part, points)
    if frame < 0.4:
        return f"I {_feeling(draw, 0, points)} {scene.part(part)}"
    if frame < 0.55:
        return _find(scene, part, points)
    if frame < 0.82 and points and words.GROUPS[part.group].does:
        return _does(draw, scene.part(part), part.plural, part.group, points)
    return _is(draw, scene.part(part), part.group, points, part.plural, False)


def exclamation(scene: Scene, points: int) -> str:
    """ "What a sturdy lid!": two points, also with a mild word."""
    draw = scene.draw
    parts = [part for part in scene.parts if not part.past]
    part = draw.one(parts)
    scene.parts = [other for other in scene.parts if other.noun != part.noun]
    phrase = f"{_one_word(draw, part.group, points)} {part.noun}"
    return f"what {with_article(phrase, part.plural)}!"


def _on_the_whole(scene: Scene, points: int) -> str:
    draw, plural, noun = scene.draw, scene.product.plural, scene.product.noun
    frame = draw.random()
    if frame < 0.35:
        verdict = draw.one(words.VERDICTS[points])
        be, do, have = ("are", "do", "have") if plural else ("is", "does", "has")
        return verdict.format(this=scene.this(verdict.startswith("{this}")), be=be, do=do, have=have)
    if frame < 0.55:
        return f"I {_feeling(draw, 0, points)} {scene.this(False)}"
    if frame < 0.7 and points:
        return _does(draw, scene.this(True), plural, scene.product.place, points)
    if frame < 0.85 and not scene.strayed:
        scene.named = True
        negated, phrase, tail = quality(draw, scene.product.place, points, before_noun=True)
        subject = "these" if plural else "this"
        return f"{subject} {_be(draw, plural, False, negated)} {with_article(f'{phrase} {noun}', plural)}{tail}"
    return _is(draw, scene.this(True), scene.product.place, points, plural, False)


def other_opinion(scene: Scene, points: int, near: bool) -> str:
    """What does not count: another product (of the same kind if ``near``), other people's views, promises."""
    draw = scene.draw
    source = draw.one(words.SOURCES)
    if source == "crowd":
        part = draw.one(scene.product.parts)
        this = f"{'these' if scene.product.plural else 'this'} {scene.product.noun}"
        thing = scene.part(part)
        if draw.chance(0.4):
            thing, scene.named = this, True
        return f"{draw.one(words.CROWDS)} {_feeling(draw, 2, points)} {thing}"
    if source == "promise" and points:
        part = draw.one([part for part in scene.product.parts if not part.past])
        lead = draw.one(words.PROMISES if points > 0 else words.FEARS)
        return f"{lead} {with_article(f'{_one_word(draw, part.group, points)} {part.noun}', part.plural)}"
    near = near or draw.chance(0.75)
    product = scene.product
    if not near:
        product = draw.one([other for other in words.PRODUCTS if other.place == product.place])
    person = draw.one(words.PEOPLE)
    part = draw.one(product.parts)
    scene.strayed = "same" if product.noun == scene.product.noun else "different"
    if source == "person":
        thing = f"{person.own} {product.noun}"
        thing = thing if draw.chance(0.5) else f"the {part.noun} of {thing}"
        return f"my {person.name} {_feeling(draw, 1, points)} {thing}"
    past = source == "old"
    thing = (
        draw.one((f"my old {product.noun}", f"my last {product.noun}", f"the {product.noun} I had before"))
        if past
        else f"my {person.name}'s {product.noun}"
    )
    frame = draw.random()
    if frame < 0.35:
        return _is(draw, thing, product.place, points, product.plural, past)
    if frame < 0.55 and points and not past:
        return _does(draw, thing, product.plural, scene.product.place, points)
    if frame < 0.75 and not part.past:
        return _having(draw, thing, product.plural, past, part, points)
    if frame < 0.9 and points and not past and words.GROUPS[part.group].does:
        return _does(draw, f"the {part.noun} of {thing}", part.plural, part.group, points)
    return _is(draw, f"the {part.noun} of {thing}", part.group, points, part.plural, past or part.past)


def aside(scene: Scene) -> str:
    """Small talk that has nothing to do with the product."""
    draw = scene.draw
    thing, be = draw.one(words.ASIDES)
    scene.strayed = "different"
    phrase = draw.one(words.ASIDE_QUALITIES)
    negation = draw.random()
    return f"{thing} {be}{'' if negation < 0.6 else ' not' if negation < 0.85 else 'n' + chr(39) + 't'} {phrase}"


def fact(scene: Scene) -> str:
    """Something about the product bought that is neither praise nor blame."""
    draw, product = scene.draw, scene.product
    template = draw.one(scene.facts)
    scene.facts = [other for other in scene.facts if other != template]
    return template.format(
        this=scene.this(template.startswith("{this}")),
        was="were" if product.plural else "was",
        live="live" if product.plural else "lives",
        month=draw.one(words.MONTHS),
        time=draw.one(words.TIMES),
        span=draw.one(words.SPANS),
        colour=draw.one(words.COLOURS),
        person=draw.one(words.PEOPLE).name,
    )


def contracted(draw: Drawer, clause: str) -> str:
    """The clause, now and then as people say it: I'm, it's, can't."""
    if not draw.chance(0.3):
        return clause
    for long, short in words.CONTRACTIONS:
        if clause.startswith(long):
            return short + clause[len(long) :]
    return clause


def _feeling(draw: Drawer, form: int, points: int) -> str:
    """A feeling in its form for I (0), she or he (1), they (2)."""
    return draw.one(words.FEELINGS[points])[form]


def _one_word(draw: Drawer, group: str, points: int) -> str:
    """An adjective of the points' sign."""
    kind = words.GROUPS[group]
    return draw.one(draw.one((words.SUPERB, kind.good, kind.good) if points > 0 else (words.AWFUL, kind.bad, kind.bad)))


def _be(draw: Drawer, plural: bool, past: bool, negated: bool) -> str:
    verb = ("were" if plural else "was") if past else ("are" if plural else "is")
    if not negated:
        return verb
    return f"{verb}n't" if draw.chance(0.35) else f"{verb} not"


def _do_not(draw: Drawer, plural: bool, past: bool) -> str:
    verb = "did" if past else "do" if plural else "does"
    return f"{verb}n't" if draw.chance(0.35) else f"{verb} not"


def _is(draw: Drawer, thing: str, group: str, points: int, plural: bool, past: bool) -> str:
    negated, phrase, tail = quality(draw, group, points)
    return f"{thing} {_be(draw, plural, past, negated)} {phrase}{tail}"


def _has(scene: Scene, part: Part, points: int) -> str:
    owner = scene.this(True)
    return _having(scene.draw, owner, scene.product.plural, False, part, points)


def _having(draw: Drawer, owner: str, plural: bool, past: bool, part: Part, points: int) -> str:
    negated, phrase, tail = quality(draw, part.group, points, before_noun=True)
    have = "had" if past else "have" if plural else "has"
    verb = f"{_do_not(draw, plural, past)} have" if negated else have
    return f"{owner} {verb} {with_article(f'{phrase} {part.noun}', part.plural)}{tail}"


def _find(scene: Scene, part: Part, points: int) -> str:
    draw = scene.draw
    thing = scene.part(part)
    negated, phrase, tail = quality(draw, part.group, points)
    if part.past:
        verb = f"I {_do_not(draw, True, True)} find" if negated else "I found"
    elif negated:
        verb = draw.one(("I do not find", "I don't find", "I would not call"))
    else:
        verb = draw.one(("I find", "I find", "I would call"))
    return f"{verb} {thing} {phrase}{tail}"


def _does(draw: Drawer, thing: str, plural: bool, group: str, points: int) -> str:
    """A verb phrase; points are not 0."""
    if abs(points) == 2 and draw.chance(0.5):
        third, base = draw.one(words.DOES_MUCH[points])
        return f"{thing} {base if plural else third}"
    does = words.GROUPS[group].does
    third, base, worth = draw.one(does if does and draw.chance(0.7) else words.DOES)
    if abs(points) == 2:
        while worth * points > 0:
            third, base, worth = draw.one(does + words.DOES)
        return f"{thing} {_do_not(draw, plural, False)} {base} at all"
    if worth == points:
        return f"{thing} {base if plural else third}"
    if draw.chance(0.3):
        return f"{thing} never {base if plural else third}"
    return f"{thing} {_do_not(draw, plural, False)} {base}"
