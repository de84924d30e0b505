"""Objects as the API shows them, with the fields that it tells only when they are asked for."""

from collections.abc import Callable, Mapping
from typing import Any

from server.network.graph import health
from server.network.graph.http import Call
from server.network.graph.numbers import Number
from server.network.graph.templates import Template

Extra = Mapping[str, Callable[[], Any]]


def shown_number(call: Call, number: Number) -> dict[str, Any]:
    """A phone number."""
    emulator = call.emulator
    now_s, account = emulator.clock.now(), emulator.account
    shown = {**number.shown(), "webhook_configuration": account.callbacks_shown(number)}
    return _with(call, shown, {"health_status": lambda: health.of_number(now_s, account, number)})


def shown_template(call: Call, template: Template) -> dict[str, Any]:
    """A message template."""
    emulator = call.emulator
    now_s, account, portfolio = emulator.clock.now(), emulator.account, emulator.portfolio
    extra: Extra = {"health_status": lambda: health.of_template(now_s, account, portfolio, template)}
    return _with(call, template.shown(), extra)


def shown_account(call: Call) -> dict[str, Any]:
    """The business account."""
    emulator = call.emulator
    now_s, account = emulator.clock.now(), emulator.account
    extra: Extra = {
        "health_status": lambda: health.of_account(now_s, account, emulator.portfolio),
        "owner_business_info": account.business_shown,
        "subscribed_apps": lambda: {"data": account.apps_shown()},
    }
    return _with(call, account.shown(), extra)


def _with(call: Call, shown: dict[str, Any], extra: Extra) -> dict[str, Any]:
    wanted = call.query.get("fields", "")
    return {**shown, **{name: value() for name, value in extra.items() if name in wanted}}
