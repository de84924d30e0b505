import numpy as np
import pytest
from msgspec.json import decode

from scenarios.kpis import UNITS
from scenarios.loading import Loaded, load
from scenarios.result import Calibration, Result, Survival, encode
from simulator.customers.rfm import TIERS
from simulator.run import simulate
from simulator.sending.network import BIN_S

SMALL = ["population.size=500", "experiment.replications=4"]


def small(*settings: str) -> Loaded:
    return load("bulk_send", [*SMALL, *settings])


@pytest.fixture(scope="module")
def result() -> Result:
    return simulate(small())


def test_result_says_what_was_run(result: Result) -> None:
    assert (result.kind, result.scenario, result.seed) == ("simulation", "bulk_send", 1)
    assert (result.replications, result.horizon_s, result.wall_s) == (4, 7 * 86_400, 0.0)
    assert result.exposures == pytest.approx(4 * result.kpis["messages_sent"].value)
    assert result.provenance["pacing.rate_per_min"].value == 12


def test_every_kpi_has_a_definition_and_lies_in_its_interval(result: Result) -> None:
    names = {
        "messages_sent", "messages_delivered", "messages_read", "messages_clicked", "messages_replied",
        "delivery_rate", "read_rate", "click_rate", "reply_rate", "conversion_rate", "click_to_order_rate",
        "opt_out_rate", "block_rate", "complaint_rate", "orders", "revenue_usd", "cost_usd", "roi", "cac_usd",
        "account_ban_rate", "accounts_banned", "send_duration_s", "contacts_rejected", "messages_unsent",
        "ltv_usd", "payback_days", "organic_orders", "organic_revenue_usd",
    }  # fmt: skip
    assert set(result.kpis) == names
    for name, kpi in result.kpis.items():
        assert kpi.unit == UNITS[name]
        assert kpi.low <= kpi.value <= kpi.high


def test_survival_pools_the_accounts_of_all_replications() -> None:
    found = simulate(
        small(
            "network.ban_per_30_days=0.999",
            "experiment.horizon_days=20",
            "pacing.rate_per_day=10",
            "pacing.warm_up_per_day=10",
        )
    )
    curve = found.survival
    assert isinstance(curve, Survival)
    assert curve.banned == found.kpis["accounts_banned"].value * 4 > 0
    assert 4 * 10 < curve.accounts <= 4 * 10 + curve.banned
    assert curve.days == sorted(set(curve.days))
    assert curve.at_risk == sorted(curve.at_risk, reverse=True)
    assert curve.watched_days <= 20.0
    for low, share, high in zip(curve.low, curve.share, curve.high, strict=True):
        assert 0 <= low < share < high <= 1
    assert decode(encode(found), type=Result).survival == curve


def test_series_agree_with_the_totals(result: Result) -> None:
    assert set(result.series) == {
        "sends_per_h", "capacity_per_h", "deliveries_per_h", "revenue_usd_cum", "cost_usd_cum"
    }  # fmt: skip
    kpis, hours = result.kpis, BIN_S / 3600
    assert sum(result.series["sends_per_h"].value) * hours == pytest.approx(kpis["messages_sent"].value)
    assert sum(result.series["deliveries_per_h"].value) * hours == pytest.approx(
        kpis["messages_delivered"].value
    )
    assert result.series["revenue_usd_cum"].value[-1] == pytest.approx(kpis["revenue_usd"].value)
    assert result.series["cost_usd_cum"].value[-1] == pytest.approx(kpis["cost_usd"].value)
    for name, series in result.series.items():
        assert np.allclose(np.diff(series.t_s), BIN_S)
        assert series.t_s[0] == (BIN_S if name.endswith("_cum") else 0.0)


def test_no_day_sends_more_than_its_capacity(result: Result) -> None:
    days = [
        np.reshape(result.series[name].value, (7, -1)).sum(axis=1)
        for name in ("sends_per_h", "capacity_per_h")
    ]
    assert np.all(days[0] <= days[1])


def test_accounts_that_only_post_to_groups_add_no_capacity() -> None:
    sizes = ["population.size=100", "experiment.replications=2", "experiment.horizon_days=1"]
    few, many = (
        simulate(load("daily_programme", [*sizes, f"groups.accounts={count}"])).series["capacity_per_h"].value
        for count in (1, 20)
    )
    assert few == many
    assert max(few) == 8 * 12 * 60 + 2 * 50 * 4  # a minute's cap of old accounts, the new ones' 50 of a day


def test_distributions_hold_every_observation(result: Result) -> None:
    observed = {
        "delivery_delay_s": "messages_delivered",
        "read_delay_s": "messages_read",
        "order_value_usd": "orders",
    }
    assert set(result.distributions) == set(observed)
    for name, kpi in observed.items():
        distribution = result.distributions[name]
        assert sum(distribution.counts) == pytest.approx(4 * result.kpis[kpi].value)
        assert np.allclose(
            np.diff(np.log(distribution.edges)),
            np.log(distribution.edges[1:])[0] - np.log(distribution.edges[0]),
        )


def test_verdicts_judge_the_service_levels(result: Result) -> None:
    assert {verdict.kpi for verdict in result.verdicts} == {
        "delivery_rate", "account_ban_rate", "opt_out_rate", "send_duration_s"
    }  # fmt: skip


def test_same_seed_gives_the_same_bytes_with_one_worker_and_two(result: Result) -> None:
    assert encode(simulate(small(), workers=2)) == encode(result)


def test_identical_variants_give_equal_results(result: Result) -> None:
    assert simulate(small("pacing.rate_per_min=12")).kpis == result.kpis


def test_another_seed_gives_another_result(result: Result) -> None:
    assert simulate(small("experiment.seed=2")).kpis != result.kpis


def test_the_largest_seed_runs() -> None:
    assert simulate(small("population.size=20", f"experiment.seed={2**63 - 1}")).exposures > 0


def test_more_replications_keep_the_first_ones(result: Result) -> None:
    """A replication's luck is its number's alone."""
    two, four = (
        simulate(small(f"experiment.replications={n}")).kpis["messages_read"].value * n for n in (2, 4)
    )
    assert 0 < four - two < four
    assert four == pytest.approx(4 * result.kpis["messages_read"].value)


def test_a_hasty_strategy_is_banned_more_beyond_the_intervals(result: Result) -> None:
    hasty = simulate(small("pacing.rate_per_min=25")).kpis["account_ban_rate"]
    assert hasty.low > result.kpis["account_ban_rate"].high


def test_progress_is_told_after_each_replication() -> None:
    told: list[tuple[int, int]] = []
    simulate(small("population.size=20"), progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_an_audience_of_nobody_leaves_rates_out() -> None:
    result = simulate(small("campaign.with_tags=['nobody has this']"))
    assert result.kpis["messages_sent"].value == 0
    assert "delivery_rate" not in result.kpis
    assert b"null" not in encode(result)


def test_service_times_add_the_predicted_load_test() -> None:
    loaded = small("population.size=20", "conversations.at_once=20", "conversations.duration_s=5")
    result = simulate(loaded, calibration=Calibration([0.01, 0.02], 1.0))
    assert result.kpis["response_time_s_p95"].value >= 0.01
    assert "response_time_s" in result.distributions
    assert "conversations_open" in result.series
    assert "response_time_s_p95" in {verdict.kpi for verdict in result.verdicts}


def test_a_campaign_that_the_horizon_cuts_off_says_so() -> None:
    one_account = ["accounts.count=1", "accounts.new_count=0", "pacing.rate_per_day=100"]
    result = simulate(small(*one_account, "experiment.horizon_days=2"))
    kpis = result.kpis
    assert kpis["messages_sent"].value == 200
    planned = 500 - kpis["contacts_rejected"].value
    assert kpis["messages_unsent"].value >= planned - 200
    assert kpis["send_duration_s"].value == 2 * 86_400
    assert not next(v for v in result.verdicts if v.kpi == "send_duration_s").met


def test_what_goes_on_after_the_campaign_is_no_part_of_how_long_it_takes() -> None:
    sizes = ["population.size=100", "experiment.replications=2", "agents.shifts=[]"]
    result = simulate(load("daily_programme", sizes))
    alone = simulate(load("bulk_send", sizes))
    assert result.kpis["send_duration_s"] == alone.kpis["send_duration_s"]
    assert result.kpis["messages_sent"].value > 5 * alone.kpis["messages_sent"].value
    assert next(verdict for verdict in result.verdicts if verdict.kpi == "send_duration_s").met


def test_tiers_share_out_customers_and_revenue(result: Result) -> None:
    assert isinstance(result.tiers, list)
    assert [tier.name for tier in result.tiers] == list(TIERS)
    for of in ("customers", "revenue"):
        parts = [getattr(tier, of) for tier in result.tiers]
        assert sum(part.value for part in parts) == pytest.approx(1)
        assert all(0 <= part.low <= part.value <= part.high <= 1 for part in parts)
