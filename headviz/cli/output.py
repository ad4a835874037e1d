"""The one place that prints: results to stdout (for people or as JSON), progress and notes to stderr."""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

from headviz.cli.errors import lost_output
from headviz.cli.wording import in_flags
from headviz.progress import TimeLeft

if TYPE_CHECKING:
    from headviz.mask import Mask

_TERMINAL_SECONDS, _LOG_SECONDS = 0.1, 5.0


@dataclass(frozen=True)
class Result:
    """What a command found: ``lines`` for people, ``data`` for machines."""

    lines: Sequence[str]
    data: dict[str, Any]


def told_heads(heads: Iterable[str], mask: Mask) -> list[str]:
    """Names of heads of ``mask``; those that the whole model of a pruned one names otherwise have both names."""
    from headviz.mask.heads import in_both, in_whole

    whole = mask.provenance.get("model", {}).get("whole_heads")
    if not isinstance(whole, list) or [len(row) for row in whole if isinstance(row, list)] != list(mask.heads):
        return list(heads)
    names = in_whole(mask.heads, whole)
    return [in_both(head, names) for head in heads]


class Console:
    """Where a command speaks. As a context it also turns the library's warnings into notes."""

    def __init__(
        self,
        *,
        as_json: bool = False,
        out: TextIO | None = None,
        err: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
        flags: Mapping[str, str] | None = None,
    ) -> None:
        self.as_json, self._flags = as_json, flags or {}
        self._out, self._err, self._clock = out or sys.stdout, err or sys.stderr, clock
        self._time_left = TimeLeft(clock=clock)
        self._last: tuple[str, float] | None = None
        self._open_line = False
        self._told: set[str] = set()
        self._warnings = warnings.catch_warnings()

    def __enter__(self) -> Console:
        self._warnings.__enter__()
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = self._warn
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_line()
        self._warnings.__exit__(kind, error, trace)

    def show(self, result: Result) -> None:
        self._end_line()
        with lost_output():
            if self.as_json:
                from headviz.mask.plain import plain  # numpy, which --help does without

                # a stream that cannot write every character gets the escapes of JSON
                ascii_alone = "utf" not in (self._out.encoding or "utf-8").lower()
                data = plain(_writable(result.data), "the result")
                print(json.dumps(data, indent=2, ensure_ascii=ascii_alone), file=self._out)
            else:
                for line in result.lines:
                    print(line, file=self._out)
            self._out.flush()

    def note(self, sentence: str) -> None:
        """Tell something that the user should know and that is no error; the same sentence once only."""
        if sentence not in self._told:
            self._told.add(sentence)
            sentence = in_flags(sentence, self._flags)
            self._end_line()
            print(f"Note: {sentence}", file=self._err, flush=True)

    def notes(self, sentences: Iterable[str]) -> None:
        for sentence in sentences:
            self.note(sentence)

    def progress(self, done: int, total: int, stage: str) -> None:
        """``on_progress`` of the library: one line that is rewritten on a terminal, a line now and then in a log."""
        left, now = self._time_left.update(done, total, stage), self._clock()
        terminal = self._err.isatty()
        if self._last is None or self._last[0] != stage:
            self._end_line()
            self._last = (stage, now)
            if not terminal and done < total:
                return  # what is over in a moment needs no line in a log
        elif done < total and now - self._last[1] < (_TERMINAL_SECONDS if terminal else _LOG_SECONDS):
            return
        self._last = (stage, now)
        line = f"{stage}: {done:,} of {total:,}" + ("" if left is None or done >= total else f", {_span(left)} left")
        if terminal:
            print(f"\r\033[K{line}", end="", file=self._err, flush=True)
            self._open_line = True
        else:
            print(line, file=self._err, flush=True)

    def _end_line(self) -> None:
        if self._open_line:
            print(file=self._err, flush=True)
            self._open_line = False

    def _warn(self, message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
        # other kinds (deprecations inside other libraries) are for developers
        if issubclass(category, UserWarning):
            self.note(str(message))


def _writable(value: Any) -> Any:
    """``value`` with the bytes of file names that are no characters as escapes."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dict):
        return {_writable(key): _writable(one) for key, one in value.items()}
    return [_writable(one) for one in value] if isinstance(value, list | tuple) else value


def _span(seconds: float) -> str:
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
