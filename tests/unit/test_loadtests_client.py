import socket

import pytest

from loadtests.client import Client
from scenarios.errors import InputError


def test_a_server_that_is_not_there_is_one_line() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound, not listening: nobody else gets it either
        target = f"http://127.0.0.1:{held.getsockname()[1]}"
        with Client(target, "t") as client, pytest.raises(InputError) as error:
            client.call("GET", "/stats")
    assert str(error.value) == (
        f"target: no server answers at {target} (Connection refused); start one with `wavetank serve`"
    )


@pytest.mark.parametrize(
    "target", ["localhost:8000", "ftp://x", "http://", "", "http://x:abc", "http://[::1"]
)
def test_a_target_that_is_no_url_is_refused(target: str) -> None:
    with pytest.raises(InputError, match="must be a URL as http"):
        Client(target, "t")


@pytest.mark.parametrize("host", ["graph.facebook.com", "web.whatsapp.com", "whatsapp.net", "WA.me"])
def test_the_real_network_is_refused(host: str) -> None:
    with pytest.raises(InputError, match="is the real network; only emulated ones are tested"):
        Client(f"https://{host}/v1", "t")
