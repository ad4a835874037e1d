"""What the one who starts the app decides, as it reaches the server: by environment variables, which other users of the
machine cannot read as they can a command line."""

from __future__ import annotations

import ipaddress
from urllib.parse import quote

SECRET = "HEADVIZ_SECRET"  # proves that a session is of the one who started the server
DATA_ROOT = "HEADVIZ_DATA_ROOT"  # the one folder that visitors may open models and data from
ALLOW_WRITE = "HEADVIZ_ALLOW_WRITE"  # visitors may write new folders under it
ALLOW_DOWNLOAD = "HEADVIZ_ALLOW_DOWNLOAD"  # visitors may have models and data downloaded from the hub
TOKEN = "token"  # the parameter of the address that carries the secret
SHORTEST_SECRET = 16
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


def opening_address(url: str, secret: str | None) -> str:
    """The address that proves its visitor to be the one who started the server at ``url``."""
    return f"{url}/?{TOKEN}={quote(secret, safe='')}" if secret else url


def is_loopback(address: str) -> bool:
    """Whether a server bound to ``address`` is reached from its own machine alone."""
    if address.strip().lower() in LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(address.strip("[] ")).is_loopback
    except ValueError:
        return False
