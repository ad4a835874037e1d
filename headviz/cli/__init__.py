"""The command line: ``headviz app | score | select | evaluate | cahp | prune | export | recover``, one file each.

Results go to stdout, progress and notes to stderr. Exit codes: 0 done, 2 what the user can mend (one sentence, no
traceback), 130 interrupted, 1 a bug. Only argparse is imported here, so that ``--help`` answers at once.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from headviz import __version__
from headviz.cli import app, cahp, evaluate, export, prune, recover, score, select
from headviz.cli.arguments import Parser
from headviz.cli.errors import exit_code, flush_output, prepare_streams
from headviz.cli.output import Console

COMMANDS = (app, score, select, evaluate, cahp, prune, export, recover)


def parser() -> argparse.ArgumentParser:
    top = Parser(
        prog="headviz",
        description="See what each attention head of a transformer is worth, cut, check, and take the mask home.",
        epilog="Example: headviz app",
    )
    top.add_argument("--version", action="version", version=f"headviz {__version__}")
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add(commands)
    return top


def main(argv: Sequence[str] | None = None, *, interrupted: Callable[[], bool] = lambda: False) -> int:
    """Run one command; returns the exit code and never raises. ``interrupted``: whether Ctrl-C was pressed, whatever a
    library made of it."""
    given, spoken = list(sys.argv[1:] if argv is None else argv), {}
    try:
        prepare_streams()
        own, flags = _split(given)
        args = parser().parse_args(own, argparse.Namespace(flags=flags))
        spoken = args.spoken
        with Console(as_json=args.json, flags=spoken) as console:
            result = args.run(args, console)
            if result is not None:
                console.show(result)
    except BaseException as error:  # noqa: BLE001 -- the end of the line: whatever it is becomes an exit code
        return flush_output(exit_code(KeyboardInterrupt() if interrupted() else error, spoken))
    return flush_output(0)


def _split(given: list[str]) -> tuple[list[str], list[str]]:
    """Our own arguments, and what stands after ``--`` of ``headviz app``: flags for Streamlit."""
    if given[:1] != ["app"] or "--" not in given:
        return given, []
    at = given.index("--")
    return given[:at], given[at + 1 :]
