"""A page that stays open: headless Chromium over its DevTools protocol, for what comes only with time."""

import contextlib
import json
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from browsing import CHROMIUM, FLAGS
from websockets.sync.client import ClientConnection, connect

PATIENCE_S = 45.0  # a loaded machine starts a browser slowly


class Page:
    """One open page. `complaints` are its errors and the texts of its console."""

    def __init__(self, socket: ClientConnection) -> None:
        self.complaints: list[str] = []
        self._socket = socket
        self._calls = 0
        self._session: str | None = None

    def open(self, url: str, width: int = 1200) -> None:
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self._call(f"{domain}.enable")
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        self._call("Page.navigate", url=url)

    def value(self, expression: str) -> Any:
        """Of a JavaScript expression."""
        found = self._call("Runtime.evaluate", expression=expression, returnByValue=True)
        return found["result"].get("value")

    def until(self, expression: str) -> None:
        """Wait for it to be true."""
        end = time.monotonic() + PATIENCE_S
        while not self.value(expression):
            assert time.monotonic() < end, f"never true: {expression}; {self.complaints}"
            time.sleep(0.1)

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        self._calls += 1
        session = {"sessionId": self._session} if self._session else {}
        self._socket.send(json.dumps({"id": self._calls, "method": method, "params": params, **session}))
        while True:
            message = json.loads(self._socket.recv(timeout=PATIENCE_S))
            if message.get("id") == self._calls:
                assert "error" not in message, message
                return dict(message["result"])
            if message.get("method") in (
                "Runtime.exceptionThrown",
                "Runtime.consoleAPICalled",
                "Log.entryAdded",
            ):
                self.complaints.append(json.dumps(message["params"]))


@contextlib.contextmanager
def browser(folder: Path) -> Iterator[Page]:
    assert CHROMIUM is not None
    flags = [flag for flag in FLAGS if not flag.startswith("--virtual-time")]
    command = [CHROMIUM, *flags, "--remote-debugging-port=0", f"--user-data-dir={folder / 'profile'}"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            address = next(
                found[1] for line in process.stderr if (found := re.search(r"listening on (ws://\S+)", line))
            )
            with connect(address, max_size=None) as socket:
                yield Page(socket)
        finally:
            process.kill()
