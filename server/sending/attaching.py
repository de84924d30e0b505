"""The media of a batch, by reference: the server passes it on and never fetches it."""

from urllib.parse import urlsplit

from server.http.problems import Problem
from server.network.media_formats import FORMATS, MAX_BYTES, kind_of
from server.wire import Media

WITHOUT_CAPTION = ("audio", "sticker")


def check_media(media: Media) -> None:
    """Problem 422 naming the field that the platform would refuse."""
    if (media.url is None) == (media.id is None):
        raise Problem(422, "give either url or id", "media.url")
    if media.url is not None:
        _check_url(media.url)
    _check_format(media)
    if media.caption is not None and media.type in WITHOUT_CAPTION:
        raise Problem(422, f"a message of type {media.type} has no caption", "media.caption")
    if media.filename is not None and media.type != "document":
        raise Problem(422, "only a document has a file name", "media.filename")


def _check_format(media: Media) -> None:
    if kind_of(media.mime_type) != media.type:
        known = ", ".join(sorted(FORMATS.get(media.type, {"application/*", "text/*"})))
        raise Problem(422, f"not a format of type {media.type}; must be one of {known}", "media.mime_type")
    if media.size_bytes > (most := MAX_BYTES[media.type]):
        raise Problem(422, f"{media.type} may hold at most {most} bytes", "media.size_bytes")


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # no port, brackets that do not match
        good = False
    if not good or not url.isascii() or not url.isprintable() or " " in url:
        raise Problem(422, "must be an absolute http or https URL", "media.url")
    if parts.username is not None or parts.password is not None:
        raise Problem(422, "must not carry a name or password: it is passed on", "media.url")


def reference_of(media: Media) -> str:
    """What tells media from other media, whatever stands below it."""
    return f"{media.type} {media.url or media.id}"
