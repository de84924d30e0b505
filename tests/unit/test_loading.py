from datetime import date
from math import inf
from pathlib import Path

import msgspec
import pytest

from scenarios import provenance
from scenarios.checks import PORTFOLIO_LIMITS_SINCE
from scenarios.errors import InputError
from scenarios.json_schema import json_schema
from scenarios.loading import leaves, load, shipped
from scenarios.schema import Scenario
from scenarios.schema.business import STANDARD_PER_S, UNLIMITED, UPGRADED_PER_S, Business
from server.network.limits import CapParameters, SpamParameters
from server.network.quality import Parameters
from server.network.rules import LIMITS, business_account


def message_of(name: str, *settings: str) -> str:
    with pytest.raises(InputError) as caught:
        load(name, settings)
    text = str(caught.value)
    assert "\n" not in text
    return text


def child(folder: Path, text: str) -> str:
    path = folder / "child.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("name", sorted(shipped()))
def test_every_shipped_scenario_loads(name: str) -> None:
    assert load(name).scenario.name == name


def test_set_overrides_in_order_and_is_its_own_source() -> None:
    loaded = load("bulk_send", ["pacing.rate_per_min=20", "pacing.rate_per_min=25"])
    assert loaded.scenario.pacing.rate_per_min == 25
    row = next(row for row in provenance.rows(loaded) if row.path == "pacing.rate_per_min")
    assert row.source == "--set on the command line"


def test_set_takes_bare_words_as_text() -> None:
    assert load("bulk_send", ["title=short and plain"]).scenario.title == "short and plain"


def test_unknown_field_names_the_nearest() -> None:
    text = message_of("bulk_send", "pacing.rate_per_mim=3")
    assert "pacing.rate_per_mim: unknown field; did you mean 'rate_per_min'?" in text


def test_out_of_range_says_found_and_allowed() -> None:
    text = message_of("bulk_send", "pacing.rate_per_min=0")
    assert "pacing.rate_per_min: found 0; must be a whole number >= 1 and <= 6,000" in text


def test_wrong_type_says_found_and_allowed() -> None:
    assert "found 'fast'; must be a whole number" in message_of("bulk_send", "pacing.rate_per_hour=fast")


def test_error_in_a_file_names_that_file(tmp_path: Path) -> None:
    text = message_of(child(tmp_path, 'extends = "bulk_send"\n[pacing]\nrate_per_hour = -1\n'))
    assert text.startswith("child.toml: pacing.rate_per_hour: found -1; must be a whole number >= 1")


def test_error_inside_a_list_names_the_entry(tmp_path: Path) -> None:
    text = message_of(child(tmp_path, 'extends = "bulk_send"\n[replies]\nrules = [{ intent = "a" }]\n'))
    assert text.startswith("child.toml: replies.rules[0].keywords: is missing")


def test_section_given_as_a_value_is_explained() -> None:
    assert "pacing: found 3; must be a table of fields" in message_of("bulk_send", "pacing=3")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (
            ["campaign.start=2020-01-01T00:00:00Z"],
            "campaign.start: found 2020-01-01T00:00:00+00:00, in the past",
        ),
        (["campaign.start=2026-12-01T14:00:00"], "campaign.start: found 2026-12-01T14:00:00; needs a zone"),
        (["campaign.start=2027-12-01T14:00:00Z"], "experiment.horizon_days: found 7; the run ends before"),
        (
            ["pacing.quiet_from=08:00"],
            "pacing.quiet_from: quiet hours from 08:00 until 08:00 cover the whole day",
        ),
        (["pacing.quiet_from=8:00"], "must be a clock time HH:MM"),
        (["pacing.warm_up_per_day=0"], "pacing.warm_up_per_day: found 0; must be a whole number >= 1"),
        (
            ["pacing.warm_up_per_day=5000"],
            "pacing.warm_up_per_day: found 5000; must be <= pacing.rate_per_day",
        ),
        (["accounts.new_count=11"], "accounts.new_count: found 11; must be at most accounts.count (10)"),
        (["network.delivery_rate=0.99"], "network.delivery_rate: found 0.99; must be <= 0.975"),
        (["replies.delay_min_s=11"], "replies.delay_min_s: found 11; must be <= replies.delay_max_s (10)"),
        (["campaign.template=Hi {name"], "campaign.template: expected '}'"),
        (["campaign.template=Hi {0}"], "campaign.template: {0} is not a plain variable name"),
        (["campaign.template=Hi {name:>9}"], "campaign.template: {name} is not a plain variable name"),
        (["population.contacts=none.csv"], "no such file"),
        (["costs.usd_rate=0.9"], "costs.usd_rate: found 0.9, but costs.currency is USD"),
        (["purchases.alpha_weeks=0.001"], "so that the mean customer buys 243 times a week"),
        (["costs.currency=euro"], "costs.currency: found 'euro'; must be text that matches"),
        (["accounts.kind=shop"], "accounts.kind: found 'shop'; must be 'app' or 'business'"),
        (
            ["experiment.warm_up_days=soon"],
            "experiment.warm_up_days: found 'soon'; must be a whole number >= 0 or 'auto'",
        ),
        (["experiment.warm_up_days=-1"], "experiment.warm_up_days: found -1; must be a whole number >= 0 or"),
        (
            ["experiment.warm_up_days=7"],
            "experiment.warm_up_days: found 7; must be less than the whole days of experiment.horizon_days (7)",
        ),
        (
            ["experiment.warm_up_days=auto", "experiment.horizon_days=49.5"],
            "experiment.warm_up_days: auto needs 50 days to tell, experiment.horizon_days is 49.5; lengthen it",
        ),
        (["business.market=Brazil"], "business.market: found 'Brazil'; must be text that matches"),
        (["business.cap_least=4"], "business.cap_least: found 4; must be <= business.cap_most (3)"),
        (
            ["business.quality_yellow=0.5"],
            "business.quality_yellow: found 0.5; must be <= business.quality_red",
        ),
        (
            ["business.messages_per_s=81"],
            "business.messages_per_s: found 81; above 80 it needs business.limit_level 4",
        ),
        (
            ["accounts.kind=business", "pacing.rate_per_min=8"],
            "--set pacing.rate_per_min: accounts.kind is business, whose pace is business.messages_per_s",
        ),
        (
            ["accounts.kind=business", 'groups.post_times=["20:00"]'],
            "groups.post_times: accounts.kind is business, whose groups hold 8 people",
        ),
        (
            [
                "accounts.kind=business",
                "experiment.start=2025-09-30T23:00:00Z",
                "experiment.horizon_days=500",
            ],
            "experiment.start: found 2025-09-30T23:00:00+00:00; business accounts are simulated from 2025-10-07",
        ),
    ],
)
def test_what_cannot_be_run_is_refused_in_one_line(settings: list[str], expected: str) -> None:
    assert expected in message_of("bulk_send", *settings)


def test_a_business_is_paced_by_its_platform_and_says_so() -> None:
    loaded = load("business_push", ["business.messages_per_s=20"])
    pacing = loaded.scenario.pacing
    assert (pacing.rate_per_min, pacing.rate_per_hour, pacing.rate_per_day) == (1200, 72_000, 1_728_000)
    assert (pacing.warm_up_days, pacing.spacing_jitter, pacing.equal_content_gap_s) == (0, 0, 0)
    rows = {row.path: row for row in provenance.rows(loaded)}
    assert rows["pacing.rate_per_min"].value == 1200
    assert rows["pacing.rate_per_min"].source.startswith("derived: business.messages_per_s")
    assert rows["pacing.customer_cap"].source.startswith("R155")  # what the platform leaves to the strategy


def test_the_platforms_numbers_are_those_of_the_servers_rules() -> None:
    rules = business_account(date(2026, 12, 1), level=Business().limit_level)
    cap, spam, quality = CapParameters(), SpamParameters(), Parameters()
    assert Business() == Business(
        messages_per_s=rules.messages_per_s,
        cap_least=cap.least,
        cap_most=cap.most,
        others_per_day=cap.others_per_day,
        report_weight=spam.report_weight,
        spam_share=spam.share,
        quality_yellow=quality.yellow,
        quality_red=quality.red,
    )
    assert rules.users_per_day == 2_000
    upgraded = business_account(date(2026, 12, 1), "upgraded", UNLIMITED)
    assert (rules.messages_per_s, upgraded.messages_per_s) == (STANDARD_PER_S, UPGRADED_PER_S)
    assert upgraded.users_per_day == inf
    assert LIMITS[-1].since == PORTFOLIO_LIMITS_SINCE


def test_shares_must_add_up(tmp_path: Path) -> None:
    scripts = '[[conversations.scripts]]\nkind = "stop"\nshare = 0.4\nturns = [{says=["STOP"], expect="opted_out"}]\n'
    assert "the shares add up to 0.4" in message_of(child(tmp_path, f'extends = "bulk_send"\n{scripts}'))


def test_expected_intent_must_exist(tmp_path: Path) -> None:
    scripts = (
        '[[conversations.scripts]]\nkind = "stop"\nshare = 1.0\nturns = [{says=["x"], expect="dance"}]\n'
    )
    assert "expects intent 'dance'" in message_of(child(tmp_path, f'extends = "bulk_send"\n{scripts}'))


def test_extends_inherits_values_contacts_and_sources(tmp_path: Path) -> None:
    loaded = load(child(tmp_path, 'extends = "bulk_send"\nname = "mine"\n[pacing]\nrate_per_min = 9\n'))
    assert loaded.scenario.name == "mine"
    assert loaded.scenario.pacing.rate_per_min == 9
    assert loaded.contacts_path == load("bulk_send").contacts_path
    rows = {row.path: row.source for row in provenance.rows(loaded)}
    assert rows["pacing.rate_per_min"] == "child.toml, which states no source"
    assert rows["accounts.count"] == "C116: 5-10 accounts is the first server tier"


def test_extends_in_a_circle_is_refused(tmp_path: Path) -> None:
    assert "goes round in a circle" in message_of(child(tmp_path, 'extends = "child.toml"\n'))


def test_source_beside_a_value_is_kept(tmp_path: Path) -> None:
    text = 'extends = "bulk_send"\n[pacing]\nrate_per_min = { value = 9, source = "our own test" }\n'
    rows = {row.path: row for row in provenance.rows(load(child(tmp_path, text)))}
    assert (rows["pacing.rate_per_min"].value, rows["pacing.rate_per_min"].source) == (9, "our own test")


def test_missing_required_field_is_named(tmp_path: Path) -> None:
    assert message_of(child(tmp_path, 'name = "x"\ntitle = "y"\n')) == (
        "child.toml: population: is missing; it has no default, so the scenario must state it"
    )


def test_broken_toml_is_one_line(tmp_path: Path) -> None:
    assert message_of(child(tmp_path, "[pacing\n")).startswith("child.toml: not valid TOML: ")


def test_unknown_scenario_suggests_the_nearest() -> None:
    assert "did you mean 'bulk_send'?" in message_of("bulk_sned")


def test_missing_file_is_named() -> None:
    assert message_of("nowhere/x.toml") == "nowhere/x.toml: no such scenario file"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (
            ["costs.message_usd=inf"],
            "costs.message_usd: found inf; must be a number >= 0 and <= 1,000,000,000",
        ),
        (
            ["purchases.alpha_weeks=1e300"],
            "purchases.alpha_weeks: found 1e+300; must be a number > 0 and <= ",
        ),
        (["population.order_value_median_usd=1e9"], "must be a number > 0 and <= 1,000,000"),
        (["population.size=0"], "must be a whole number >= 1 and <= 50,000,000"),
        (["purchases.enabled=1"], "purchases.enabled: found 1; must be true or false"),
        (["pacing.rate_per_min=true"], "pacing.rate_per_min: found true; must be a whole number"),
        (["title="], "title: found ''; must be text that is not empty"),
        (
            ["campaign.start=2026-12-01"],
            "campaign.start: found 2026-12-01; must be a moment with its zone, as 2026-12-01T14:00:00Z",
        ),
        (["campaign.start=soon"], "campaign.start: found 'soon'; must be a moment with its zone"),
        (["groups.post_times=20:00"], "groups.post_times: found '20:00'; must be a list"),
        (["funnel.attention=[1, 2]"], "funnel.attention: found [1, 2]; must be a list of 24"),
        (
            [f"funnel.attention={[0.0] * 24}"],
            "funnel.attention[0]: found 0.0; must be a number > 0 and <= 1,000",
        ),
        (
            [f"funnel.weekday_attention={[-1] * 7}"],
            "funnel.weekday_attention[0]: found -1; must be a number >",
        ),
        (
            ["programme.pushes=[{name = 'x', weekday = 7, at = '10:00'}]"],
            "programme.pushes[0].weekday: found 7; must be a whole number >= 0 and <= 6",
        ),
        (
            ["programme.pushes=[{name = 'x', weekdy = 7, at = '10:00'}]"],
            "programme.pushes[0].weekdy: unknown field; did you mean 'weekday'? (allowed: name, weekday, at)",
        ),
        (
            ["programme.follow_ups=[{when = 'unred', after_h = 1}]"],
            "programme.follow_ups[0].when: found 'unred'; must be 'no_order' or 'unread'",
        ),
        (["programme.pushes=[3]"], "programme.pushes[0]: found 3; must be a table of fields"),
        (["population.segments=[{name = 'a', share = 2}]"], "share: found 2; must be a number > 0 and <= 1"),
        (["funnel.read.x=1"], "--set: funnel.read: found {'x': 1}; must be a number > 0 and < 1"),
        (["accounts.count=1"], "bulk_send.toml: accounts.new_count: found 2; must be at most"),
        (["accounts.new_count=11"], "--set: accounts.new_count: found 11; must be at most"),
        (["agents.zone=Mars/Phobos"], "--set: agents.zone: found 'Mars/Phobos'; must be an IANA name"),
        (
            ["agents.shifts=[{start = '09:00', end = '09:00', agents = 1}]"],
            "--set: agents.shifts: 09:00 to 09:00 is no time; set them apart, or both to 00:00 for round the clock",
        ),
        (["population.contacts=none.csv"], "--set: population.contacts: found 'none.csv'; no such file"),
        (["population.contacts=/"], "population.contacts: found '/', which is a folder"),
        (
            ["costs.currency=EUR"],
            "--set: costs.currency: found EUR without costs.usd_rate; state how many EUR",
        ),
        (["campaign.fallbacks=3"], "campaign.fallbacks: found 3; must be a table of text"),
        (
            ["accounts.count=5\naccounts.new_count=0"],
            "accounts.count: found '5\\naccounts.new_count=0'; must be",
        ),
        (["tagging.conflicts=[['a']]"], "tagging.conflicts[0]: found ['a']; must be a list of 2"),
        (
            ["campaign.fallbacks.name=3"],
            "campaign.fallbacks[...]: found {'name': 3}; must be a table of text",
        ),
        (
            [f"{section}.start=0001-01-01T00:00:00Z" for section in ("experiment", "campaign")],
            "experiment.start: found 0001-01-01T00:00:00+00:00; must lie from 1970 to 2199",
        ),
        (
            [f"{section}.start=9999-12-31T00:00:00Z" for section in ("experiment", "campaign")],
            "experiment.start: found 9999-12-31T00:00:00+00:00; must lie from 1970 to 2199",
        ),
        (
            [
                "conversations.scripts=[{kind='stop', share=1, turns=[{says=['STOP'], expect='opted_out'}]}]",
                "agents.shifts=[{start='08:00', end='09:00', agents=1}]",
            ],
            "conversations.scripts: all are of kind stop, but agents.shifts names people",
        ),
        ([f"population.size={'1' * 5000}"], "population.size: found '1111"),
        ([f"population.segments={'[' * 3000}{']' * 3000}"], "nested too deeply"),
    ],
)
def test_messages_say_what_was_found_where_and_what_is_allowed(settings: list[str], expected: str) -> None:
    assert expected in message_of("bulk_send", *settings)


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    assert load(child(tmp_path, '\ufeffextends = "bulk_send"\nname = "mine"\n')).scenario.name == "mine"


def test_a_file_nested_too_deeply_is_one_line(tmp_path: Path) -> None:
    assert "nested too deeply" in message_of(child(tmp_path, f"name = {'[' * 3000}{']' * 3000}"))


def test_an_unknown_parent_is_named_with_its_child(tmp_path: Path) -> None:
    text = message_of(child(tmp_path, 'extends = "bulk_sned"\n'))
    assert text.startswith(
        "child.toml: extends: bulk_sned: no shipped scenario of that name; did you mean 'bulk_send'?"
    )


def test_every_number_has_a_highest() -> None:
    without = [
        path
        for path, info in leaves()
        if info.type.__origin__ in (int, float)
        and info.type.__metadata__[0].le is None
        and info.type.__metadata__[0].lt is None
    ]
    assert without == []


def test_a_currency_at_par_is_stated_as_such() -> None:
    costs = load("bulk_send", ["costs.currency=BSD", "costs.usd_rate=1"]).scenario.costs
    assert (costs.currency, costs.usd_rate) == ("BSD", 1)


@pytest.mark.parametrize("setting", ["pacing", "=3", "a..b=1"])
def test_malformed_set_is_explained(setting: str) -> None:
    assert "must be PATH=VALUE" in message_of("bulk_send", setting)


def test_every_parameter_has_a_unit_or_is_plain_and_a_source() -> None:
    rows = provenance.rows(load("bulk_send"))
    assert len(rows) == len(list(leaves()))
    assert [row.path for row in rows if not row.source] == []
    number_without_unit = {row.path for row in rows if isinstance(row.value, float) and not row.unit}
    dimensionless = {
        path for path in number_without_unit if path.endswith(("_a", "_b", ".a", ".b", ".r", "_log_sd"))
    }
    assert number_without_unit == dimensionless


@pytest.mark.parametrize("name", sorted(shipped()))
def test_shipped_scenarios_state_a_source_for_what_they_set(name: str) -> None:
    rows = provenance.rows(load(name))
    assert [row.path for row in rows if "states no source" in row.source] == []


def test_sources_of_numbers_are_claims_or_say_assumed_or_derived() -> None:
    starts = (
        *("C", "G", "R", "T", "E", "Fader, Hardie", "platform facts", "assumed", "derived"),
        *("convention", "scenario", "as "),
    )
    rows = provenance.rows(load("bulk_send"))
    numbers = [row for row in rows if isinstance(row.value, int | float) and not isinstance(row.value, bool)]
    assert [row for row in numbers if not row.source.startswith(starts)] == []


def test_json_schema_knows_every_field_and_sources_beside_values() -> None:
    schema = json_schema()
    sections = set(schema["$defs"]["Scenario"]["properties"])
    assert sections == {info.name for info in msgspec.structs.fields(Scenario)} | {"extends"}
    forms = schema["$defs"]["Pacing"]["properties"]["rate_per_min"]["anyOf"]
    assert forms[0]["minimum"] == 1
    assert set(forms[1]["properties"]) == {"value", "source"}
