"""The options of signatures and plans, and their two presets: "headviz", the default, and "reference", which follows
the authors' implementation of CAHP step by step (docs/methods.md has the table)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Final, TypeVar

from headviz.errors import ScoreError
from headviz.option import Option


class _ByPreset:
    """What stands for "not given": the preset decides."""

    def __repr__(self) -> str:
        return "BY_PRESET"


BY_PRESET: Final[Any] = _ByPreset()


PROBE = 256
"""Examples whose head outputs are enough for the distance cka, and the most that are kept."""


def _option(default: Any, sentence: str, **limits: Any) -> Any:
    return field(default=default, metadata={"option": Option(default, sentence, **limits)})


@dataclass(frozen=True)
class SignatureOptions:
    """How attention becomes a picture that does not know about padding or length."""

    grid: int = _option(24, "Side of the picture that every attention map is brought to.", low=2, high=128, whole=True)
    resize: str = _option(
        "mass",
        "How a map is brought to the grid: shares of attention that add up to one, or bilinear as in the reference.",
        choices=("mass", "bilinear"),
    )
    special: bool = _option(True, "Whether special tokens such as [CLS] and [SEP] count.", switch=True)
    classes: str = _option(
        "labels",
        "What the classes are: the labels, the model's own predictions, or bins of a target that is a number.",
        choices=("labels", "predicted", "bins"),
    )
    bins: int = _option(
        4, "How many bins of equal count a target that is a number is cut into.", low=2, high=50, whole=True
    )
    nulls: int = _option(
        2, "Permutations of the labels that measure the noise floor in the same pass.", low=0, high=20, whole=True
    )
    ddof: int = _option(1, "Variances are divided by the number of examples less this.", low=0, high=1, whole=True)
    probe: int = _option(
        0, "Examples whose head outputs are kept for the distance cka; 0 keeps none.", low=0, high=PROBE, whole=True
    )


@dataclass(frozen=True)
class PlanOptions:
    """How heads become groups, and groups the heads that are kept."""

    degree: int | None = _option(
        6, "Degree of the polynomial through the curve; None is no smoothing.", low=1, high=8, whole=True, optional=True
    )
    space: str = _option("tsne", "Where heads are clustered; hv.spaces has the list.")
    distance: str = _option("jm", "What makes two heads alike; hv.distances has the list.")
    representative: str = _option(
        "salience", "Which head stands for its cluster.", choices=("salience", "medoid", "random")
    )
    guard: bool = _option(True, "Whether a layer that lost every head gets its most salient one back.", switch=True)
    mss: str = _option(
        "mean", "What a head's own medoid is compared with: the other medoids' mean or the nearest.",
        choices=("mean", "nearest"),
    )  # fmt: skip
    seed: int = _option(0, "Seed of everything that is drawn.", low=0, high=2**32 - 1, whole=True)
    coefficient: float = _option(
        0.25, "Factor of the mean term of JM; 1/4 is right with the sum of the variances.", low=0.01, high=1
    )
    jm: str = _option("squared", "JM, or its square root.", choices=("squared", "root"))
    eps: float | None = _option(
        None, "Floor of the variances; None is (0.01 / grid) squared.", low=1e-15, high=1, optional=True
    )
    eps_rule: str = _option(
        "add", "Whether the floor is added or variances below it are raised.", choices=("add", "max")
    )
    start: str = _option("build", "Where k-medoids starts.", choices=("build", "random"))
    salience: str = _option(
        "example", "Gate gradients: absolute value per example (HIS), or per batch of 32 as in the reference.",
        choices=("example", "batch"),
    )  # fmt: skip
    perplexity: float = _option(10.0, "Perplexity of t-SNE: how many neighbours a head has.", low=1, high=500)
    init: str = _option("random", "Where t-SNE starts.", choices=("random", "pca"))


_REFERENCE_EPS = 1e-6
_PRESETS: dict[str, tuple[SignatureOptions, PlanOptions]] = {
    "headviz": (SignatureOptions(), PlanOptions()),
    "reference": (
        SignatureOptions(grid=32, resize="bilinear", nulls=0),
        PlanOptions(seed=42, eps=_REFERENCE_EPS, eps_rule="max", start="random", salience="batch", init="pca"),
    ),
}
PRESETS = tuple(_PRESETS)

Options = TypeVar("Options", SignatureOptions, PlanOptions)


def resolve(kind: type[Options], preset: str, given: Mapping[str, Any]) -> Options:
    """The options of ``preset`` with what the caller gave in their place. Raises ScoreError for an unknown preset or
    option and for a value out of range."""
    base = _of(kind, preset)
    known = {one.name: one.metadata["option"] for one in fields(kind)}
    chosen = {}
    for name, value in given.items():
        if name not in known:
            raise ScoreError(f"There is no option {name!r}; choose from {', '.join(known)}.")
        if value is BY_PRESET:
            continue
        option: Option = known[name]
        by_name = isinstance(option.default, str) and not option.choices  # a registry refuses what it does not have
        chosen[name] = value if by_name else option.check(name, value)
    return replace(base, **chosen)


def option_of(kind: type[SignatureOptions] | type[PlanOptions], name: str) -> Option:
    """The default, sentence and range of one option."""
    return next(one.metadata["option"] for one in fields(kind) if one.name == name)


def differences(options: SignatureOptions | PlanOptions, preset: str) -> dict[str, Any]:
    """The options that are not the preset's."""
    base = asdict(_PRESETS[preset][0] if isinstance(options, SignatureOptions) else _PRESETS[preset][1])
    return {name: value for name, value in asdict(options).items() if value != base[name]}


def _of(kind: type[Options], preset: str) -> Options:
    if preset not in _PRESETS:
        raise ScoreError(f"preset={preset!r} is not one of {', '.join(_PRESETS)}.")
    return next(one for one in _PRESETS[preset] if isinstance(one, kind))
