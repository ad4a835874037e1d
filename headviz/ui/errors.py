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
from headviz.ui.returning import note_changes

log = logging.getLogger("headviz.ui")


@contextmanager
def shown() -> Iterator[None]:
    """Run a part of a page; an error ends that part and stands in its place, and what it changed is kept."""
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
    finally:
        note_changes()


def sentence(text: str) -> None:
    """Show an error's own sentence."""
    st.error(plain(in_page_words(text)), icon=":material/error:")


def note(text: str) -> None:
    """Show something worth knowing that stops nothing."""
    st.warning(plain(in_page_words(text)), icon=":material/info:")


# What the library advises in Python, and where that is done on the pages; the first that fits.
_IN_PAGE_WORDS = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r"Recover with method='full'\.", "Choose the method Full fine-tune."),
        (r"Recover with method='lora' or 'full'\.", "Choose the method LoRA or Full fine-tune."),
        (r"Save it with hv\.save_masked instead\.", "Write it in the form Masked, same size."),
        (r"Prune fewer or lower least_per_layer\.", "Cut fewer heads, or let each layer keep fewer."),
        (r"Name fewer heads of that layer or lower least_per_layer\.", "Unlock heads of it, or let it keep fewer."),
        (r"Prune fewer or name fewer in never\.", "Cut or lock fewer heads."),
        (r"^always cuts", "The locks cut"),
        (r"but never keeps", "but the locks keep"),
        (r"least_per_layer=(\d+) and never together leave", r"\1 heads that each layer keeps and the locks leave"),
        (r"but least_per_layer=(\d+) leaves", r"but with \1 heads that each layer keeps at least there are"),
        (r"but least_per_layer=(\d+)\.", r"but each layer keeps at least \1."),
        (r", or compare the model's own predictions with classes=\"predicted\"", ""),
        (r"(Open|Read) it with hv\.\w+\.", "Open it on Home."),
        (r", or try dtype='float32'", ""),
        (r"Start another with hv\.recover\.", "Start another."),
    )
)
_PYTHON = re.compile(
    r"\bhv\.\w+|\b(classes|distance|dtype|entropy|inputs|labels?|method|nulls|order|overwrite|preset|probe|prune|split"
    r"|targets)=(?=\S)"
)


def in_page_words(text: str) -> str:
    """A sentence of the library without Python: advice that pages take is put in their words, other advice is left
    out. What is wrong, which comes first and may quote a visitor's names, is left as it is."""
    for pattern, words in _IN_PAGE_WORDS:
        text = pattern.sub(words, text)
    first, *more = re.split(r"(?<=\.) (?=[A-Z])", text)
    return " ".join([first, *(one for one in more if not _PYTHON.search(one))])


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
