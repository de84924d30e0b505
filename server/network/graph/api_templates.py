"""Routes of message templates: listed, made, changed, deleted, let go on, compared."""

from typing import Any

from server.network.graph.digits import whole
from server.network.graph.http import Answer, Call, Line, answer
from server.network.graph.parameters import from_text
from server.network.graph.refusal import ApiError, invalid_parameter, unknown_object
from server.network.graph.requests import SUCCESS, account_of, page_of, parameters_of
from server.network.graph.showing import shown_template
from server.network.graph.templates import Template, checked_components, checked_language

MAX_TEMPLATES = 6000  # of a verified business, by the platform's page on templates
MILLISECONDS = 10**11  # from there on a Unix time is none in seconds


async def get_templates(call: Call) -> Answer:
    account_of(call)
    found = [shown_template(call, one) for one in call.emulator.templates if _is_meant(one, call.query)]
    page, paging = page_of(call, found)
    summary = {
        "total_count": len(found),
        "message_template_count": len(list(call.emulator.templates)),
        "message_template_limit": MAX_TEMPLATES,
        "are_translations_complete": True,
    }
    return answer({"data": page, "paging": paging, "summary": summary})


def _is_meant(template: Template, query: dict[str, str]) -> bool:
    """Whether a template is among those that a list asks for."""
    has = {
        "status": template.state,
        "category": template.category,
        "language": template.language.upper(),
        "quality_score": template.rated.ratings.rating,
    }
    texts = " ".join(str(one.get("text", "")) for one in template.components).lower()
    words, name = query.get("content", "").lower(), template.name
    either = query.get("name_or_content", "").lower()
    return (
        all(value in _several(query[given]) for given, value in has.items() if given in query)
        and query.get("name", name) == name
        and words in texts
        and (either in name or either in texts)
    )


def _several(text: str) -> list[str]:
    """Values in capitals, as a list in JSON or with commas between them."""
    given = from_text(text)
    return [str(one).strip().upper() for one in (given if isinstance(given, list) else text.split(","))]


async def post_template(call: Call) -> Answer:
    account_of(call)
    template = call.emulator.templates.add(parameters_of(call), "PENDING", call.emulator.clock.now())
    call.emulator.review(template)
    return answer(_made(template))


def _made(template: Template) -> dict[str, str]:
    return {"id": template.id, "status": template.state, "category": template.category}


async def delete_template(call: Call) -> Answer:
    account_of(call)
    given = parameters_of(call)
    if "hsm_ids" in given:
        return _delete_several(call, given["hsm_ids"])
    name, template_id = str(given.get("name", "")), given.get("hsm_id")
    if not name:
        raise ApiError(
            100, "The parameter name is required.", message="(#100) The parameter name is required."
        )
    if not call.emulator.templates.remove(name, str(template_id) if template_id is not None else None):
        raise _no_template(name)
    return SUCCESS


def _delete_several(call: Call, given: Any) -> Answer:
    """By their ids: all, or none."""
    ids = [str(one) for one in given] if isinstance(given, list) else str(given).split(",")
    templates = call.emulator.templates
    for one in ids:
        if templates.get(one) is None:
            raise _no_template(one)
    for one in ids:
        template = templates.get(one)
        if template is not None:  # named twice
            templates.remove(template.name, one)
    return SUCCESS


def _no_template(which: str) -> ApiError:
    why = f"there is no template {which}"
    return ApiError(100, why, subcode=2593002, message="Message Template Not Found")


async def upsert_templates(call: Call) -> Answer:
    """Authentication templates in several languages: each changed if there is one, else made; all or none.

    They are approved at once, as the platform's example has it.
    """
    account_of(call)
    given = parameters_of(call)
    if str(given.get("category", "")).upper() != "AUTHENTICATION":
        raise invalid_parameter("category", "AUTHENTICATION, of which alone many are changed at once")
    languages = given.get("languages")
    if not isinstance(languages, list) or not languages:
        raise invalid_parameter("languages", "a list of codes such as en_US")
    components = checked_components(given.get("components"), "AUTHENTICATION", "POSITIONAL")
    name, codes = given.get("name"), dict.fromkeys(checked_language(one) for one in languages)
    old = {code: call.emulator.templates.find(str(name), code) for code in codes}
    if any(one is not None and one.category != "AUTHENTICATION" for one in old.values()):
        raise invalid_parameter("name", "that of an authentication template, or a new one")
    done = [_upsert(call, old[code], {**given, "language": code}, components) for code in codes]
    return answer({"data": [{**_made(one), "language": one.language} for one in done]})


def _upsert(
    call: Call, old: Template | None, given: dict[str, Any], components: list[dict[str, Any]]
) -> Template:
    emulator = call.emulator
    template = old or emulator.templates.add(given, "PENDING", emulator.clock.now())
    template.components = components
    emulator.set_template_status(template, "APPROVED")
    return template


async def compare_templates(call: Call) -> Answer:
    """How often two were sent in a time, and which was blocked less often; why is not known here."""
    given = parameters_of(call)
    start_s, end_s = _moment(given, "start"), _moment(given, "end")
    two = [_template(call, node) for node in (call.node, _other(given))]
    sends = {one.id: call.emulator.messages.sent_of(one.id, start_s, end_s) for one in two}
    blocks = {one.id: sum(start_s <= at_s <= end_s for at_s in one.blocks_s) for one in two}
    by_rate = sorted(sends, key=lambda node: blocks[node] / max(1, sends[node]))
    reasons = [{"key": node, "value": "UNKNOWN_BLOCK_REASON"} for node in sends]
    numbers = [{"key": node, "value": count} for node, count in sends.items()]
    metrics = (
        {"metric": "BLOCK_RATE", "type": "RELATIVE", "order_by_relative_metric": by_rate},
        {"metric": "MESSAGE_SENDS", "type": "NUMBER_VALUES", "number_values": numbers},
        {"metric": "TOP_BLOCK_REASON", "type": "STRING_VALUES", "string_values": reasons},
    )
    return answer({"data": metrics})


def _other(given: dict[str, Any]) -> str:
    """The only one of template_ids, as a list or as text."""
    listed = given.get("template_ids", "")
    ids = [str(one) for one in listed] if isinstance(listed, list) else str(listed).split(",")
    if len(ids) != 1 or not ids[0]:
        raise invalid_parameter("template_ids", "the id of one other template")
    return ids[0]


def _moment(given: dict[str, Any], name: str) -> float:
    """Unix seconds; the platform's example has milliseconds."""
    number = whole(str(given.get(name, "")))
    if number is None:
        raise invalid_parameter(name, "a Unix time")
    return number / 1000 if number >= MILLISECONDS else float(number)


def _template(call: Call, node: str) -> Template:
    template = call.emulator.templates.get(node)
    if template is None:
        raise unknown_object(node)
    return template


async def unpause_template(call: Call) -> Answer:
    template = _template(call, call.node)
    if template.state != "PAUSED":
        return answer({"success": False, "reason": "The template is not paused"})
    call.emulator.set_template_status(template, "APPROVED")
    return SUCCESS


ROUTES = (
    Line("GET", "/{node:node}/message_templates", get_templates),
    Line("POST", "/{node:node}/message_templates", post_template),
    Line("DELETE", "/{node:node}/message_templates", delete_template),
    Line("POST", "/{node:node}/upsert_message_templates", upsert_templates),
    Line("POST", "/{node:node}/unpause", unpause_template),
    Line("GET", "/{node:node}/compare", compare_templates),
)
