"""Starting the app: which port, which address, which process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headviz.cli import app

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def become(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that would have replaced this process; and no browser opens."""
    commands: list[list[str]] = []
    for name in ("SECRET", "DATA_ROOT", "ALLOW_WRITE", "ALLOW_DOWNLOAD"):  # put back what a command sets
        monkeypatch.setenv(f"HEADVIZ_{name}", "")
        monkeypatch.delenv(f"HEADVIZ_{name}")
    monkeypatch.setattr(app, "_become", commands.append)
    monkeypatch.setattr(app, "_has_display", lambda: False)
    return commands


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def secret() -> str:
    return os.environ["HEADVIZ_SECRET"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_app_becomes_streamlit_on_the_port_that_it_prints(run: Callable, become: list) -> None:
    number = free_port()
    ran = run("app", "--port", number)
    assert ran.code == 0
    assert ran.out == f"headviz answers at http://localhost:{number}/?token={secret()} (Ctrl+C stops it)\n"
    (command,) = become
    assert command[:4] == [sys.executable, "-m", "streamlit", "run"]
    assert command[4] == str(ROOT / "app.py")
    assert f"--server.port={number}" in command


def test_app_as_json_prints_the_address_alone(run: Callable, become: list) -> None:
    number = free_port()
    printed = json.loads(run("app", "--port", number, "--json").out)
    assert printed == {"url": f"http://localhost:{number}/?token={secret()}"}


def test_secret_is_new_at_each_start_and_stands_in_no_command_line(run: Callable, become: list) -> None:
    made = set()
    for _ in range(3):
        assert run("app", "--port", free_port()).code == 0
        made.add(os.environ.pop("HEADVIZ_SECRET"))
    assert len(made) == 3 and all(len(one) >= 24 for one in made)
    assert not [part for command in become for part in command for one in made if one in part]


def test_secret_of_the_environment_is_taken_where_it_is_long_enough(
    run: Callable, refused: Callable, become: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADVIZ_SECRET", "one-of-my-own.0123456789")
    assert "/?token=one-of-my-own.0123456789 " in run("app", "--port", free_port()).out
    for unfit in ("", "short", "with a space 0123456789", "with&an=ampersand0123"):
        monkeypatch.setenv("HEADVIZ_SECRET", unfit)
        assert refused("app", "--port", free_port()).startswith("HEADVIZ_SECRET must be 16 or more letters")


@pytest.mark.parametrize(
    ("address", "name"),
    [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]"), ("0.0.0.0", "localhost"), ("::", "localhost")],
)
def test_address_is_printed_as_a_browser_takes_it(
    address: str, name: str, run: Callable, become: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "is_free", lambda place, number: True)
    assert f" http://{name}:8600/?token=" in run("app", "--port", 8600, "--", f"--server.address={address}").out


@pytest.mark.parametrize(
    ("flags", "hosts"),
    [
        ([], []),
        (["--server.address=127.0.0.1"], []),
        (["--server.address=127.0.0.7"], ["localhost", "127.0.0.1", "::1", "127.0.0.7"]),
        (["--server.address=0.0.0.0"], ["*"]),
        (["--server.address=127.0.0.1", "--server.address", "0.0.0.0"], ["*"]),  # the last one counts
    ],
)
def test_server_on_a_network_answers_to_any_name_and_one_of_this_machine_to_its_own(
    flags: list[str], hosts: list[str], run: Callable, become: list
) -> None:
    assert run("app", "--port", free_port(), "--", *flags).code == 0
    said = [part.partition("=")[2] for part in become[0] if part.startswith("--server.allowedHosts=")]
    assert said == hosts


def test_switches_for_visitors_reach_the_app_and_writing_needs_a_data_root(
    run: Callable, refused: Callable, become: list, tmp_path: Path
) -> None:
    said = refused("app", "--port", free_port(), "--allow-write")
    assert said == "--allow-write needs --data-root DIR, the folder in which visitors may write."
    assert become == []
    assert run("app", "--port", free_port(), "--data-root", tmp_path).code == 0
    assert not {"HEADVIZ_ALLOW_WRITE", "HEADVIZ_ALLOW_DOWNLOAD"} & set(os.environ)
    assert run("app", "--port", free_port(), "--data-root", tmp_path, "--allow-write", "--allow-download").code == 0
    assert (os.environ["HEADVIZ_ALLOW_WRITE"], os.environ["HEADVIZ_ALLOW_DOWNLOAD"]) == ("1", "1")


def test_port_that_is_taken_is_told_and_nothing_starts(refused: Callable, become: list, taken: int) -> None:
    assert refused("app", "--port", taken) == (
        f"Port {taken} is in use; choose another with --port, or stop what answers there."
    )
    assert become == []


def test_first_port_that_is_taken_moves_the_app_and_says_so(
    run: Callable, become: list, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "FIRST_PORT", taken)
    ran = run("app")
    assert ran.err.startswith(f"Note: Port {taken} is in use, so this is port ")
    assert f"--server.port={taken}" not in become[0]


def test_flags_after_two_dashes_go_to_streamlit_and_their_port_counts(run: Callable, become: list) -> None:
    number = free_port()
    ran = run("app", "--", f"--server.port={number}", "--server.maxUploadSize", "200")
    assert f"http://localhost:{number}/?token=" in ran.out
    assert become[0][-3:] == [f"--server.port={number}", "--server.maxUploadSize", "200"]


def test_data_root_reaches_the_app_as_a_full_path(
    run: Callable, become: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADVIZ_DATA_ROOT", "to be put back")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    assert run("app", "--port", free_port(), "--data-root", "models").code == 0
    assert os.environ["HEADVIZ_DATA_ROOT"] == str(tmp_path.resolve() / "models")


def test_data_root_that_is_no_folder_is_told(refused: Callable, become: list, tmp_path: Path) -> None:
    assert refused("app", "--data-root", tmp_path / "absent").endswith("is not a folder; give one that exists.")
    assert become == []


@pytest.mark.parametrize("flag", [(), ("--no-browser",)])
def test_browser_opens_unless_told_otherwise(
    flag: tuple[str, ...], run: Callable, become: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(app, "_has_display", lambda: True)
    monkeypatch.setattr(app.subprocess, "Popen", lambda command, **_: started.append(command))
    number = free_port()
    run("app", "--port", number, *flag)
    assert [command[-1] for command in started] == ([] if flag else [f"http://localhost:{number}"])


def test_app_in_a_package_is_found_before_the_one_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "headviz"
    (package / "_app").mkdir(parents=True)
    (package / "cli").mkdir()
    monkeypatch.setattr(app, "__file__", str(package / "cli" / "app.py"))
    (tmp_path / "app.py").touch()
    assert app.app_script() == tmp_path / "app.py"
    (package / "_app" / "app.py").touch()
    assert app.app_script() == package / "_app" / "app.py"


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            return reply.status == 200
    except OSError:
        return False


@pytest.mark.parametrize(
    "command",
    [
        ["headviz", "app", "--no-browser", "--port", "PORT"],
        ["streamlit", "run", str(ROOT / "app.py"), "--server.port=PORT"],
    ],
    ids=["headviz app", "streamlit run"],
)
def test_started_app_answers_and_stops_at_an_interrupt(command: list[str], tmp_path: Path) -> None:
    """From another folder than the checkout, as an installed package is used; both ways find the same settings."""
    number = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", *(part.replace("PORT", str(number)) for part in command)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        end = time.monotonic() + 60
        while not answers(f"http://127.0.0.1:{number}/_stcore/health"):
            assert process.poll() is None and time.monotonic() < end, "the app did not start"
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert printed.count("http") == 1 and f"http://localhost:{number}" in printed
