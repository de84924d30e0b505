"""QR codes as images."""

import io
from collections.abc import Mapping

SCALE = 8  # pixels a module; assumed
MEDIA_TYPES: Mapping[str, bytes] = {"SVG": b"image/svg+xml", "PNG": b"image/png"}


def drawn(text: str, kind: str) -> bytes:
    """An image of one of the MEDIA_TYPES that holds `text`."""
    import segno  # only when one is drawn: an idle server does without

    image = io.BytesIO()
    segno.make_qr(text).save(image, kind=kind.lower(), scale=SCALE)
    return image.getvalue()
