"""Fingerprints, versions and the record that stands on every result, so that someone else can make the same numbers."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from headviz import __version__


def hash_rows(rows: Iterable[bytes]) -> str:
    """16 hex digits of SHA-256 over ``rows``; each is preceded by its length, so that no two lists share a digest by
    shifting a border."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(len(row).to_bytes(8, "little"))
        digest.update(row)
    return digest.hexdigest()[:16]


def now() -> str:
    """The time in UTC, to the second, as ISO 8601."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def model_block(subject: Any) -> dict[str, Any]:
    """What a file says of the model: name, revision, fingerprint, family, heads per layer; of a pruned model also which
    heads of the whole one they are."""
    whole = getattr(subject, "whole_heads", None)
    return {
        "name": subject.name,
        "revision": subject.revision,
        "fingerprint": subject.fingerprint,
        "family": subject.family,
        "heads": list(subject.heads),
        **({} if whole is None else {"whole_heads": [list(row) for row in whole]}),
    }


def data_block(data: Any) -> dict[str, Any]:
    """What a file says of the data: name, split, fingerprint, number of examples."""
    return {
        "name": data.name,
        "split": data.split,
        "fingerprint": data.fingerprint,
        "examples": len(data),
    }


def record(subject: Any, data: Any | None, options: dict[str, Any]) -> dict[str, Any]:
    """The provenance of a result: model, data, options, versions, time (all values fit for JSON)."""
    versions = {name: importlib.metadata.version(name) for name in ("torch", "transformers")}
    return {
        "model": model_block(subject),
        "data": None if data is None else data_block(data),
        "options": options,
        "created": now(),
        "headviz": __version__,
        "versions": versions,
    }
