"""The programs in docs/emulator.md, as they are printed there."""

import os
import re
import subprocess
import sys
from pathlib import Path

from running_emulator import ROOT, SECRET, TOKEN, emulator, new_customer, until

PROGRAMS = re.findall(r"```python\n(.*?)```", (ROOT / "docs/emulator.md").read_text(encoding="utf-8"), re.S)
ENVIRONMENT = {**os.environ, "WAVETANK_TOKEN": TOKEN, "WAVETANK_APP_SECRET": SECRET}


def test_the_bot_answers_and_the_sender_meets_the_pair_rate(tmp_path: Path) -> None:
    bot, sender = PROGRAMS
    with emulator("--speed", "0.1") as network:
        here = network.url.removeprefix("http://")
        script = tmp_path / "bot.py"
        served = "\nimport uvicorn\nuvicorn.run(app, port=0, log_level='info')\n"
        script.write_text(bot.replace("127.0.0.1:8080", here) + served, encoding="utf-8")
        process = subprocess.Popen(
            [sys.executable, str(script)], env=ENVIRONMENT, text=True, stderr=subprocess.PIPE
        )
        assert process.stderr is not None
        try:
            line = ""
            while "running on" not in line:
                line = process.stderr.readline()
                assert line
            url = re.search(r"http://[\d.:]+", line)
            assert url is not None
            body = {"callback_url": f"{url[0]}/hook", "verify_token": "hello"}
            network.post("/670840000000001/subscriptions", body)
            customer = new_customer()
            network.open_window(customer)
            until(lambda: network.get("/emulator/messages", to=customer)["messages"])
        finally:
            process.kill()
            process.communicate()
        network.open_window("4915112345678")
        answer = subprocess.run(
            [sys.executable, "-c", sender.replace("127.0.0.1:8080", here)],
            env=ENVIRONMENT,
            text=True,
            capture_output=True,
            check=True,
        )
        assert answer.stdout == "message 45: HTTP 400, code 131056\n"


def test_the_page_names_every_control() -> None:
    """No route under /emulator is left out of it."""
    from server.network.graph.controls import ROUTES

    page = (ROOT / "docs/emulator.md").read_text(encoding="utf-8")
    for line in ROUTES:
        first = line.path.split("/{")[0]
        assert f"{first}" in page, line.path
