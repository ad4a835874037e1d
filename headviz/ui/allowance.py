"""How much visitors who did not start the server may have written to its disk: so many folders and bytes in all."""

from __future__ import annotations

from threading import Lock

from headviz.errors import ExportError


class Allowance:
    """What is left of ``places`` (folders and files) and ``size`` bytes, for all visitors together, until the server
    ends."""

    def __init__(self, places: int, size: int) -> None:
        self._places, self._size, self._lock = places, size, Lock()

    def take(self, size: int) -> None:
        """One place of at most ``size`` bytes. Raises ExportError where less is left."""
        with self._lock:
            if self._places < 1 or self._size < size:
                raise ExportError("Visitors have had as much written as this server allows; download the file instead.")
            self._places -= 1
            self._size -= size

    def give_back(self, size: int, *, place: bool = False) -> None:
        """Bytes that were not needed; and the ``place``, where nothing was written."""
        with self._lock:
            self._places += place
            self._size += size


OF_VISITORS = Allowance(100, 20 * 10**9)
