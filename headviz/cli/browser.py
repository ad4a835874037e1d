"""``python -m headviz.cli.browser URL``: wait until the app answers, then open it in the browser."""

from __future__ import annotations

import sys
import time
import webbrowser
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

_PATIENCE = 60.0


def answers(url: str) -> bool:
    place = urlsplit(url)
    connection = HTTPConnection(place.hostname or "localhost", place.port, timeout=5)
    try:
        connection.request("GET", "/_stcore/health")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def open_when_ready(
    url: str,
    *,
    patience: float = _PATIENCE,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    show: Callable[[str], object] = webbrowser.open,
) -> bool:
    """Whether ``url`` answered within ``patience`` seconds and was shown."""
    end = clock() + patience
    while clock() < end:
        if answers(url):
            show(url)
            return True
        sleep(0.2)
    return False


if __name__ == "__main__":
    sys.exit(0 if open_when_ready(sys.argv[1]) else 1)
