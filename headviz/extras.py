"""Packages that only a part of headviz needs, and so may be missing."""

from __future__ import annotations

import importlib

from headviz.errors import HeadvizError


def require_packages(what: str, extra: str, *names: str, error: type[HeadvizError]) -> None:
    """Raises ``error``, with the command that mends it, unless the packages ``names`` can be imported.

    ``what`` needs them, and ``extra`` is the name under which they are installed with headviz.
    """
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError as cause:
            raise error(
                f"{what} needs the package {name}, which is not installed. Install what is missing with "
                f"pip install 'headviz[{extra}]'."
            ) from cause
