"""Routes of a number's message links, and of the images of their QR codes.

Documented: an image comes as an address, and only when its format is named (`generate_qr_image`, or
`qr_image_url.format(SVG)` among the fields). The address needs no token, as those of the platform need none.
"""

import re
from typing import Any

from server.network.graph.http import Answer, Call, Line, answer
from server.network.graph.links import Link
from server.network.graph.qr_codes import MEDIA_TYPES, drawn
from server.network.graph.refusal import invalid_parameter, unknown_object
from server.network.graph.requests import SUCCESS, page_of, parameters_of, selected

_FORMAT = re.compile(r"qr_image_url\.format\((\w+)\)")


async def get_links(call: Call) -> Answer:
    links, kind = call.emulator.number(call.node).links, _asked(call)
    listed = [one for one in links.listed() if call.query.get("code", one.code) == one.code]
    page, paging = page_of(call, [_shown(call, one, kind) for one in listed])
    return answer({"data": page, "paging": paging})


async def get_link(call: Call) -> Answer:
    """Nothing for a code that is none: so pywa expects it."""
    listed, kind = call.emulator.number(call.node).links.listed(), _asked(call)
    shown = [_shown(call, one, kind) for one in listed if one.code == call.path["code"]]
    return answer({"data": [selected(call, one) for one in shown]})


async def post_link(call: Call) -> Answer:
    """A new one, or with a code, in the path or beside the text, another text for it."""
    links, given = call.emulator.number(call.node).links, parameters_of(call)
    code, text = call.path.get("code") or given.get("code"), str(given.get("prefilled_message", ""))
    kind = _checked(given.get("generate_qr_image"))
    return answer(_shown(call, links.change(str(code), text) if code else links.add(text), kind))


async def delete_link(call: Call) -> Answer:
    call.emulator.number(call.node).links.remove(call.path["code"])
    return SUCCESS


async def get_image(call: Call) -> Answer:
    link = call.emulator.number(call.node).links.get(call.path["code"])
    kind = call.path["kind"].upper()
    if kind not in MEDIA_TYPES:
        raise unknown_object(call.address)
    return Answer(drawn(link.url, kind), 200, MEDIA_TYPES[kind])


def _shown(call: Call, link: Link, kind: str | None) -> dict[str, Any]:
    if kind is None:
        return link.shown()
    url = f"{call.origin}/{call.node}/message_qrdls/{link.code}/image.{kind.lower()}"
    return {**link.shown(), "qr_image_url": url}


def _asked(call: Call) -> str | None:
    """The format of images that the fields ask for."""
    found = _FORMAT.search(call.query.get("fields", ""))
    return None if found is None else _checked(found[1])


def _checked(kind: object) -> str | None:
    if kind is None or str(kind).upper() in MEDIA_TYPES:
        return None if kind is None else str(kind).upper()
    raise invalid_parameter("generate_qr_image", f"one of {', '.join(MEDIA_TYPES)}")


ROUTES = (
    Line("GET", "/{node:node}/message_qrdls", get_links),
    Line("POST", "/{node:node}/message_qrdls", post_link),
    Line("GET", "/{node:node}/message_qrdls/{code}", get_link),
    Line("POST", "/{node:node}/message_qrdls/{code}", post_link),
    Line("DELETE", "/{node:node}/message_qrdls/{code}", delete_link),
    Line("GET", "/{node:node}/message_qrdls/{code}/image.{kind}", get_image, None),
)
