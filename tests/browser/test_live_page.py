"""The server's own page in a real browser, on a server that runs."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from browsing import need_chromium
from devtools import Page, browser

sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))
from running_server import TOKEN, Running, numbers, running, write_scenario

IS_LIVE = "document.getElementById('link')?.dataset.state === 'live'"
TOO_WIDE = """[...document.querySelectorAll("header *, main *")]
    .filter(one => one.getBoundingClientRect().right > innerWidth + 1).map(one => one.outerHTML.slice(0, 80))"""
SMALLEST_PX = """Math.min(...[...document.querySelectorAll("header *, main *")]
    .filter(one => one.textContent.trim()).map(one => parseFloat(getComputedStyle(one).fontSize)))"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Somewhat used: two batches, one account banned, questions that no rule knows."""
    need_chromium()
    folder = tmp_path_factory.mktemp("server")
    with running(write_scenario(folder), folder / "wavetank.db", "--speed=60") as server:
        with server.client() as client:
            client.post("/send", json={"template": "Hi {name}", "audience": {}})
            client.post("/send", json={"template": "Hello", "recipients": [{"to": numbers("646")[0]}]})
            for number in numbers("646", 30):
                client.post("/reply", json={"from": number, "text": "nothing that a rule knows"})
            client.post("/emulator/accounts/1/ban")
        yield server


@pytest.fixture(scope="module")
def page(server: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("browser")) as page:
        yield page


def login(server: Running) -> str:
    return server.url.replace("http://", f"http://anybody:{quote(TOKEN)}@") + "/"


@pytest.mark.parametrize("width", [360, 700, 1200])
def test_it_comes_alive_and_fits_its_window(server: Running, page: Page, width: int) -> None:
    page.open(login(server), width)
    page.until(IS_LIVE)
    assert page.value("document.documentElement.scrollWidth") <= width
    assert page.value(TOO_WIDE) == []
    assert page.value(SMALLEST_PX) >= 11
    assert page.complaints == []


def test_it_shows_accounts_batches_and_alarms_as_they_change(server: Running, page: Page) -> None:
    page.open(login(server))
    page.until(IS_LIVE)
    text = page.value("document.body.innerText")
    assert len(set(re.findall(r"account-\d{3}", text))) == 10
    assert "banned" in text
    assert "Alarm: unmatched share" in text
    batches = page.value("document.querySelectorAll('td code').length")
    with server.client() as client:
        client.post("/send", json={"template": "New", "recipients": [{"to": numbers("646")[1]}]})
    page.until(f"document.querySelectorAll('td code').length === {batches} + 1")
    assert page.complaints == []


def test_it_needs_nothing_from_elsewhere(server: Running) -> None:
    text = httpx.get(server.url, headers={"Authorization": f"Bearer {TOKEN}"}).text
    assert re.findall(r"""(?:src|href)=["'](?!data:)""", text) == []
    assert "url(" not in text
    assert " style=" not in text


def test_a_stranger_is_asked_for_a_token(server: Running) -> None:
    for path in ("/", "/live"):
        answer = httpx.get(server.url + path)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Basic realm=")


def test_a_password_opens_the_page_and_nothing_else(server: Running) -> None:
    assert httpx.get(server.url, auth=("me", TOKEN)).status_code == 200
    assert httpx.get(server.url, auth=("me", "wrong")).status_code == 401
    assert httpx.get(f"{server.url}/stats", auth=("me", TOKEN)).status_code == 401
    assert httpx.post(f"{server.url}/emulator/accounts/0/ban", auth=("me", TOKEN)).status_code == 401
