"""Files that stand for another one: pointers that a large file leaves in its place, and web pages saved under its
name. The first bytes tell."""

from __future__ import annotations

from pathlib import Path

LOOKED_AT = 200
"""How many bytes from a file's start `stand_in` needs."""

_STARTS = (
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself", "Run git lfs pull where it was cloned"),
    (b"/annex/objects/", "a git-annex pointer, not the file itself", "Run git annex get where it was cloned"),
    (b"<!doctype html", "a web page, not the file itself", "Use the link that downloads"),
    (b"<html", "a web page, not the file itself", "Use the link that downloads"),
    (b"<?xml", "an XML page, such as a server answers with, not the file itself", "Try later"),
)
# The same for a file that ought to hold weights in safetensors, whose own start is a number and then "{".
_WEIGHTS = (
    (b"PK\x03\x04", "a file of torch.save under another name, a format that can run code when it is opened"),
    (b"\x80\x02", "a pickle under another name, a format that can run code when it is opened"),
    (b"\x1f\x8b", "packed with gzip"),
    (b"GGUF", "a GGUF file, quantised for llama.cpp, under another name"),
    (b"\x89HDF", "a TensorFlow or Keras file (HDF5) under another name"),
)


def stand_in(start: bytes) -> str | None:
    """What a file that starts with ``start`` is instead of itself and what to do, as the end of a sentence that begins
    with its name, and one more; None for a file that is itself.

    >>> stand_in(b"version https://git-lfs.github.com/spec/v1")
    'is a Git LFS pointer, not the file itself. Run git lfs pull where it was cloned, or download the file again.'
    >>> stand_in(b"text,label")
    """
    begins = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for magic, what, remedy in _STARTS:
        if begins.startswith(magic):
            return f"is {what}. {remedy}, or download the file again."
    return None


def stand_in_for_weights(start: bytes) -> str | None:
    """As `stand_in`, for a file that ought to hold weights in safetensors.

    >>> stand_in_for_weights(bytes([0x80, 2, 0, 0, 0, 0, 0, 0]) + b"{")  # a header of 640 bytes
    """
    if start[8:9] == b"{":
        return None
    for magic, what in _WEIGHTS:
        if start.startswith(magic):
            return f"is {what}. Look for the model in safetensors, or save it with transformers' save_pretrained."
    return stand_in(start)


def start_of(path: Path) -> bytes:
    """The first bytes of a file; none where it cannot be read, which whoever reads all of it will say."""
    try:
        with path.open("rb") as file:
            return file.read(LOOKED_AT)
    except OSError:
        return b""
