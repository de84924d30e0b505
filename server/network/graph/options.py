"""The emulator's options as they are given on a command line, checked."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, get_args

from scenarios.errors import InputError
from scenarios.loading import Loaded
from server.network import errors
from server.network.errors import PROFILES, Place
from server.network.graph.addresses import is_host
from server.network.graph.behaviour import Behaviour, of_scenario
from server.network.graph.digits import whole
from server.network.graph.emulator import APP_ID, BUSINESS_ID, FIRST_NUMBER_ID, WABA_ID, Settings
from server.network.graph.serve import Serving, serve
from server.network.graph.webhook_bodies import MAX_UPDATES
from server.network.limits import Assumed, Reading
from server.network.rules import Throughput
from server.network.template_pacing import PacingParameters

Customers = Literal["scenario", "predictable"]
MOST_CONNECTIONS = 1000
MOST_NUMBERS = 500
FIRST_YEAR, LAST_YEAR = 2020, 2100  # within which the clock may start


@dataclass(frozen=True, slots=True)
class Options:
    """What a user sets; the scenario gives the rest.

    `customers`: as the scenario's, or predictable: each message delivered after a second and read two later,
    nothing else happens by itself. `moved`: CODE=sync or CODE=webhook. `level`: index of the messaging limit.
    `start`: ISO date or time at which the clock starts, in UTC unless it says otherwise; None: now.
    `pacing_threshold`: messages of a new template that are sent before others
    are held; None: no pacing.
    """

    token: str | None = None
    host: str = "127.0.0.1"
    port: int = 8080
    speed: float = 1.0
    profile: str = "modern"
    customers: str = "scenario"
    number_ids: Sequence[str] = ()
    webhook_url: str | None = None
    verify_token: str = ""
    app_secret: str = ""
    allowed_hosts: Sequence[str] = ()
    batch_max: int = 1
    connections: int = 16
    throughput: str = "standard"
    level: int = 1
    pair_reading: str = "literal"
    moved: Sequence[str] = ()
    pacing_threshold: int | None = None
    start: str | None = None


def start(loaded: Loaded, options: Options) -> None:
    """Serve the emulator until it is told to stop; InputError for an option that is wrong."""
    _within("--speed", options.speed, 1e-3, 1e6)
    made = secrets.token_hex(16) if not options.app_secret else None
    serving = Serving(
        options.host,
        options.port,
        options.speed,
        start_s=_start_s(options.start) if options.start is not None else None,
        token=options.token,
        made_secret=made,
        with_names=options.customers == "scenario",
    )
    serve(loaded, settings_of(loaded, options, made or options.app_secret), serving)


def settings_of(loaded: Loaded, options: Options, app_secret: str) -> Settings:
    """The emulator's settings; InputError for an option that is wrong."""
    _one_of("--profile", options.profile, tuple(PROFILES))
    _one_of("--customers", options.customers, get_args(Customers))
    _one_of("--throughput", options.throughput, get_args(Throughput))
    _one_of("--pair-rate", options.pair_reading, get_args(Reading))
    _within("--webhook-batch", options.batch_max, 1, MAX_UPDATES)
    _within("--webhook-connections", options.connections, 1, MOST_CONNECTIONS)
    _within("--tier", options.level, 0, 4)
    if options.pacing_threshold is not None:
        _within("--template-pacing", options.pacing_threshold, 0, 1e9)
    for one in options.allowed_hosts:
        if not is_host(one):
            raise InputError(f"--allow-webhook {one}: must be a host, an address or a network as 10.0.0.0/8")
    scenario = loaded.scenario
    return Settings(
        seed=scenario.experiment.seed,
        behaviour=of_scenario(scenario) if options.customers == "scenario" else Behaviour(),
        number_ids=_number_ids(options.number_ids, scenario.accounts.count),
        profile=PROFILES[options.profile],
        places=_places(options.moved),
        assumed=Assumed(pair_reading=options.pair_reading),  # type: ignore[arg-type]  # checked above
        level=options.level,
        throughput=options.throughput,  # type: ignore[arg-type]  # checked above
        app_secret=app_secret,
        webhook_url=options.webhook_url,
        verify_token=options.verify_token,
        allowed_hosts=options.allowed_hosts,
        batch_max=options.batch_max,
        connections=options.connections,
        pacing=PacingParameters(options.pacing_threshold) if options.pacing_threshold is not None else None,
    )


def _number_ids(given: Sequence[str], count: int) -> tuple[str, ...]:
    """Those given, else as many as the scenario has accounts."""
    for one in given:
        if not one.isdecimal() or not one.isascii() or len(one) > 32:
            raise InputError(f"--phone-number-id {one}: must be 1 to 32 digits")
        if given.count(one) > 1:
            raise InputError(f"--phone-number-id {one}: given more than once")
        if one in (WABA_ID, APP_ID, BUSINESS_ID):
            raise InputError(f"--phone-number-id {one}: is the id of the account, the app or the business")
    return tuple(given) or tuple(str(FIRST_NUMBER_ID + index) for index in range(min(count, MOST_NUMBERS)))


def _places(moved: Sequence[str]) -> dict[int, Place]:
    pairs: dict[int, Place] = {}
    for one in moved:
        code, _, place = one.partition("=")
        number = whole(code)
        if number is None or place not in get_args(Place):
            raise InputError(f"--place {one}: must be CODE=sync or CODE=webhook, as 131047=sync")
        pairs[number] = "sync" if place == "sync" else "webhook"
    try:
        return errors.places(pairs)
    except ValueError as error:
        raise InputError(f"--place: {error}") from None


def _start_s(text: str) -> float:
    """Unix seconds of an ISO date or time; InputError for what is none, or lies too far away."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"--start {text}: must be a date or time such as 2025-06-01") from None
    if not FIRST_YEAR <= at.year < LAST_YEAR:
        raise InputError(f"--start {text}: must lie from {FIRST_YEAR} to {LAST_YEAR - 1}")
    return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp()


def _one_of(option: str, given: str, allowed: Sequence[str]) -> None:
    if given not in allowed:
        raise InputError(f"{option} {given}: must be one of {', '.join(allowed)}")


def _within(option: str, given: float, least: float, most: float) -> None:
    if not least <= given <= most:
        raise InputError(f"{option} {given:g}: must be from {least:g} to {most:g}")
