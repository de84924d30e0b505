"""Which formats the platform takes, and how large: its page on media, as copied in December 2025.

Images 5 MB (the sending platform's own rule too: T075), audio and video 16 MB, documents 100 MB, stickers
500 KB (100 KB unless they move, which only their content tells).
"""

MB = 1024 * 1024
MAX_BYTES = {"image": 5 * MB, "audio": 16 * MB, "video": 16 * MB, "document": 100 * MB, "sticker": MB // 2}
LARGEST = max(MAX_BYTES.values())
FORMATS = {
    "image": {"image/jpeg", "image/png"},
    "audio": {"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg", "audio/opus"},
    "video": {"video/mp4", "video/3gpp", "video/3gp"},
    "sticker": {"image/webp"},
}  # any other format that is text/* or application/* is a document


def kind_of(mime_type: str) -> str | None:
    """The message type that a format may be sent as; None: not supported."""
    plain = mime_type.partition(";")[0].strip().lower()
    for kind, formats in FORMATS.items():
        if plain in formats:
            return kind
    return "document" if plain.startswith(("application/", "text/")) else None
