"""From an exception to an exit code and what stands on stderr."""

from __future__ import annotations

import os
import sys
import traceback

from headviz.errors import Cancelled, HeadvizError

DONE, BUG, MENDABLE, INTERRUPTED = 0, 1, 2, 130


class Usage(HeadvizError):
    """The command line itself is wrong."""


def exit_code(error: BaseException) -> int:
    """Tell ``error`` on stderr: a sentence for what the user can mend, a traceback for a bug."""
    if isinstance(error, SystemExit):  # --help and --version
        return error.code if isinstance(error.code, int) else DONE
    if isinstance(error, KeyboardInterrupt | Cancelled):
        print("headviz: interrupted; nothing half-written is left.", file=sys.stderr)
        return INTERRUPTED
    if isinstance(error, HeadvizError):
        print(f"headviz: {error}", file=sys.stderr)
        return MENDABLE
    if isinstance(error, BrokenPipeError):
        # the reader of our output has gone, as in `| head`; Python would complain once more at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    if isinstance(error, OSError) and error.filename is not None:
        print(f"headviz: {error.filename}: {error.strerror}. Choose another path.", file=sys.stderr)
        return MENDABLE
    traceback.print_exception(error, file=sys.stderr)
    print("headviz: this is a bug in headviz; please report it with the lines above.", file=sys.stderr)
    return BUG
