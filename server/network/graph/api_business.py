"""Routes of the business that owns the account. No other business has shared an account with it (assumed)."""

from server.network.graph.http import Answer, Call, Line, answer
from server.network.graph.refusal import unknown_object
from server.network.graph.requests import page_of
from server.network.graph.showing import shown_account


async def get_owned(call: Call) -> Answer:
    _check(call)
    page, paging = page_of(call, [shown_account(call)])
    return answer({"data": page, "paging": paging})


async def get_shared(call: Call) -> Answer:
    _check(call)
    return answer({"data": []})


def _check(call: Call) -> None:
    if call.node != call.emulator.account.business_id:
        raise unknown_object(call.node)


ROUTES = (
    Line("GET", "/{node:node}/owned_whatsapp_business_accounts", get_owned),
    Line("GET", "/{node:node}/client_whatsapp_business_accounts", get_shared),
)
