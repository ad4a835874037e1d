"""The secret in the address that ``headviz app`` prints: it leaves the address at once, and the browser keeps it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect
from served import Served

from tests.browser.visit import Visit

HINT = "open the whole address that it prints"


def test_secret_leaves_the_address_at_once_and_reload_back_and_new_tabs_keep_it(
    visitor: Callable[..., Visit], server: Served, small_model: Path, small_data: Path
) -> None:
    assert server.secret is not None
    visit = visitor(stranger=True)
    visit.page.goto("about:blank")
    visit.go(server.opening).headed("Home")
    expect(visit.page).to_have_url(f"{server.url}/")
    visit.type_model(str(small_model)).opened("small-bert").type_data(str(small_data)).opened(small_data.name)
    visit.wait_for_address(criterion="hies")
    assert "token" not in visit.page.url and server.secret not in visit.page.content()
    for page in ("Scores", "Mask", "Export"):
        visit.to(page).settled()
        assert server.secret not in visit.page.url and server.secret not in visit.page.content()
    expect(visit.page.get_by_role("textbox", name="New folder on this machine")).to_be_visible()
    visit.page.reload()
    visit.headed("Export").opened("small-bert")
    expect(visit.page.get_by_role("textbox", name="New folder on this machine")).to_be_visible()
    tab = Visit(visit.page.context.new_page(), server.url).go("/").headed("Home").settled()
    expect(tab.page.get_by_text(HINT)).to_have_count(0)
    tab.type_model(str(small_model)).opened("small-bert")
    tab.check()
    history = visit.page.context.new_cdp_session(visit.page).send("Page.getNavigationHistory")
    addresses = [entry["url"] for entry in history["entries"]]
    assert len(addresses) > 3 and not [url for url in addresses if server.secret in url], "no entry brings it back"


def test_link_with_settings_opens_under_the_secret_and_is_shared_without_it(
    visitor: Callable[..., Visit], server: Served
) -> None:
    assert server.secret is not None
    visit = visitor(stranger=True)
    visit.go("/scores", model="demo/reviews", alpha="0.900", token=server.secret).headed("Scores").opened(
        "demo/reviews"
    )
    visit.wait_for_address(alpha="0.900")
    link = visit.page.url
    assert "token" not in link and server.secret not in link
    other = visitor(stranger=True).go(link).headed("Scores").opened("demo/reviews")
    assert other.asked["alpha"] == "0.900"
    other.to("Home").settled()
    expect(other.page.get_by_text(HINT)).to_be_attached()


def test_wrong_secret_leaves_the_address_and_takes_the_place_of_no_right_one(
    visitor: Callable[..., Visit], server: Served, small_model: Path
) -> None:
    stranger = visitor(stranger=True).go("/", token="a-secret-of-another-server").headed("Home")
    expect(stranger.page).to_have_url(re.compile(r"/(\?(?!.*token).*)?$"))
    stranger.type_model(str(small_model)).expect_alert("This server opens only demos and uploaded files.")
    visit = visitor().go("/", token="a-secret-of-another-server").headed("Home")
    expect(visit.page).to_have_url(re.compile(r"/(\?(?!.*token).*)?$"))
    visit.page.reload()
    visit.headed("Home").type_model(str(small_model)).opened("small-bert")
