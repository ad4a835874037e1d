"""``python -m headviz.cli.browser URL``: wait until the app answers, then open it in the browser.

The secret comes by the environment. It reaches the browser by a file that nobody else can read and that sends on to the
address, since every user of a machine can read the command lines of all.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
import webbrowser
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from headviz.serving import SECRET, opening_address

_PATIENCE = 60.0
_READ_WITHIN = 30.0  # seconds that a browser gets to read the file
_CONFINED = ("/snap/firefox", "/snap/chromium")  # browsers that cannot read another program's temporary files


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


def show_with_secret(
    url: str,
    *,
    show: Callable[[str], object] = webbrowser.open,
    sleep: Callable[[float], None] = time.sleep,
    confined: bool | None = None,
) -> None:
    """Open ``url`` with the secret, by a file that is gone when the browser has read it."""
    opening = opening_address(url, os.environ.get(SECRET))
    if confined if confined is not None else any(Path(place).exists() for place in _CONFINED):
        show(opening)
        return
    with tempfile.TemporaryDirectory(prefix="headviz-") as folder:  # nobody else may look into it
        page = Path(folder) / "open.html"
        page.write_text(f'<meta charset="utf-8"><meta http-equiv="refresh" content="0; url={opening}">', "utf-8")
        show(page.as_uri())
        sleep(_READ_WITHIN)


if __name__ == "__main__":
    sys.exit(0 if open_when_ready(sys.argv[1], show=show_with_secret) else 1)
