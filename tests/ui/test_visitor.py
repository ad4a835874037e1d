"""Who may name paths: a server of its own, and clients that are no browsers and say of themselves what they like."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from served import Served

from tests.ui.bare_client import BareClient, bare_client, forwarded, status_of_handshake

REFUSED = "This server opens only demos and uploaded files."
NOT_THERE = "There is no such file or folder under this server's data root"
# what clients say of where they come from, and none of it proves anything
CLAIMS = [
    {},
    {"X-Forwarded-For": "127.0.0.1"},
    {"X-Forwarded-Host": "localhost"},
    {"Forwarded": "for=127.0.0.1;host=localhost"},
    {"Via": "1.1 localhost"},
    {"X-Real-IP": "127.0.0.1"},
    {"Origin": "http://localhost"},
]


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """A folder outside of any data root, without a model in it."""
    (tmp_path / "elsewhere").mkdir()
    return str(tmp_path / "elsewhere")


def opens(client: BareClient, folder: str, **others: str | bool) -> bool:
    """Whether the page sets about opening `folder`, whatever it then finds in it."""
    said = client.type_model(folder, **others)
    for _ in range(20):  # what was found may stand on the next run
        if REFUSED in said or re.search("Opening elsewhere|elsewhere.*config.json", said):
            break
        said = client.run()
    return REFUSED not in said and "elsewhere" in said


@pytest.fixture(scope="module")
def app() -> Iterator[Served]:
    """The app as ``headviz app`` starts it, for this machine."""
    with Served(by="headviz") as started:
        yield started


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: next(iter(claim), "none"))
def test_path_is_refused_without_the_secret_whatever_a_client_says_of_itself(
    app: Served, claim: dict[str, str], folder: str
) -> None:
    with bare_client(app.port, headers=claim) as client:
        client.run()
        assert REFUSED in client.type_model(folder)
        assert REFUSED in client.type_model("org/name")


def test_path_is_refused_behind_a_forwarded_port_without_the_secret_and_opens_with_it(app: Served, folder: str) -> None:
    with forwarded(app.port) as port:
        with bare_client(port, host=f"localhost:{port}") as client:
            client.run()
            assert REFUSED in client.type_model(folder)
        with bare_client(port, host=f"localhost:{port}", headers={"X-Forwarded-For": "10.0.0.7"}) as client:
            client.run(f"token={app.secret}")
            assert opens(client, folder)


@pytest.mark.parametrize("wrong", ["", "x", "é", "None", "PREFIX", "PREFIX&token="])
def test_path_is_refused_with_a_wrong_secret(app: Served, wrong: str, folder: str) -> None:
    assert app.secret is not None
    given = wrong.replace("PREFIX", app.secret[:-1])
    cookie = {"Cookie": f"headviz-secret-{app.port}={app.secret[:-1]}"}
    with bare_client(app.port, headers=cookie) as client:
        client.run(f"token={given}")
        assert REFUSED in client.type_model(folder)


def test_secret_proves_the_session_that_was_opened_with_it_and_no_other(app: Served, folder: str) -> None:
    with bare_client(app.port) as owner, bare_client(app.port) as stranger:
        owner.run(f"token={app.secret}")
        stranger.run()
        assert opens(owner, folder)
        assert REFUSED in stranger.type_model(folder)
        printed, _, log = app.log().partition("(Ctrl+C stops it)")
        assert app.secret and app.secret in printed
        assert app.secret not in owner.seen + stranger.seen + log


def test_cookie_proves_the_pages_of_this_server_and_not_those_of_another_port(app: Served, folder: str) -> None:
    cookie = {"Cookie": f"other=1; headviz-secret-{app.port}={app.secret}"}
    with bare_client(app.port, headers={**cookie, "Origin": f"http://localhost:{app.port}"}) as client:
        client.run()
        assert opens(client, folder)
    with bare_client(app.port, headers={**cookie, "Origin": "http://localhost:9"}) as client:
        client.run()
        assert REFUSED in client.type_model(folder)


def test_client_cannot_say_that_it_is_proven_by_a_widget_of_that_name(app: Served, folder: str) -> None:
    with bare_client(app.port) as client:
        client.run()
        assert not opens(client, folder, _started_the_server=True)
        assert not opens(client, folder, _started_the_server="True")


@pytest.mark.parametrize(
    "headers",
    [
        (),
        ("Host:",),
        ("Host: evil.test",),
        ("Host: evil.test", "Origin: http://evil.test"),  # a page whose name was made to lead here
        ("Host: localhost.evil.test",),
        ("Host: localhost@evil.test",),
        ("Host: evil@localhost",),
        ("Host: 10.9.9.1:8501", "X-Forwarded-Host: localhost"),
    ],
)
@pytest.mark.parametrize("by", ["headviz", "streamlit"])
def test_server_of_this_machine_refuses_whoever_asks_for_another_or_for_none(
    by: str, headers: tuple[str, ...], app: Served, bare_app: Served
) -> None:
    served = app if by == "headviz" else bare_app
    assert status_of_handshake(served.port, *headers) in (400, 403)
    assert status_of_handshake(served.port, f"Host: localhost:{served.port}") == 101


@pytest.fixture(scope="module")
def bare_app() -> Iterator[Served]:
    """The app as ``streamlit run app.py`` starts it, without a secret."""
    with Served(environment={"HEADVIZ_SECRET": None}) as started:
        yield started


@pytest.mark.parametrize("query", ["", "token=", "token=None"])
def test_server_without_a_secret_opens_no_path_for_anybody_and_says_how_to_get_more(
    bare_app: Served, query: str, folder: str
) -> None:
    with bare_client(bare_app.port) as client:
        assert "start it with `headviz app` and open the whole address that it prints" in client.run(query)
        assert REFUSED in client.type_model(folder)


def test_server_on_a_network_answers_to_any_name_and_proves_nobody_by_it(folder: str) -> None:
    with Served("--server.address=0.0.0.0", by="headviz") as served:
        with bare_client(served.port, host="class.example.org") as client:
            client.run()
            assert REFUSED in client.type_model(folder)
        with bare_client(served.port, host="class.example.org") as client:
            client.run(f"token={served.secret}")
            assert opens(client, folder)


def test_data_root_is_read_by_everybody_and_nothing_is_downloaded_for_strangers(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "elsewhere").mkdir(parents=True)
    with (
        Served("--server.address=0.0.0.0", by="headviz", environment={"HEADVIZ_DATA_ROOT": str(root)}) as served,
        bare_client(served.port, host="class.example.org") as client,
    ):
        assert "what lies under this server's data root" in client.run()
        for text in (str(tmp_path), "../", "/etc/passwd", "~root/x", "~nosuchuser", "org/name"):
            said = client.type_model(text)
            assert NOT_THERE in said and "fetches nothing from the hub" in said
        assert str(root) not in client.seen
        assert opens(client, "elsewhere")
        assert str(root) not in client.seen
