"""Routes of what the platform has and the emulator has not: each is refused by its name."""

from server.network.graph.http import Answer, Call, Line
from server.network.graph.refusal import not_emulated

ANY = ("GET", "POST", "DELETE")
NEW_NUMBERS = "new numbers: start it with --phone-number-id"
LIBRARY = "message_template_library"
# Edges of a node, by what they belong to.
EDGES = {
    "groups": ("groups", "invite_link", "join_requests", "participants"),
    "calls": ("calls", "call_permissions"),
    "catalogues: any id is taken in messages, and their products are not looked at": (
        "product_catalogs",
        "products",
        "product_groups",
        "owned_product_catalogs",
        "client_product_catalogs",
    ),
    "other account to migrate from": ("migrate_message_templates", "migrate_flows"),
    "template library": (LIBRARY,),
    "archive of templates": ("message_templates/archive", "message_templates/unarchive"),
    "user names": ("username", "username_suggestions"),
    "signups": ("signups",),
    "analytics": ("analytics", "conversation_analytics", "pricing_analytics", "template_analytics"),
    "users of an account": ("assigned_users",),
    NEW_NUMBERS: ("add_phone_numbers", "preverified_numbers"),
    "message history": ("message_history",),
}


WHAT = {edge: what for what, edges in EDGES.items() for edge in edges}


async def refuse(call: Call) -> Answer:
    """One route for all of them: hundreds would take a megabyte."""
    raise not_emulated(WHAT[call.path["absent"]])


async def refuse_numbers(_call: Call) -> Answer:
    raise not_emulated(NEW_NUMBERS)


async def refuse_library(_call: Call) -> Answer:
    raise not_emulated(WHAT[LIBRARY])


ROUTES = (
    *(Line(method, "/{node:node}/{absent:absent}", refuse) for method in ANY),
    Line("POST", "/{node:node}/phone_numbers", refuse_numbers),
    Line("GET", f"/{LIBRARY}", refuse_library),
)
