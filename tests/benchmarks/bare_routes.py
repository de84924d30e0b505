"""The peers: bare Starlette routes that decode the same JSON.

    python bare_routes.py DATABASE

`/send` and `/reply` store nothing; `/insert` writes a row for each recipient (SQLite, WAL, synchronous=FULL, one
index, one transaction) and does nothing else. Served as the reference server serves itself: uvicorn, uvloop,
httptools, no access log. Prints its port.
"""

import socket
import sqlite3
import sys

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.wire import ReplyBody, SendBody

DECODE_SEND = msgspec.json.Decoder(SendBody).decode
DECODE = {"/send": DECODE_SEND, "/reply": msgspec.json.Decoder(ReplyBody).decode}


async def bare(request: Request) -> Response:
    DECODE[request.url.path](await request.body())
    return Response(b'{"status":"ok"}', 202, media_type="application/json")


def make_insert(database: sqlite3.Connection) -> Route:
    async def insert(request: Request) -> Response:
        body = DECODE_SEND(await request.body())
        rows = [(one.to, body.template, 0, 0.0) for one in body.recipients or ()]
        database.execute("BEGIN IMMEDIATE")
        database.executemany("INSERT INTO messages (phone, text, account, due_s) VALUES (?, ?, ?, ?)", rows)
        database.execute("COMMIT")
        return Response(b'{"status":"ok"}', 202, media_type="application/json")

    return Route("/insert", insert, methods=["POST"])


def open_database(path: str) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute(
        "CREATE TABLE messages (id INTEGER PRIMARY KEY, phone TEXT, text TEXT, account INTEGER, due_s REAL)"
    )
    database.execute("CREATE INDEX messages_due ON messages (account, due_s)")
    return database


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    routes = [Route(path, bare, methods=["POST"]) for path in DECODE]
    app = Starlette(routes=[*routes, make_insert(open_database(sys.argv[1]))])
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", loop="uvloop")
    sys.stdout.write(f"listening on http://127.0.0.1:{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
