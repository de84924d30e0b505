"""The peers: bare Starlette routes that decode the same JSON.

    python bare_routes.py DATABASE

`/send` and `/reply` store nothing; `/insert` writes a row for each recipient (SQLite, WAL, synchronous=FULL, one
index, one transaction) and does nothing else; `/group` writes the same rows, those of all who wait in one
transaction, in a thread: what any server pays that answers after a group commit. Served as the reference server serves itself: uvicorn, uvloop,
httptools, no access log. Prints its port.
"""

import asyncio
import socket
import sqlite3
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.wire import ReplyBody, SendBody

Row = tuple[str, str, int, float]

DECODE_SEND = msgspec.json.Decoder(SendBody).decode
DECODE = {"/send": DECODE_SEND, "/reply": msgspec.json.Decoder(ReplyBody).decode}


async def bare(request: Request) -> Response:
    DECODE[request.url.path](await request.body())
    return Response(b'{"status":"ok"}', 202, media_type="application/json")


def rows_of(body: bytes) -> list[Row]:
    send = DECODE_SEND(body)
    return [(one.to, send.template, 0, 0.0) for one in send.recipients or ()]


def write(database: sqlite3.Connection, rows: Iterable[Row]) -> None:
    database.execute("BEGIN IMMEDIATE")
    database.executemany("INSERT INTO messages (phone, text, account, due_s) VALUES (?, ?, ?, ?)", rows)
    database.execute("COMMIT")


def make_insert(database: sqlite3.Connection) -> Route:
    async def insert(request: Request) -> Response:
        write(database, rows_of(await request.body()))
        return Response(b'{"status":"ok"}', 202, media_type="application/json")

    return Route("/insert", insert, methods=["POST"])


def make_group(database: sqlite3.Connection) -> Route:
    waiting: list[tuple[list[Row], asyncio.Future[None]]] = []
    threads = ThreadPoolExecutor(1)
    writer: asyncio.Task[None] | None = None

    async def write_all() -> None:
        nonlocal writer
        while waiting:
            group = waiting[:]
            waiting.clear()
            rows = [row for rows, _ in group for row in rows]
            await asyncio.get_running_loop().run_in_executor(threads, write, database, rows)
            for _, written in group:
                written.set_result(None)
        writer = None

    async def insert(request: Request) -> Response:
        nonlocal writer
        written = asyncio.get_running_loop().create_future()
        waiting.append((rows_of(await request.body()), written))
        if writer is None:
            writer = asyncio.create_task(write_all())
        await written
        return Response(b'{"status":"ok"}', 202, media_type="application/json")

    return Route("/group", insert, methods=["POST"])


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
    database = open_database(sys.argv[1])
    app = Starlette(routes=[*routes, make_insert(database), make_group(database)])
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", loop="uvloop")
    sys.stdout.write(f"listening on http://127.0.0.1:{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
