"""Arguments that several commands share, and how their texts are read."""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from headviz.cli.errors import Usage, lost_output

if TYPE_CHECKING:
    from headviz.cli.output import Console
    from headviz.data import Data
    from headviz.subject import Subject


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose refusal is one sentence, and whose help keeps the lines of the example."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        options.setdefault("allow_abbrev", False)  # a longer option may come later
        super().__init__(**options)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse does it; the flags of the command that was called, by their names in Python, stand in the result
        as ``spoken``."""
        found, rest = super().parse_known_args(args, namespace)
        if not hasattr(found, "spoken"):  # the innermost parser comes first
            found.spoken = {one.dest: one.option_strings[-1] for one in self._actions if one.option_strings}
        return found, rest

    def _print_message(self, message: str, file: Any = None) -> None:
        """As argparse does it, which takes a full disk for success."""
        target = file or sys.stderr
        if message and target is not None:
            with lost_output():
                target.write(message)
                target.flush()

    def error(self, message: str) -> NoReturn:
        raise Usage(f"{message[0].upper()}{message[1:].rstrip('.')}. {self.prog} --help shows how it is called.")


def add_common(parser: argparse.ArgumentParser) -> None:
    """``--json --device --limit --seed --offline``."""
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--device", default="auto", metavar="NAME", help="auto (a GPU where there is one), cpu, cuda")
    parser.add_argument("--limit", type=whole_number, metavar="N", help="take at most N rows, drawn with --seed")
    parser.add_argument("--seed", type=whole_number, default=0, metavar="N", help="seed of every draw (default 0)")
    parser.add_argument("--revision", metavar="REV", help="branch, tag or commit of a model from the Hugging Face hub")
    parser.add_argument("--offline", action="store_true", help="ask no network: only what is on this machine")


def add_data(parser: argparse.ArgumentParser) -> None:
    """``--split --inputs --label --labels``, as `headviz.load_data` has them."""
    parser.add_argument("--split", metavar="NAME", help="train, validation, test, ... (default: the only one there is)")
    parser.add_argument(
        "--inputs", type=columns, metavar="COLUMN[,COLUMN]", help="the text column, or two for pairs; commas in quotes"
    )
    parser.add_argument("--label", metavar="COLUMN", help="the column with the labels")
    parser.add_argument(
        "--labels",
        type=labels,
        metavar="ids|RAW=LABEL,...",
        help="'ids': integers are the model's own ids; or which raw value means which label of the model: "
        "0=negative,1=positive, or as JSON, or the name of a .json file",
    )


def whole_number(text: str) -> int:
    if not re.fullmatch(r"\d+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 0")
    return int(text)


def names(text: str) -> tuple[str, ...]:
    found = tuple(part.strip() for part in text.split(","))
    if not all(found):
        raise argparse.ArgumentTypeError(f"{text!r} has an empty name; write names with commas between them")
    return found


def columns(text: str) -> str | tuple[str, ...]:
    """One column or two. Without quotes the text stays whole: the data tells whether its comma is part of a name."""
    if '"' not in text:
        return text if names(text) else ()
    found = tuple(part.strip() for part in _unquoted(text))
    if not all(found):
        raise argparse.ArgumentTypeError(f"{text!r} has an empty name; write names with commas between them")
    return found


def labels(text: str) -> str | dict[str, str]:
    """``ids``, ``RAW=LABEL,...`` (names with commas in double quotes), a JSON object, or the name of a file of it."""
    if text == "ids":
        return text
    if text.lstrip().startswith("{"):
        return _mapping(text, "the text after --labels")
    if text.lower().endswith(".json") and "=" not in text:
        try:
            return _mapping(Path(text).expanduser().read_text("utf-8-sig"), text)
        except (OSError, UnicodeDecodeError):
            raise argparse.ArgumentTypeError(f"{text!r} cannot be read; give a JSON file of your own") from None
    found = {}
    for part in _unquoted(text):
        raw, equals, label = part.partition("=")
        if not (equals and raw.strip() and label.strip()):
            raise argparse.ArgumentTypeError(
                f"{part!r} is neither 'ids' nor RAW=LABEL, such as 0=negative,1=positive. A name with a comma needs "
                """double quotes, as in '0="Business, Finance",1=Sport', or JSON: '{"0": "Business, Finance"}'"""
            )
        found[raw.strip()] = label.strip()
    return found


def _unquoted(text: str) -> list[str]:
    """The parts between commas, those inside double quotes left out, without the quotes."""
    if text.count('"') % 2:
        raise argparse.ArgumentTypeError(f"{text!r} has a double quote that is never closed")
    parts, quoted = [""], False
    for character in text:
        if character == '"':
            quoted = not quoted
        elif character == "," and not quoted:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _mapping(text: str, where: str) -> dict[str, str]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not found or not all(isinstance(label, str) for label in found.values()):
        raise argparse.ArgumentTypeError(
            f"""{where} is not a JSON object from raw values to labels, such as {{"0": "Business, Finance"}}"""
        )
    return found


def prune(text: str) -> int | float:
    """``36`` is heads, ``0.5`` (with a point) a share."""
    if re.fullmatch(r"\d+", text):
        return int(text)
    if re.fullmatch(r"\d*\.\d*", text) and text != ".":
        share = float(text)
        if share <= 1:
            return share
    raise argparse.ArgumentTypeError(
        f"{text!r} is neither a number of heads, such as 36, nor a share from 0.0 to 1.0, such as 0.5"
    )


def option(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (equals and name.strip() and value.strip()):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE, such as steps=32")
    return name.strip(), value.strip()


def output_path(path: str | None, *suffixes: str) -> Path | None:
    """``path`` to write to, refused before the work and not after it."""
    if path is None:
        return None
    target = Path(path).expanduser()
    if target.suffix.lower() not in suffixes:
        raise Usage(f"{target} should end in {' or '.join(suffixes)}; give the output another name.")
    if target.is_dir():
        raise Usage(f"{target} is a folder; give the output the name of a file.")
    if not target.parent.is_dir():
        raise Usage(f"There is no folder {target.parent} to write {target.name} to; make it, or choose another path.")
    return target


def open_model(args: argparse.Namespace, source: str, console: Console) -> Subject:
    import headviz as hv

    subject = hv.load(
        source, revision=args.revision, device=args.device, offline=args.offline, on_progress=console.progress
    )
    console.notes(subject.notes)
    return subject


def open_data(args: argparse.Namespace, source: str, console: Console) -> Data:
    """The data, with a note on what was guessed and on every row that was left out."""
    import headviz as hv

    data = hv.load_data(
        source,
        split=args.split,
        inputs=args.inputs,
        label=args.label,
        labels=args.labels,
        limit=args.limit,
        seed=args.seed,
        offline=args.offline,
    )
    console.notes(data.notes)
    texts = " and ".join(data.columns["inputs"])
    if args.inputs is None or args.label is None:
        console.note(f"{data.name}: text from {texts}, label from {data.columns['label'] or 'no column'}.")
    if data.skipped:
        row, reason = data.skipped[0]
        console.note(f"{data.name}: {len(data.skipped):,} rows are left out, the first is row {row}: {reason}")
    return data
