"""From an exception to an exit code and what stands on stderr."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Iterator, Mapping

from headviz.cli.wording import in_flags
from headviz.errors import Cancelled, HeadvizError

DONE, BUG, MENDABLE, INTERRUPTED = 0, 1, 2, 130


class Usage(HeadvizError):
    """The command line itself is wrong."""


class OutputLost(Usage):
    """The result cannot be printed, for a reason that the system gives."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The result cannot be printed: {reason}. Send it elsewhere; what was saved to files is there."
        )


@contextlib.contextmanager
def lost_output() -> Iterator[None]:
    """Raises OutputLost where the system refuses what is printed; a reader that has gone is another matter."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputLost(error.strerror or str(error)) from error


def prepare_streams() -> None:
    """Make sure that a sentence can be told and a result printed, whatever the streams are. Raises OutputLost where
    standard output is closed: a file that is opened later would take its place."""
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 -- for as long as the process lives
    if sys.stdout is None:
        raise OutputLost("standard output is closed")
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)  # a test's own stream has none
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def flush_output(code: int) -> int:
    """``code``, once all of the output is out; Python itself would try at its end, and complain in its own words."""
    if sys.stdout is None:
        return code
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
    except (OSError, ValueError) as error:
        _drop_output()
        if code == DONE:
            return exit_code(OutputLost(getattr(error, "strerror", None) or "it is closed"))
    return code


def exit_code(error: BaseException, flags: Mapping[str, str] | None = None) -> int:
    """Tell ``error`` on stderr, in the words of a command with these ``flags``: a sentence for what the user can mend,
    a traceback for a bug."""
    if isinstance(error, SystemExit):  # --help and --version
        return error.code if isinstance(error.code, int) else DONE
    if isinstance(error, KeyboardInterrupt | Cancelled):
        print("headviz: interrupted; nothing half-written is left.", file=sys.stderr)
        return INTERRUPTED
    if isinstance(error, HeadvizError):
        told = str(error) if isinstance(error, Usage) else in_flags(str(error), flags or {})
        print(f"headviz: {told}", file=sys.stderr)
        return MENDABLE
    if isinstance(error, BrokenPipeError):
        _drop_output()  # the reader of our output has gone, as in `| head`
        return DONE
    if isinstance(error, OSError) and error.filename is not None:
        print(f"headviz: {error.filename}: {error.strerror}. Choose another path.", file=sys.stderr)
        return MENDABLE
    traceback.print_exception(error, file=sys.stderr)
    print("headviz: this is a bug in headviz; please report it with the lines above.", file=sys.stderr)
    return BUG


def _drop_output() -> None:
    """Let what is still to be written go nowhere; Python would complain of it once more at exit."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError, AttributeError):
        return
