"""A client of the app that is no browser: it writes its own headers, and sees what the server sends."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from threading import Thread

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

PATIENCE = 60.0


class BareClient:
    """A session of the app, over ``connection``. ``seen``: all that the server sent, as text; ``ids``: of widgets, by
    the labels that stand on them."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self.seen = ""
        self.ids: dict[str, str] = {}

    def run(self, query: str = "", *, widgets: Mapping[str, str | bool] | None = None) -> str:
        """Run the page, with values of widgets by their ids; what the server sent until it stood."""
        message = BackMsg()
        message.rerun_script.query_string = query
        for name, value in (widgets or {}).items():
            state = message.rerun_script.widget_states.widgets.add(id=name)
            if isinstance(value, bool):
                state.trigger_value = value
            else:
                state.string_value = value
        self._connection.send(message.SerializeToString())
        sent = ""
        while True:
            got = ForwardMsg.FromString(self._connection.recv(timeout=PATIENCE))  # type: ignore[arg-type]
            sent += str(got).replace("\\'", "'")  # as it was before it was printed
            self._learn(got)
            if got.WhichOneof("type") == "script_finished" and got.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                self.seen += sent
                return sent

    def type_model(self, source: str, **others: str | bool) -> str:
        """Send Home's form with a model; what the page then says. ``others``: values of more widgets."""
        field, button = self.ids["Demo, Hugging Face id or folder"], self.ids["Open model"]
        return self.run(widgets={field: source, button: True, **others})

    def _learn(self, message: ForwardMsg) -> None:
        element = message.delta.new_element
        kind = element.WhichOneof("type")
        if kind in ("text_input", "button"):
            widget = getattr(element, kind)
            self.ids[widget.label] = widget.id


@contextmanager
def bare_client(
    port: int, *, host: str | None = None, headers: Mapping[str, str] | None = None
) -> Iterator[BareClient]:
    """A client of the server at ``port`` that says it asks for ``host``."""
    line = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    place = f"ws://{host or f'localhost:{port}'}/_stcore/stream"
    with connect(place, sock=line, additional_headers=headers, max_size=None, proxy=None) as connection:
        yield BareClient(connection)


def status_of_handshake(port: int, *headers: str) -> int:
    """What the server answers to a WebSocket that carries exactly these headers, a Host only if they name one."""
    asked = [
        "GET /_stcore/stream HTTP/1.1",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        *headers,
    ]
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as line:
        line.sendall("\r\n".join([*asked, "", ""]).encode())
        return int(line.recv(4096).split()[1])


@contextmanager
def forwarded(port: int) -> Iterator[int]:
    """A port that hands on whatever comes to another one, as an ssh tunnel does."""

    def hand_on(source: socket.socket, target: socket.socket) -> None:
        with closing(source), closing(target):
            while data := _received(source):
                target.sendall(data)

    def serve() -> None:
        while True:
            try:
                visitor, _ = listening.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", port))
            for pair in ((visitor, server), (server, visitor)):
                Thread(target=hand_on, args=pair, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]


def _received(source: socket.socket) -> bytes:
    try:
        return source.recv(65536)
    except OSError:
        return b""
