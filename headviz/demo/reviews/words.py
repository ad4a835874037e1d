"""The words of the review generator: products and their parts, opinions with their points, people, small talk.

Points run from -2 to 2. Only tables here; `headviz.demo.reviews.grammar` puts them together.
"""

from __future__ import annotations

from typing import NamedTuple


class Part(NamedTuple):
    """A part or side of a product that can be praised, e.g. the lid of a kettle."""

    noun: str
    group: str
    plural: bool
    past: bool  # over and done when the review is written, as the delivery: "was", never "has"


class Product(NamedTuple):
    noun: str
    plural: bool
    place: str
    parts: tuple[Part, ...]


class Group(NamedTuple):
    """Opinions that fit a kind of part, beside those that fit everything."""

    good: tuple[str, ...]  # adjectives, 1 point
    bad: tuple[str, ...]  # adjectives, -1 point
    does: tuple[tuple[str, str, int], ...]  # verb phrases: third person, base form, points (1 or -1)


class Person(NamedTuple):
    name: str  # after "my"
    own: str  # possessive pronoun


GROUPS = {
    "hard": Group(
        ("sturdy", "solid", "robust"),
        ("flimsy", "wobbly", "shoddy"),
        (("holds up well", "hold up well", 1), ("breaks easily", "break easily", -1), ("rattles", "rattle", -1)),
    ),
    "sewn": Group(
        ("sturdy", "robust", "strong"),
        ("flimsy", "fragile", "shoddy"),
        (("holds up well", "hold up well", 1), ("tears easily", "tear easily", -1), ("wears out", "wear out", -1)),
    ),
    "seal": Group(
        ("tight", "sturdy"),
        ("loose", "flimsy"),
        (("closes tightly", "close tightly", 1), ("leaks", "leak", -1), ("sticks", "stick", -1)),
    ),
    "sound": Group(
        ("clear", "rich", "warm"),
        ("muffled", "tinny", "harsh"),
        (("sounds good", "sound good", 1), ("crackles", "crackle", -1)),
    ),
    "chime": Group(
        ("clear", "cheerful", "warm"),
        ("shrill", "harsh", "tinny"),
        (("sounds good", "sound good", 1), ("gets on my nerves", "get on my nerves", -1)),
    ),
    "battery": Group(
        ("reliable", "powerful", "strong"),
        ("unreliable", "weak"),
        (("lasts long", "last long", 1), ("overheats", "overheat", -1), ("drains quickly", "drain quickly", -1)),
    ),
    "motor": Group(
        ("reliable", "powerful", "quiet"),
        ("unreliable", "noisy", "weak"),
        (("runs smoothly", "run smoothly", 1), ("overheats", "overheat", -1), ("rattles", "rattle", -1)),
    ),
    "screen": Group(
        ("sharp", "bright", "clear"),
        ("blurry", "dim"),
        (("shows every detail", "show every detail", 1), ("flickers", "flicker", -1)),
    ),
    "lens": Group(
        ("sharp", "clear"),
        ("blurry", "dull"),
        (("shows every detail", "show every detail", 1), ("scratches easily", "scratch easily", -1)),
    ),
    "seat": Group(
        ("soft", "comfortable"),
        ("hard", "uncomfortable"),
        (("feels good", "feel good", 1), ("sags", "sag", -1), ("wears out", "wear out", -1)),
    ),
    "fleece": Group(
        ("soft", "warm", "comfortable"),
        ("scratchy", "uncomfortable"),
        (("feels good", "feel good", 1), ("itches", "itch", -1)),
    ),
    "cloth": Group(
        ("pretty", "soft", "elegant"),
        ("ugly", "scratchy", "dull"),
        (("washes well", "wash well", 1), ("fades", "fade", -1), ("tears easily", "tear easily", -1)),
    ),
    "look": Group(
        ("pretty", "elegant", "stylish"),
        ("ugly", "dull", "gaudy"),
        (("suits me", "suit me", 1), ("fades", "fade", -1)),
    ),
    "control": Group(
        ("handy", "smooth"),
        ("clumsy", "stiff"),
        (("works well", "work well", 1), ("jams", "jam", -1), ("squeaks", "squeak", -1)),
    ),
    "manual": Group(("clear", "helpful"), ("confusing", "vague"), ()),
    "price": Group(("fair", "reasonable"), ("steep", "unfair"), ()),
    "delivery": Group(("quick", "prompt", "smooth"), ("slow", "sloppy", "careless"), ()),
    # whole products, by their place
    "kitchen": Group(
        ("handy", "practical", "reliable"),
        ("clumsy", "impractical", "shoddy"),
        (("works well", "work well", 1), ("cleans easily", "clean easily", 1), ("breaks easily", "break easily", -1)),
    ),
    "desk": Group(
        ("handy", "practical", "reliable"),
        ("clumsy", "unreliable", "shoddy"),
        (("works well", "work well", 1), ("looks good", "look good", 1), ("breaks easily", "break easily", -1)),
    ),
    "outdoors": Group(
        ("handy", "practical", "sturdy"),
        ("impractical", "flimsy", "shoddy"),
        (("works well", "work well", 1), ("holds up well", "hold up well", 1), ("breaks easily", "break easily", -1)),
    ),
    "clothes": Group(
        ("stylish", "comfortable", "pretty"),
        ("ugly", "uncomfortable", "shoddy"),
        (("looks good", "look good", 1), ("suits me", "suit me", 1), ("wears out", "wear out", -1)),
    ),
    "home": Group(
        ("practical", "elegant", "pretty"),
        ("ugly", "clumsy", "shoddy"),
        (("looks good", "look good", 1), ("holds up well", "hold up well", 1), ("breaks easily", "break easily", -1)),
    ),
}

# verb phrases for everything: third person, base form, points
DOES = (
    ("impresses me", "impress me", 1),
    ("convinces me", "convince me", 1),
    ("annoys me", "annoy me", -1),
    ("disappoints me", "disappoint me", -1),
    ("bothers me", "bother me", -1),
)
DOES_MUCH = {
    2: (("delights me", "delight me"), ("makes me smile", "make me smile"), ("is a joy", "are a joy")),
    -2: (("drives me mad", "drive me mad"), ("is a disgrace", "are a disgrace"), ("is a nightmare", "are a nightmare")),
}

GOOD = ("good", "nice", "impressive")
BAD = ("bad", "disappointing", "annoying")
SUPERB = ("excellent", "superb", "wonderful", "fantastic", "perfect", "brilliant", "great")
AWFUL = ("terrible", "awful", "dreadful", "horrible", "appalling")
MIDDLING = ("okay", "average", "ordinary", "passable")
STRONGLY = ("very", "really", "extremely", "remarkably", "incredibly", "very", "really")  # a mild word: 2 points
UTTERLY = ("absolutely", "truly", "simply")  # a strong word: still 2 points
SOMEWHAT = ("quite", "fairly", "rather")  # still 1 point
A_BIT = ("a bit", "a little", "rather", "somewhat")  # the same, for faults
FAIRLY = ("fairly", "rather")  # either of them between an article and a noun
HARDLY = ("very", "particularly", "really")  # behind a "not": still the mild word turned round

# what one feels about a thing, by points: with I, with she or he, with they
FEELINGS = {
    2: (
        ("love", "loves", "love"),
        ("adore", "adores", "adore"),
        ("am delighted with", "is delighted with", "are delighted with"),
        ("am very happy with", "is very happy with", "are very happy with"),
        ("am really pleased with", "is really pleased with", "are really pleased with"),
    ),
    1: (
        ("like", "likes", "like"),
        ("appreciate", "appreciates", "appreciate"),
        ("am happy with", "is happy with", "are happy with"),
        ("am pleased with", "is pleased with", "are pleased with"),
        ("am not unhappy with", "is not unhappy with", "are not unhappy with"),
        ("am not disappointed with", "is not disappointed with", "are not disappointed with"),
        ("cannot complain about", "cannot complain about", "cannot complain about"),
    ),
    0: (
        ("do not mind", "does not mind", "do not mind"),
        ("neither like nor dislike", "neither likes nor dislikes", "neither like nor dislike"),
    ),
    -1: (
        ("do not like", "does not like", "do not like"),
        ("don't like", "doesn't like", "don't like"),
        ("dislike", "dislikes", "dislike"),
        ("do not care for", "does not care for", "do not care for"),
        ("am not happy with", "is not happy with", "are not happy with"),
        ("am not pleased with", "is not pleased with", "aren't pleased with"),
        ("am unhappy with", "is unhappy with", "are unhappy with"),
        ("am disappointed with", "is disappointed with", "are disappointed with"),
    ),
    -2: (
        ("hate", "hates", "hate"),
        ("cannot stand", "cannot stand", "cannot stand"),
        ("am very unhappy with", "is very unhappy with", "are very unhappy with"),
        ("am really disappointed with", "is really disappointed with", "are really disappointed with"),
    ),
}

# a verdict on the whole product: {this} names it, {be}, {do} and {have} agree with it
VERDICTS = {
    2: (
        "I would buy {this} again at once",
        "I recommend {this} to everyone",
        "{this} {be} worth every penny",
        "I could not live without {this}",
        "I could not be happier with {this}",
    ),
    1: (
        "I would recommend {this}",
        "I would buy {this} again",
        "{this} {be} worth the money",
        "I do not regret buying {this}",
        "I am not sending {this} back",
        "{this} {have} never let me down",
    ),
    0: (
        "{this} {do} neither harm nor good",
        "{this} {be} neither good nor bad",
        "{this} {be} nothing special",
        "I have no strong opinion on {this}",
    ),
    -1: (
        "I would not recommend {this}",
        "I would not buy {this} again",
        "{this} {be} not worth the money",
        "I regret buying {this}",
        "I am sending {this} back",
        "{this} {have} often let me down",
    ),
    -2: (
        "I would never recommend {this} to anyone",
        "I want my money back for {this}",
        "{this} {be} a waste of money",
        "I could not be less happy with {this}",
        "I would not take {this} as a gift",
    ),
}

CONTRACTIONS = (  # at the start of a clause
    ("I am ", "I'm "),
    ("I cannot ", "I can't "),
    ("I would not ", "I wouldn't "),
    ("I could not ", "I couldn't "),
    ("it is ", "it's "),
    ("they are ", "they're "),
)

PEOPLE = (
    *(Person(name, "her") for name in ("sister", "mother", "aunt", "wife", "daughter", "grandmother")),
    *(Person(name, "his") for name in ("brother", "father", "uncle", "husband", "son", "grandfather")),
    *(Person(name, "their") for name in ("neighbour", "colleague", "cousin", "boss", "flatmate")),
)
CROWDS = ("other buyers", "many people", "most reviewers", "some customers")
SOURCES = ("theirs",) * 3 + ("old",) * 2 + ("person",) * 2 + ("crowd", "promise")
PROMISES = ("the advert promised", "the box promised", "I had expected", "the seller spoke of", "I had hoped for")
FEARS = ("I had expected", "I had feared", "some people warn of", "I was afraid of")

# small talk, each with an is or was
ASIDES = (
    ("the weather", "is"),
    ("my new job", "is"),
    ("the football match", "was"),
    ("the film last night", "was"),
    ("my neighbour's dog", "is"),
    ("our last holiday", "was"),
    ("the soup at lunch", "was"),
    ("my train home", "was"),
    ("the new café next door", "is"),
    ("the concert on Friday", "was"),
    ("the traffic this morning", "was"),
    ("the hotel by the sea", "was"),
    ("my neighbour's garden", "is"),
    ("the new baker in town", "is"),
)

ASIDE_QUALITIES = (
    *("good", "nice", "great", "wonderful", "very pleasant", "excellent"),
    *("bad", "disappointing", "terrible", "awful", "very unpleasant", "dreadful"),
)

MONTHS = ("January", "March", "April", "May", "June", "August", "October", "December")
COLOURS = ("red", "blue", "green", "black", "white", "grey", "yellow", "brown")
TIMES = ("every day", "every morning", "at weekends", "twice a week", "now and then")
SPANS = ("two weeks", "three weeks", "a month", "half a year", "a year")
FACTS = (
    "I bought {this} in {month}",
    "I use {this} {time}",
    "I have had {this} for {span}",
    "I ordered {this} in {colour}",
    "{this} came in a {colour} box",
    "{this} {was} a present from my {person}",
    "I got {this} from my {person}",
)
PLACE_FACTS = {
    "kitchen": ("{this} {live} in my kitchen", "the whole family uses {this}"),
    "desk": ("I use {this} at work", "I use {this} at home"),
    "outdoors": ("I took {this} to the mountains", "I took {this} on a trip"),
    "clothes": ("I wear {this} {time}", "I wear {this} to work"),
    "home": ("{this} {live} in my bedroom", "{this} {live} in my living room"),
}

# product (* = plural): place, then part (* = plural, ~ = past) and group
_PRODUCTS = """
kettle kitchen: lid seal, handle hard, spout hard, switch control, cord sewn, colour look
toaster kitchen: lever control, timer control, crumb tray hard, cord sewn, colour look, manual manual
blender kitchen: jug hard, lid seal, motor motor, blades* hard, buttons* control, manual manual
frying pan kitchen: handle hard, coating hard, rim hard, lid seal
coffee maker kitchen: jug hard, timer control, display screen, lid seal, manual manual
teapot kitchen: spout hard, lid seal, handle hard, pattern look
lunch box kitchen: lid seal, clips* hard, handle hard, colour look
water bottle outdoors: cap seal, straw hard, grip seat, strap sewn, colour look
headphones* desk: sound sound, cushions* seat, battery battery, cable sewn, bass sound, manual manual
speaker desk: sound sound, battery battery, buttons* control, bass sound, design look, manual manual
phone desk: screen screen, camera lens, battery battery, buttons* control, ringtone chime, manual manual
tablet desk: screen screen, battery battery, speakers* sound, case look, manual manual
laptop desk: screen screen, keyboard control, battery battery, hinge hard, fan motor, manual manual
keyboard desk: keys* control, cable sewn, stand hard, design look, manual manual
camera outdoors: lens lens, screen screen, battery battery, strap sewn, buttons* control, manual manual
watch clothes: strap sewn, display screen, battery battery, clasp hard, design look, manual manual
lamp home: switch control, shade look, base hard, cord sewn
alarm clock home: display screen, alarm chime, buttons* control, battery battery, design look, manual manual
radio home: sound sound, dial control, handle hard, speakers* sound, battery battery, manual manual
vacuum cleaner home: motor motor, brush hard, hose sewn, wheels* hard, cord sewn, manual manual
printer desk: display screen, paper tray hard, buttons* control, design look, manual manual
backpack outdoors: straps* sewn, zip control, pockets* sewn, seams* sewn, colour look
tent outdoors: poles* hard, zip control, floor sewn, pegs* hard, seams* sewn, manual manual
sleeping bag outdoors: zip control, lining fleece, hood fleece, colour look
bicycle outdoors: saddle seat, brakes* control, chain hard, pedals* hard, bell chime, frame hard
umbrella outdoors: handle hard, frame hard, fabric cloth, button control
suitcase outdoors: wheels* hard, handle hard, lock control, zip control, lining cloth
torch outdoors: beam screen, switch control, battery battery, strap sewn
scooter outdoors: wheels* hard, brake control, bell chime, handlebar hard, manual manual
jacket clothes: zip control, hood fleece, lining fleece, pockets* sewn, sleeves* fleece, colour look
boots* clothes: laces* sewn, soles* sewn, lining fleece, heels* hard, leather look
gloves* clothes: lining fleece, seams* sewn, fabric cloth, colour look
sweater clothes: wool fleece, sleeves* fleece, collar fleece, pattern look
sunglasses* clothes: lenses* lens, frame hard, hinges* hard, case look
scarf clothes: fabric cloth, pattern look, seams* sewn
slippers* clothes: soles* sewn, lining fleece, pattern look
wallet desk: clasp hard, pockets* sewn, leather look, seams* sewn
sofa home: cushions* seat, legs* hard, fabric cloth, frame hard
office chair desk: armrests* hard, wheels* hard, seat seat, backrest seat, manual manual
writing desk home: drawers* control, legs* hard, surface look, manual manual
mattress home: cover cloth, springs* hard, edges* seat
pillow home: cover cloth, filling seat, pattern look
rug home: pattern look, fabric cloth, edges* sewn
guitar home: sound sound, strings* sewn, neck hard, strap sewn
"""


def _part(text: str) -> Part:
    noun, group = text.rsplit(" ", 1)
    return Part(noun.rstrip("*~"), group, noun.endswith("*"), noun.endswith("~"))


def _products() -> tuple[Product, ...]:
    everywhere = (_part("price price"), _part("delivery~ delivery"))
    found = []
    for line in _PRODUCTS.strip().splitlines():
        head, parts = line.split(": ")
        noun, place = head.rsplit(" ", 1)
        own = tuple(_part(text) for text in parts.split(", "))
        found.append(Product(noun.rstrip("*"), noun.endswith("*"), place, own + own + everywhere))
    return tuple(found)


PRODUCTS = _products()
