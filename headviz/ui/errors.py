"""The one way in which pages show errors: a sentence for what the visitor can mend, a reference for everything else."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st
from streamlit.runtime.scriptrunner import RerunException, StopException

from headviz.errors import Cancelled, HeadvizError

log = logging.getLogger("headviz.ui")


@contextmanager
def shown() -> Iterator[None]:
    """Run a part of a page; an error ends that part and stands in its place."""
    try:
        yield
    except Cancelled:
        st.info("Stopped as asked.")
    except HeadvizError as error:
        sentence(str(error))
    except (RerunException, StopException):
        raise  # Streamlit's own ways of ending a run
    except BaseException:  # what a library in Rust raises is no Exception
        reference = secrets.token_hex(4)
        log.exception("Page error, reference %s", reference)
        st.error(
            f"This part of the page failed for a reason headviz did not foresee. The log has it under {reference}."
        )


def sentence(text: str) -> None:
    """Show an error's own sentence."""
    st.error(plain(text), icon=":material/error:")


def note(text: str) -> None:
    """Show something worth knowing that stops nothing."""
    st.warning(plain(text), icon=":material/info:")


_MARKS = re.compile(r"([\\`*_\[\]<>$~|#&@])")
_COLON = re.compile(r":(?=[a-zA-Z/+])")
_LIST = re.compile(r"(?m)^(\s*)([-+>]|\d+[.)])(?=\s)")
# Bare addresses become links after escapes have been read: a word joiner, which nobody sees, stands in their way.
_ADDRESS = re.compile(r"(?i)(?<=https:)(?=//)|(?<=http:)(?=//)|(?<=www)(?=\.)|(?<=@)(?=[-\w])")
JOINER = "\u2060"


def plain(text: str) -> str:
    """Text from files, links and visitors, so that Markdown shows it letter by letter (no links, colours, formulas)."""
    text = _ADDRESS.sub(JOINER, text)
    text = _MARKS.sub(r"\\\1", text)
    text = _COLON.sub(r"\\:", text)
    return _LIST.sub(lambda found: f"{found[1]}{found[2][:-1]}\\{found[2][-1]}", text)
