"""To which addresses webhooks may go: loopback, and what the one who started the server added."""

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from server.network.graph.posting import Target

LOOPBACK = ("localhost", "127.0.0.0/8", "::1/128")


NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252}[A-Za-z0-9_])?")


def is_host(text: str) -> bool:
    """Whether it can be a name, an address or a network of addresses."""
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return NAME.fullmatch(text) is not None
    return True


class NotAllowed(ValueError):
    """A URL that webhooks may not go to; the message says why."""


class AllowList:
    """Host names, and networks of addresses. A name is not resolved to decide: it is on the list or it is
    not.
    """

    def __init__(self, more: Iterable[str] = ()) -> None:
        """`more`: names, addresses or networks (`10.0.0.0/8`) besides loopback."""
        self._names: set[str] = set()
        self._networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
        for one in (*LOOPBACK, *more):
            try:
                self._networks.append(ipaddress.ip_network(one))
            except ValueError:
                self._names.add(one.lower())

    def target(self, url: str) -> Target:
        """Where `url` points; NotAllowed when it is no http(s) URL or its host is not on the list."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise NotAllowed("not a URL") from None
        if parts.scheme not in ("http", "https") or not parts.hostname or not url.isascii():
            raise NotAllowed("must be an http or https URL in ASCII")
        if any(char <= " " for char in url):
            raise NotAllowed("must not hold spaces or control characters")
        if "@" in parts.netloc:
            raise NotAllowed("must not carry a name or password: none is sent")
        if not self._allows(parts.hostname):
            raise NotAllowed(f"{parts.hostname} is not on the list of allowed hosts (loopback by default)")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        is_tls = parts.scheme == "https"
        host_header = parts.netloc.encode("ascii")
        return Target(parts.hostname, port or (443 if is_tls else 80), path, is_tls, host_header)

    def _allows(self, host: str) -> bool:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return host.lower() in self._names
        return any(address in network for network in self._networks)
