"""Routes of a number's message links. Their QR codes are not drawn: `generate_qr_image` is ignored."""

from server.network.graph.http import Answer, Call, Line, answer
from server.network.graph.requests import SUCCESS, page_of, parameters_of, selected


async def get_links(call: Call) -> Answer:
    links = call.emulator.number(call.node).links
    listed = [one for one in links.listed() if call.query.get("code", one.code) == one.code]
    page, paging = page_of(call, [one.shown() for one in listed])
    return answer({"data": page, "paging": paging})


async def get_link(call: Call) -> Answer:
    """Nothing for a code that is none: so pywa expects it."""
    listed = call.emulator.number(call.node).links.listed()
    return answer({"data": [selected(call, one.shown()) for one in listed if one.code == call.path["code"]]})


async def post_link(call: Call) -> Answer:
    """A new one, or with a code, in the path or beside the text, another text for it."""
    links, given = call.emulator.number(call.node).links, parameters_of(call)
    code, text = call.path.get("code") or given.get("code"), str(given.get("prefilled_message", ""))
    return answer((links.change(str(code), text) if code else links.add(text)).shown())


async def delete_link(call: Call) -> Answer:
    call.emulator.number(call.node).links.remove(call.path["code"])
    return SUCCESS


ROUTES = (
    Line("GET", "/{node:node}/message_qrdls", get_links),
    Line("POST", "/{node:node}/message_qrdls", post_link),
    Line("GET", "/{node:node}/message_qrdls/{code}", get_link),
    Line("POST", "/{node:node}/message_qrdls/{code}", post_link),
    Line("DELETE", "/{node:node}/message_qrdls/{code}", delete_link),
)
