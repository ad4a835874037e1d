"""Memory: what a computation will take is worked out before it starts, and one that would not fit is refused with the
true cause. A process that runs out of memory is ended by the system, for everybody who works in it.

The bound is half of what is free, or what HEADVIZ_MEMORY says, such as "2GB".
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

from headviz.errors import HeadvizError, ScoreError
from headviz.units import in_bytes

VARIABLE = "HEADVIZ_MEMORY"
_SHARE = 0.5  # of what is free: others work, too, and an estimate leaves small things out
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_UNKNOWN = 4 * 10**9  # where the system does not say what is free


def bound() -> int:
    """Bytes that one computation may take."""
    asked = os.environ.get(VARIABLE, "").strip()
    if not asked:
        return int(_SHARE * free())
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)b?", asked.lower())
    if found is None or float(found[1]) <= 0:
        raise HeadvizError(f'{VARIABLE} is {asked!r}; give a size such as "2GB".')
    return int(float(found[1]) * _UNITS[found[2]])


def free() -> int:
    """Bytes that this process can still take: what the system has free, within the limits set for the process and for
    the group that it is in."""
    return max(0, min(_of_the_system(), _of_the_process(), _of_the_group()))


def require(needed: float, what: str, cause: str, remedy: str, error: type[HeadvizError] = ScoreError) -> None:
    """Raise ``error`` where ``needed`` bytes are more than the bound: ``what`` takes them, because of ``cause``, and
    ``remedy`` is a sentence on what to do."""
    if needed > (most := bound()):
        raise error(
            f"{what} would take {in_bytes(needed)} of memory ({cause}), and one computation may take {in_bytes(most)} "
            f"here. {remedy}"
        )


def _of_the_system() -> int:
    for line in _lines("/proc/meminfo"):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    with contextlib.suppress(ValueError, OSError, AttributeError):  # other systems say at least how much there is
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    return _UNKNOWN


def _of_the_process() -> int:
    """What is left of a limit on the addresses of this process (ulimit -v)."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        if limit != resource.RLIM_INFINITY:
            taken = int(_lines("/proc/self/statm")[0].split()[0]) * resource.getpagesize()
            return limit - taken
    return 2**63


def _of_the_group() -> int:
    """What is left of a container's limit; files that the system keeps in memory do not count as taken."""
    for limit, taken, kept in (
        ("memory.max", "memory.current", ("inactive_file", "active_file")),
        (
            *("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
            ("total_inactive_file", "total_active_file"),
        ),
    ):
        root = Path("/sys/fs/cgroup")
        most, used = _lines(root / limit), _lines(root / taken)
        if most and used and most[0].isdecimal():
            counts = dict(line.split() for line in _lines((root / taken).with_name("memory.stat")) if " " in line)
            return int(most[0]) - int(used[0]) + sum(int(counts.get(name, 0)) for name in kept)
    return 2**63


def _lines(path: str | Path) -> list[str]:
    try:
        return Path(path).read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
