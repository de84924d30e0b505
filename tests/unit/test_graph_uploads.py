"""Resumable uploads of an app, without HTTP."""

import tracemalloc

import pytest

from server.network.graph.refusal import ApiError
from server.network.graph.uploads import MAX_SESSIONS, Uploads

MB = 1024 * 1024


def test_files_do_not_fill_the_memory() -> None:
    uploads, half = Uploads(), bytes(MB)
    tracemalloc.start()
    for _ in range(MAX_SESSIONS):
        uploads.put(uploads.begin(str(2 * MB)), "0", half)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < MB


def test_a_file_comes_in_parts_in_order() -> None:
    uploads = Uploads()
    session = uploads.begin("5")
    assert uploads.put(session, "0", b"abc") == ""
    assert uploads.offset(session) == 3
    for offset, content in (("0", b"de"), ("3", b"def")):
        with pytest.raises(ApiError):
            uploads.put(session, offset, content)
    assert uploads.put(session, "3", b"de").startswith("4::")
