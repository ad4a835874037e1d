"""From what a user names to a folder on disk: demos, local paths, and models and data sets of the Hugging Face hub."""

from headviz.hub.sources import Resolved, resolve

__all__ = ["Resolved", "resolve"]
