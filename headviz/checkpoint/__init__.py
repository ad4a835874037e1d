"""A model folder on disk: opened with every check that can be made, or refused with a sentence; and its fingerprint.

What needs transformers to be imported (`first_run`, `plain_model`) is imported from its module.
"""

from headviz.checkpoint.configuration import DECODERS, check_config, max_length, read_config
from headviz.checkpoint.files import state_fingerprint, weight_files, weights_fingerprint
from headviz.checkpoint.opening import Checkpoint, assemble, open_checkpoint, task_of_folder
from headviz.checkpoint.pruned import (
    MASK_FILE,
    cut_note,
    cut_notes,
    cut_of_config,
    heads_with_weights,
    is_pruned,
    kept_heads,
    zeroed_heads,
    zeroed_names,
)
from headviz.checkpoint.tokenizer import check_vocabulary, special_notes

__all__ = [
    "DECODERS",
    "MASK_FILE",
    "Checkpoint",
    "assemble",
    "check_config",
    "check_vocabulary",
    "cut_note",
    "cut_notes",
    "cut_of_config",
    "heads_with_weights",
    "is_pruned",
    "kept_heads",
    "max_length",
    "open_checkpoint",
    "read_config",
    "special_notes",
    "state_fingerprint",
    "task_of_folder",
    "weight_files",
    "weights_fingerprint",
    "zeroed_heads",
    "zeroed_names",
]
