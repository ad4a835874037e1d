"""What every benchmark here does alike: rivals in turns within one run, ratios with their spread, the machine, JSON.

A benchmark answers one question. It checks first that its rivals give equal answers, then::

    args = arguments(__doc__)
    times = interleave({"ours": ours, "plain": plain}, repeat=args.repeat)
    report("scoring", [ratio(times, "ours", "plain", target=0.72, better="lower")], args.json)

Ratios are taken round by round, between calls that stood side by side, so that a machine that slows down for a
while moves both. `shared()` is the folder with the real models and data.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import headviz

Better = Literal["lower", "higher"]


@dataclass(frozen=True)
class Times:
    """Seconds of one rival, a value per round: ``wall`` on the clock, ``cpu`` of all threads of this process."""

    wall: list[float]
    cpu: list[float]


@dataclass(frozen=True)
class Ratio:
    """One comparison, round by round. ``target``: the bound for the median; ``better``: on which side of it."""

    name: str
    values: list[float]
    target: float | None = None
    better: Better = "lower"

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def met(self) -> bool | None:
        """Whether the median is on the better side of the target; None without one."""
        if self.target is None:
            return None
        return self.median <= self.target if self.better == "lower" else self.median >= self.target

    def record(self) -> dict[str, Any]:
        return {
            "median": self.median,
            "min": min(self.values),
            "max": max(self.values),
            "target": self.target,
            "better": self.better,
        }


def arguments(description: str | None, *, repeat: int = 5) -> argparse.Namespace:
    """``--json FILE`` and ``--repeat R``."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result there as well")
    parser.add_argument("--repeat", type=int, default=repeat, metavar="R", help=f"rounds (default {repeat})")
    args = parser.parse_args()
    if args.repeat < 1:
        parser.error("--repeat must be at least 1")
    return args


def shared() -> Path:
    """The folder with the real models and data; without it the benchmark ends with a sentence."""
    folder = Path(os.environ.get("HEADVIZ_SHARED") or Path(__file__).resolve().parents[2] / "shared")
    if not (folder / "models").is_dir():
        sys.exit(f"This benchmark needs real models and data: there are none in {folder}. Set HEADVIZ_SHARED.")
    return folder


def interleave(
    rivals: Mapping[str, Callable[[], object]],
    repeat: int,
    *,
    warm_up: int = 1,
    wall: Callable[[], float] = time.perf_counter,
    cpu: Callable[[], float] = time.process_time,
    say: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True),
) -> dict[str, Times]:
    """Call every rival once a round, ``repeat`` rounds, after ``warm_up`` rounds that do not count.

    Every other round goes backwards, so that none always follows the same one; garbage is collected before each call
    and not during it.
    """
    times = {name: Times([], []) for name in rivals}
    collecting = gc.isenabled()
    for turn in range(-warm_up, repeat):
        for name in list(rivals)[:: -1 if turn % 2 else 1]:
            gc.collect()
            gc.disable()
            try:
                start, start_cpu = wall(), cpu()
                rivals[name]()
                took, took_cpu = wall() - start, cpu() - start_cpu
            finally:
                if collecting:
                    gc.enable()
            if turn >= 0:
                times[name].wall.append(took)
                times[name].cpu.append(took_cpu)
        if turn >= 0:
            told = ", ".join(f"{name} {each.wall[-1]:.3f} s" for name, each in times.items())
            say(f"round {turn + 1} of {repeat}: {told}")
    return times


def ratio(
    times: Mapping[str, Times],
    one: str,
    other: str,
    *,
    target: float | None = None,
    better: Better = "lower",
    clock: Literal["wall", "cpu"] = "wall",
) -> Ratio:
    """Time of ``one`` over time of ``other``, round by round, called "one/other"."""
    pairs = zip(getattr(times[one], clock), getattr(times[other], clock), strict=True)
    return Ratio(f"{one}/{other}", [first / second for first, second in pairs], target, better)


def machine() -> dict[str, Any]:
    """What the figures depend on, without anything that names a person or a place."""
    found: dict[str, Any] = {
        "system": platform.system(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "python": platform.python_version(),
        "headviz": headviz.__version__,
    }
    torch = sys.modules.get("torch")
    if torch is not None:
        found |= {"torch": torch.__version__, "threads": torch.get_num_threads()}
        if torch.cuda.is_available():
            found["gpu"] = torch.cuda.get_device_name()
    return found


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def report(name: str, ratios: Sequence[Ratio], json_path: Path | None = None, **further: Any) -> bool:
    """Print the ratios, write the JSON if asked, and return whether every target is met.

    ``further`` goes into the JSON beside them (seconds, sizes, what the rivals are).
    """
    result = {
        "name": name,
        "machine": machine(),
        "ratios": {each.name: each.record() for each in ratios},
        **further,
    }
    print(f"{name} on {result['machine']['processor']}, {result['machine']['cores']} cores")
    width = max((len(each.name) for each in ratios), default=0)
    for each in ratios:
        line = f"  {each.name:<{width}}  median {each.median:.3f}  ({min(each.values):.3f} to {max(each.values):.3f})"
        if each.target is not None:
            bound = "at most" if each.better == "lower" else "at least"
            line += f"  target {bound} {each.target:g}: {'met' if each.met else 'MISSED'}"
        print(line)
    if json_path is not None:
        json_path.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return all(each.met is not False for each in ratios)
