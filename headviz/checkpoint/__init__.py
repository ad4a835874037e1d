"""A model folder on disk: opened with every check that can be made, or refused with a sentence; and its fingerprint."""

from headviz.checkpoint.configuration import check_config, max_length, outside_interface
from headviz.checkpoint.files import state_fingerprint, weight_files, weights_fingerprint
from headviz.checkpoint.opening import Checkpoint, open_checkpoint

__all__ = [
    "Checkpoint",
    "check_config",
    "max_length",
    "open_checkpoint",
    "outside_interface",
    "state_fingerprint",
    "weight_files",
    "weights_fingerprint",
]
