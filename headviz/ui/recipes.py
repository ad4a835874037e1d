"""Recipes: what opens a visitor's data again, as values fit for JSON. They stay on this machine: they hold paths.

A recipe has ``options`` of ``hv.load_data`` and ``labels`` that were said, and one of: ``source`` with ``splits``;
``uploads``, each a name and the name under which the state folder keeps the file; ``board``, under which the shelf has
the data of a visitor from elsewhere for a while.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from headviz.errors import DataError, ExportError
from headviz.ui import sources
from headviz.ui.page import Page
from headviz.ui.state import OpenedData
from headviz.ui.state_folder import OnDisk

_LOST = "What this visit keeps of its data cannot be read. Open the data again on Home."


def follow(recipe: Mapping[str, Any], page: Page) -> OpenedData:
    """The data that ``recipe`` opens. Raises DataError, or what opening raises."""
    options = _options(recipe.get("options"))
    if "board" in recipe:
        known: OpenedData | None = page.results.shelf.uploads.get(str(recipe["board"]))
        if known is None:
            raise DataError("The file that was uploaded is not kept any more. Upload it again on Home.")
        opened = known
    elif "uploads" in recipe:
        opened = sources.open_uploads(_uploads(recipe["uploads"], page), options)
    else:
        splits = recipe.get("splits") or [None] * 3
        if not (isinstance(recipe.get("source"), str) and isinstance(splits, list) and len(splits) == 3):
            raise DataError(_LOST)
        opened = sources.open_data(recipe["source"], local=page.local, options=options, splits=splits)
    labels = recipe.get("labels")
    opened = replace(opened, recipe={**recipe, "labels": None})
    return opened if labels is None else sources.with_labels(opened, labels)


def keep(
    opened: OpenedData, files: Sequence[tuple[str, bytes]], options: Mapping[str, Any] | None, page: Page
) -> OpenedData:
    """Data of uploaded files with the recipe to open it again, for which the files are kept where they may be."""
    place = page.keeping.place if page.keeping is not None else None
    if isinstance(place, OnDisk):
        with contextlib.suppress(ExportError, OSError):  # a full or shut disk: then as long as the server runs
            named = [[sources.display_name(name), place.keep_upload(content)] for name, content in files]
            return replace(opened, recipe={"uploads": named, "options": dict(options or {})})
    name = secrets.token_urlsafe(16)
    kept: OpenedData = page.results.shelf.uploads.put(name, replace(opened, recipe={"board": name}))
    return kept


def _uploads(named: Any, page: Page) -> list[tuple[str, bytes]]:
    place = page.keeping.place if page.keeping is not None else None
    if not isinstance(place, OnDisk) or not isinstance(named, list):
        raise DataError(_LOST)
    files = []
    for pair in named:
        if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(text, str) for text in pair)):
            raise DataError(_LOST)
        files.append((pair[0], place.upload(pair[1])))
    return files


def _options(options: Any) -> dict[str, Any]:
    """Options out of JSON, which has no tuples."""
    if options is not None and not isinstance(options, dict):
        raise DataError(_LOST)
    return {name: tuple(value) if isinstance(value, list) else value for name, value in (options or {}).items()}
