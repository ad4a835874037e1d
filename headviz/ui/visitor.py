"""Who a visitor is: the one who started the server, proven by the secret in the address that ``headviz app`` prints, or
anybody.

Nothing else proves it. Whoever forwards a port, by ssh or a proxy, makes every visitor one of this machine, and
visitors write their own headers. The secret leaves the address as soon as the page stands, so that no link, history or
picture of a window hands it on; the browser keeps it in a cookie, for reloads and new tabs. A script without a server,
as Streamlit's AppTest runs one, has no visitors: whoever runs it may name paths.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterable
from unittest.mock import NonCallableMock
from urllib.parse import unquote, urlsplit

import streamlit as st
from streamlit import runtime

from headviz.serving import SECRET, TOKEN

_COOKIE = "headviz-secret"  # with the port behind it: browsers send a machine's cookies to all its ports
_PROVEN = "_started_the_server"
# Run where the page stands. It reads the secret from the address, so that no page carries it. Streamlit's own part of
# the page remembers the address that it was opened with: told that the history moved, it reads it again.
_TAKE_AWAY = f"""<script>(() => {{
  const here = new URL(location.href), secret = here.searchParams.get('{TOKEN}');
  if (secret === null) return;
  const folder = location.pathname.replace(/[^/]*$/, ''), safe = location.protocol === 'https:' ? '; Secure' : '';
  if (KEEP) document.cookie =
    `{_COOKIE}-${{location.port}}=${{encodeURIComponent(secret)}}; path=${{folder}}; SameSite=Strict${{safe}}`;
  here.searchParams.delete('{TOKEN}');
  history.replaceState(history.state, '', here);
  dispatchEvent(new PopStateEvent('popstate'));
}})()</script>"""


def started_the_server() -> bool:
    """Whether this session is of the one who started the server. It once proven stays so."""
    if not is_served() or st.session_state.get(_PROVEN) is True:
        return True
    if _is_secret(st.query_params.get_all(TOKEN)):
        st.session_state[_PROVEN] = True
        return True
    kept = [unquote(value) for name, value in st.context.cookies.items() if name.startswith(_COOKIE)]
    return _is_secret(kept) and is_own_page()


def is_served() -> bool:
    """Whether a server runs this script for visitors. Streamlit's AppTest puts a mock in the server's place."""
    return runtime.exists() and not isinstance(runtime.get_instance(), NonCallableMock)


def has_secret_in_address() -> bool:
    return TOKEN in st.query_params


def take_secret_from_address() -> None:
    """Have the browser take the secret out of its address, and keep it where it is the right one."""
    if has_secret_in_address():
        right = _is_secret(st.query_params.get_all(TOKEN))
        st.html(_TAKE_AWAY.replace("KEEP", "true" if right else "false"), unsafe_allow_javascript=True)


def _is_secret(given: Iterable[str]) -> bool:
    """Whether one of ``given`` is the secret of this server, if it has one."""
    secret = os.environ.get(SECRET, "").encode()
    return secret != b"" and any(hmac.compare_digest(secret, one.encode("utf-8", "replace")) for one in given)


def is_own_page() -> bool:
    """Whether a page of this server asks. Streamlit lets pages of the machine's other ports in, and browsers send them
    the cookie along."""
    origin = st.context.headers.get("Origin")
    allowed = st.get_option("server.corsAllowedOrigins")
    return origin is None or origin in allowed or urlsplit(origin).netloc == st.context.headers.get("Host")
