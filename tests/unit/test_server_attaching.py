from typing import Any

import msgspec
import pytest

from server.http.problems import Problem
from server.network.media_formats import MAX_BYTES, MB, kind_of
from server.sending.attaching import check_media, reference_of
from server.wire import Media

PICTURE = {"type": "image", "mime_type": "image/png", "size_bytes": 1000, "url": "https://example.com/a.png"}


def media(**changed: Any) -> Media:
    given = {name: value for name, value in {**PICTURE, **changed}.items() if value is not None}
    return msgspec.convert(given, Media)


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"url": None, "id": "123456"},
        {"mime_type": "IMAGE/JPEG"},
        {"size_bytes": 5 * MB},  # T075: at most
        {"caption": "Hi {name}"},
        {"type": "video", "mime_type": "video/mp4", "size_bytes": 16 * MB},
        {"type": "audio", "mime_type": "audio/ogg; codecs=opus"},
        {
            "type": "document",
            "mime_type": "application/pdf",
            "filename": "prices.pdf",
            "size_bytes": 100 * MB,
        },
        {"type": "sticker", "mime_type": "image/webp"},
        {"url": "http://127.0.0.1:8000/a?b=c#d"},
    ],
)
def test_what_the_platform_takes_is_accepted(changed: dict[str, Any]) -> None:
    check_media(media(**changed))


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"url": None}, "media.url"),
        ({"id": "1"}, "media.url"),
        ({"url": "ftp://example.com/a.png"}, "media.url"),
        ({"url": "/a.png"}, "media.url"),
        ({"url": "https://"}, "media.url"),
        ({"url": "https://user:secret@example.com/a.png"}, "media.url"),
        ({"url": "https://example.com:port/"}, "media.url"),
        ({"url": "https://[::1/"}, "media.url"),
        ({"url": "https://example.com/a b.png"}, "media.url"),
        ({"url": "https://example.com/\u202e.png"}, "media.url"),
        ({"mime_type": "image/gif"}, "media.mime_type"),
        ({"mime_type": "video/mp4"}, "media.mime_type"),
        ({"type": "document"}, "media.mime_type"),
        ({"size_bytes": 5 * MB + 1}, "media.size_bytes"),
        ({"type": "sticker", "mime_type": "image/webp", "size_bytes": MB}, "media.size_bytes"),
        ({"type": "audio", "mime_type": "audio/mpeg", "caption": "Hi"}, "media.caption"),
        ({"filename": "a.png"}, "media.filename"),
    ],
)
def test_what_it_would_refuse_is_named(changed: dict[str, Any], field: str) -> None:
    with pytest.raises(Problem) as refused:
        check_media(media(**changed))
    assert (refused.value.status, refused.value.field) == (422, field)


def test_every_type_has_a_limit_and_formats_belong_to_one_type() -> None:
    assert set(MAX_BYTES) == {"image", "audio", "video", "document", "sticker"}
    assert kind_of("image/webp") == "sticker"
    assert kind_of("text/plain") == "document"
    assert kind_of("font/woff") is None


def test_the_same_file_is_the_same_content_whatever_is_said_of_it() -> None:
    assert reference_of(media()) == reference_of(media(size_bytes=5, caption="x"))
    assert reference_of(media()) != reference_of(media(url="https://example.com/b.png"))
