"""``headviz app``: the Streamlit app in a process of its own."""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import secrets
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from headviz.cli.errors import Usage
from headviz.cli.output import Console, Result
from headviz.serving import (
    ALLOW_DOWNLOAD,
    ALLOW_WRITE,
    DATA_ROOT,
    LOOPBACK_NAMES,
    SECRET,
    SHORTEST_SECRET,
    is_loopback,
    opening_address,
)

FIRST_PORT, TRIED_PORTS = 8501, 20


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "app",
        help="open the app in the browser",
        usage="headviz app [-h] [--port N] [--no-browser] [--data-root DIR] [--allow-write] [--allow-download] "
        "[--json] [-- STREAMLIT FLAGS]",
        description="Open the app in the browser. It answers on this machine alone, unless flags after --, which go to "
        "Streamlit, say otherwise. Only who opens the whole address that it prints, with the secret in it, may open "
        "folders and models of the hub and have folders written; everybody else has demos and uploads.",
        epilog="Example: headviz app --port 8600 --data-root models -- --server.maxUploadSize=200",
    )
    parser.add_argument("--port", type=port, metavar="N", help=f"where it answers (default {FIRST_PORT} or the next)")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    parser.add_argument("--data-root", metavar="DIR", help="the one folder that visitors may open models and data from")
    parser.add_argument("--allow-write", action="store_true", help="let visitors write new folders under --data-root")
    parser.add_argument("--allow-download", action="store_true", help="let visitors have models of the hub downloaded")
    parser.add_argument("--json", action="store_true", help="print the address as JSON before the app starts")
    parser.set_defaults(run=run)


def port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; give a number from 1 to 65535")
    return int(text)


def run(args: argparse.Namespace, console: Console) -> None:
    """Check everything first, then become Streamlit; returns only where a process cannot be replaced."""
    script = app_script()
    if importlib.util.find_spec("streamlit") is None:
        raise Usage("The app needs Streamlit; install it with: pip install streamlit")
    if args.data_root is not None:
        root = Path(args.data_root).expanduser().resolve()
        if not root.is_dir():
            raise Usage(f"--data-root {args.data_root} is not a folder; give one that exists.")
        os.environ[DATA_ROOT] = str(root)
    if args.allow_write and not os.environ.get(DATA_ROOT):
        raise Usage("--allow-write needs --data-root DIR, the folder in which visitors may write.")
    for name, allowed in ((ALLOW_WRITE, args.allow_write), (ALLOW_DOWNLOAD, args.allow_download)):
        if allowed:
            os.environ[name] = "1"
    address, chosen = _place(args, console)
    os.environ[SECRET] = _secret()
    url = f"http://{_named(address)}:{chosen}"
    opening = opening_address(url, os.environ[SECRET])
    console.show(Result([f"headviz answers at {opening} (Ctrl+C stops it)"], {"url": opening}))
    if not args.no_browser and _has_display():
        # It waits for the server and then ends. Streamlit's own way of opening one comes with questions.
        subprocess.Popen([sys.executable, "-m", "headviz.cli.browser", url], stdin=subprocess.DEVNULL)
    command = [sys.executable, "-m", "streamlit", "run", str(script), *_hosts(address)]
    command += [f"--server.port={chosen}", "--logger.hideWelcomeMessage=true", *args.flags]
    _become(command)


def _named(address: str) -> str:
    """How an address stands in a link."""
    if address in ("", "0.0.0.0", "::"):  # every one of this machine's
        return "localhost"
    return f"[{address}]" if ":" in address else address


def _secret() -> str:
    """A new secret, or the one in the environment, so that an address can outlive the server."""
    given = os.environ.get(SECRET)
    if given is None:
        return secrets.token_urlsafe(24)
    if not re.fullmatch(rf"[A-Za-z0-9._~-]{{{SHORTEST_SECRET},}}", given):
        raise Usage(f"{SECRET} must be {SHORTEST_SECRET} or more letters, digits, dots, dashes, underscores or tildes.")
    return given


def _hosts(address: str) -> list[str]:
    """The names by which browsers may ask for the server: any on a network, where the owner knows them; on this machine
    alone its own, so that no web page can pass itself off as the app by a name that leads here."""
    if address in LOOPBACK_NAMES:  # the app's own settings say so already
        return []
    names = (*LOOPBACK_NAMES, address) if is_loopback(address) else ("*",)
    return [f"--server.allowedHosts={name}" for name in names]


def app_script() -> Path:
    """The app inside an installed package, else the one beside the package in a checkout."""
    package = Path(__file__).resolve().parent.parent
    for candidate in (package / "_app" / "app.py", package.parent / "app.py"):
        if candidate.is_file():
            return candidate
    raise Usage("app.py is neither in the package nor beside it; install headviz again.")


def _place(args: argparse.Namespace, console: Console) -> tuple[str, int]:
    """Address and port; the flags for Streamlit are heeded, and a port that is taken is told before anything starts."""
    address = _flag(args.flags, "server.address") or "localhost"
    flagged = _flag(args.flags, "server.port")
    try:
        wanted = args.port if args.port is not None else port(flagged) if flagged and flagged.isdecimal() else None
    except argparse.ArgumentTypeError as error:
        raise Usage(f"{error}.") from error
    if wanted is not None:
        if not is_free(address, wanted):
            raise Usage(f"Port {wanted} is in use; choose another with --port, or stop what answers there.")
        return address, wanted
    for candidate in range(FIRST_PORT, FIRST_PORT + TRIED_PORTS):
        if is_free(address, candidate):
            if candidate != FIRST_PORT:
                console.note(f"Port {FIRST_PORT} is in use, so this is port {candidate}.")
            return address, candidate
    raise Usage(f"Ports {FIRST_PORT} to {FIRST_PORT + TRIED_PORTS - 1} are all in use; choose one with --port.")


def _flag(flags: list[str], name: str) -> str | None:
    """The value of a flag; the last one counts, as in Streamlit."""
    found = None
    for i, flag in enumerate(flags):
        if flag.startswith(f"--{name}="):
            found = flag.partition("=")[2]
        elif flag == f"--{name}" and i + 1 < len(flags):
            found = flags[i + 1]
    return found


def is_free(address: str, number: int) -> bool:
    try:
        places = socket.getaddrinfo(address or None, number, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as cause:
        raise Usage(f"There is no address {address!r} on this machine; mend --server.address.") from cause
    for family, kind, protocol, _, place in places:
        with socket.socket(family, kind, protocol) as probe:
            if os.name == "posix":  # a port in TIME_WAIT is free to a server; elsewhere the option means another thing
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(place)
            except OSError:
                return False
    return True


def _has_display() -> bool:
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _become(command: list[str]) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name == "posix":
        os.execv(command[0], command)
    raise SystemExit(subprocess.run(command).returncode)
