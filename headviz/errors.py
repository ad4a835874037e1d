"""The exception tree. A message is one or two plain sentences: what is wrong, with the name or row, and what to do.

HeadvizError
├── LoadError     a model cannot be loaded or used
├── DataError     data cannot be read, or does not fit the model
├── ScoreError    heads cannot be scored
├── MaskError     a mask, mask file or mask code is not usable
├── ExportError   something cannot be written
├── RunError      a long run cannot go on
└── Cancelled     the caller asked to stop
"""


class HeadvizError(Exception):
    """Everything that a user can mend. Pages and the command line show the message as it is."""


class LoadError(HeadvizError):
    """A model cannot be loaded or used."""


class DataError(HeadvizError):
    """Data cannot be read, or does not fit the model."""


class ScoreError(HeadvizError):
    """Heads cannot be scored."""


class MaskError(HeadvizError):
    """A mask, a mask file or a mask code cannot be used."""


class ExportError(HeadvizError):
    """Something cannot be written."""


class RunError(HeadvizError):
    """A long run cannot start or go on."""


class Cancelled(HeadvizError):
    """The caller's ``cancel`` was set; nothing half-written is left."""

    def __init__(self, message: str = "Stopped as asked.") -> None:
        super().__init__(message)
