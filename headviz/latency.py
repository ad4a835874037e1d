"""Is it faster? Models timed in turns on this machine, beside what their FLOPs promise.

Each model is run on made texts without padding. In every round all models have their turn, every other round in reverse
order, so that a machine that slows down for a while moves both sides. A turn runs as many passes as take about 50 ms,
with garbage collection off. Times are medians over rounds, with quartiles. A speed-up is the ratio of two such medians,
so that it follows from the times beside it; its quartiles are those of the ratios round by round.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from headviz.cost import flops, made_texts, weight_bytes
from headviz.errors import RunError
from headviz.peak_memory import peak_memory
from headviz.progress import CancelSignal, OnProgress, Progress

if TYPE_CHECKING:
    import pandas as pd

    from headviz.subject import Subject

_TURN = 0.05  # seconds; shorter ones would measure the clock
_REPEAT = 15
Clock = Callable[[], float]


def measure_latency(
    subjects: Mapping[str, Subject],
    *,
    lengths: Sequence[int] = (32, 128),
    batch_sizes: Sequence[int] = (1, 32),
    repeat: int = _REPEAT,
    clock: Clock = time.perf_counter,
    on_progress: OnProgress | None = None,
    cancel: CancelSignal | None = None,
) -> pd.DataFrame:
    """pandas, a row per length (tokens), batch size (texts) and name of ``subjects``; the first of these is what the
    others are compared with.

    Columns: length, batch_size, name; ``seconds`` of a pass, with ``seconds_low`` and ``seconds_high``, the quartiles
    over ``repeat`` rounds; ``tokens_per_second``; ``parameters``; ``bytes`` of the weights in memory; ``peak_bytes``,
    the weights and the most that a pass holds on top of them, taken once outside the clock (`headviz.peak_memory`);
    ``flops`` per token; ``speedup``, the first's seconds over its own, with the quartiles of the rounds' ratios,
    ``speedup_low`` and ``speedup_high``;
    ``flops_ratio``, the first's FLOPs over its own: the speed-up in theory; ``of_theory``, speedup / flops_ratio;
    ``gain_reached``, the share of the first's time that was saved over the share of its FLOPs that were (NaN where none
    were). ``attrs`` says device, dtype, threads, rounds and torch.

    Raises RunError where the models cannot be compared or a length is beyond a model's limit; Cancelled.
    """
    import pandas as pd

    _check(subjects, lengths, batch_sizes, repeat)
    rows = []
    settings = [(length, size) for length in lengths for size in batch_sizes]
    with Progress(len(settings) * repeat * len(subjects), "measuring speed", on_progress, cancel) as progress:
        for length, size in settings:
            seconds = _seconds(subjects, length, size, repeat, clock, progress)
            rows += _rows(subjects, length, size, seconds)
            progress.check()
    table = pd.DataFrame(rows)
    first = next(iter(subjects.values()))
    table.attrs = {"device": first.device, "dtype": first.dtype, "threads": torch.get_num_threads(), "rounds": repeat}
    table.attrs["torch"] = torch.__version__
    return table


@torch.inference_mode()
def _seconds(
    subjects: Mapping[str, Subject], length: int, size: int, repeat: int, clock: Clock, progress: Progress
) -> dict[str, np.ndarray]:
    """Seconds of one pass of each subject in each round, (repeat,)."""
    inputs = {name: made_texts(subject, size, length) for name, subject in subjects.items()}

    def turn(name: str, passes: int) -> float:
        with _without_garbage_collection():
            start = clock()
            for _ in range(passes):
                subjects[name].forward(inputs[name])
            _wait_for(subjects[name].device)
            return (clock() - start) / passes

    for name in subjects:  # the first pass of a shape is slower than any other
        turn(name, 1)
        progress.check()
    slowest = max(turn(name, 1) for name in subjects)
    passes = max(1, round(_TURN / slowest)) if slowest > 0 else 1
    found: dict[str, list[float]] = {name: [] for name in subjects}
    for number in range(repeat):
        for name in list(subjects)[:: -1 if number % 2 else 1]:
            found[name].append(turn(name, passes))
            progress.step()
    return {name: np.array(each) for name, each in found.items()}


def _rows(subjects: Mapping[str, Subject], length: int, size: int, seconds: dict[str, np.ndarray]) -> list[dict]:
    first = next(iter(subjects))
    whole = flops(subjects[first], tokens=length)
    rows = []
    for name, subject in subjects.items():
        own = flops(subject, tokens=length)
        weights = weight_bytes(subject)
        speedups = seconds[first] / seconds[name]
        middle, theory = float(np.median(seconds[name])), whole / own
        speedup = float(np.median(seconds[first])) / middle
        low, high = (float(np.quantile(speedups, end)) for end in (0.25, 0.75))
        rows.append(
            {
                "length": length,
                "batch_size": size,
                "name": name,
                "seconds": middle,
                "seconds_low": np.quantile(seconds[name], 0.25),
                "seconds_high": np.quantile(seconds[name], 0.75),
                "tokens_per_second": length * size / middle,
                "parameters": subject.parameters,
                "bytes": weights,
                "peak_bytes": weights + peak_memory(subject, made_texts(subject, size, length)),
                "flops": own / length,
                "speedup": speedup,
                "speedup_low": min(low, speedup),
                "speedup_high": max(high, speedup),
                "flops_ratio": theory,
                "of_theory": speedup / theory,
                "gain_reached": (1 - 1 / speedup) / (1 - 1 / theory) if own < whole else np.nan,
            }
        )
    return rows


def _check(subjects: Mapping[str, Subject], lengths: Sequence[int], batch_sizes: Sequence[int], repeat: int) -> None:
    if not subjects:
        raise RunError("There is no model to time; give at least one, by name.")
    for what, values in (("lengths", lengths), ("batch_sizes", batch_sizes), ("repeat", [repeat])):
        if not values or any(isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1 for n in values):
            raise RunError(f"{what} must be whole numbers of at least 1. Got {values!r}.")
    first_name, first = next(iter(subjects.items()))
    for name, subject in subjects.items():
        if max(lengths) > subject.max_length:
            raise RunError(
                f"{name} reads at most {subject.max_length} tokens, and a length of {max(lengths)} was asked for. "
                "Choose shorter lengths."
            )
        if (subject.device, subject.dtype) != (first.device, first.dtype):
            raise RunError(
                f"{name} is on {subject.device} in {subject.dtype}, but {first_name} on {first.device} in "
                f"{first.dtype}. Load both alike to compare their speed."
            )


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _wait_for(device: str) -> None:
    """Until a GPU, which works on after the call, is done."""
    kind: Any = getattr(torch, device.split(":")[0], None)
    if not device.startswith("cpu") and hasattr(kind, "synchronize"):
        kind.synchronize()
