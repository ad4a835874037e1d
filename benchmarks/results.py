"""The page docs/results.md: each benchmark that reports there writes a section of its own and leaves the others."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from headviz.files import write_whole
from headviz.stats import Estimate

PAGE = Path(__file__).resolve().parent.parent / "docs" / "results.md"
_HEAD = """# Results

What was measured with headviz on real models, with the commands that measure it again.
"""


def put_section(title: str, section: str, page: Path = PAGE) -> None:
    """Write ``section``, which begins with the line "## " + ``title``, into ``page``, whole or not at all."""
    before = page.read_text("utf-8") if page.exists() else ""
    write_text(page, with_section(before, title, section))


def write_text(path: Path, text: str) -> None:
    def write(file: BinaryIO) -> None:
        file.write(text.encode())

    write_whole(path, write)


def with_section(text: str, title: str, section: str) -> str:
    """The page ``text`` with ``section`` in the place of the one of its ``title``, or at the end."""
    parts = re.split(r"^(?=## )", text or _HEAD, flags=re.MULTILINE)
    here = [number for number, part in enumerate(parts) if part.startswith(f"## {title}\n")]
    if here:
        parts[here[0]] = section + ("\n" if here[0] + 1 < len(parts) else "")
        return "".join(parts)
    return "".join(parts).rstrip("\n") + "\n\n" + section


def table(title: str | None, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    line: Callable[[Sequence[str]], str] = lambda cells: "| " + " | ".join(cells) + " |"  # noqa: E731
    head = [] if title is None else [f"{title}:", ""]
    return "\n".join([*head, line(columns), "|" + "---|" * len(columns), *map(line, rows)]) + "\n"


def wrapped(text: str) -> str:
    """Paragraphs and list items in lines of at most 120 characters; tables as they are."""
    lines = []
    for line in text.split("\n"):
        indent = "  " if line.startswith(("- ", "  ")) else ""
        as_it_is = line.startswith("|") or not line
        fill = textwrap.TextWrapper(120, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
        lines += [line] if as_it_is else fill.wrap(line)
    return "\n".join(lines)


def share(one: Estimate) -> str:
    """A share in per cent with its interval."""
    return f"{100 * one.value:.1f} ({100 * one.low:.1f} to {100 * one.high:.1f})"


def difference(one: Estimate) -> str:
    """A difference of shares in points with its interval."""
    return f"{100 * one.value:+.1f} ({100 * one.low:+.1f} to {100 * one.high:+.1f})"
