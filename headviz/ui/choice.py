"""What a visitor has chosen of criterion and mask: the settings that undo goes back over."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

from headviz.ui.taken import Taken

DEFAULT_CRITERION = "hies"
DEFAULT_ALPHA = 0.5
DEFAULT_SHARE = 0.3
CALIBRATION_SIZES: tuple[int | None, ...] = (32, 128, 512, None)  # None: all
DEFAULT_CALIBRATION = 512


@dataclass
class Choice:
    """The settings that undo goes back over."""

    criterion: str = DEFAULT_CRITERION
    alpha: float = DEFAULT_ALPHA
    options: dict[str, dict[str, Any]] = field(
        default_factory=dict
    )  # criterion -> option -> value, where not the default
    calibration: int | None = DEFAULT_CALIBRATION
    prune: int | None = None  # heads; None until a model says how many there are
    taken: Taken | None = None  # the mask in the criterion's place, until one is chosen again
    edits: dict[str, bool] = field(default_factory=dict)  # head -> kept, set by hand on top of criterion or taken mask
    by_link: tuple[str, ...] = ()  # those of the edits that a link brought
    locks: dict[str, bool] = field(default_factory=dict)  # head -> kept: what no preset and no edit changes
    least: int = 0  # heads that every preset leaves in each layer


def deepcopy_choice(choice: Choice) -> Choice:
    """A copy that later changes do not reach; masks are immutable and shared."""
    return replace(choice, options=deepcopy(choice.options), edits=dict(choice.edits), locks=dict(choice.locks))
