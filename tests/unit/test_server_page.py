import dataclasses
import re

from msgspec.structs import replace

from server.analytics.figures import HistoryRow, ImportsTaken, Keyword, Stats
from server.analytics.health import Alarm, Alarms
from server.dispatch.alarms import Observed, check
from server.page.rendering import CHART_HEIGHT, Overview, chart, live, page
from server.sending.reading import AccountState, BatchProgress

CLOCK = "2026-12-01T14:20:00Z"
STATS = Stats(
    clock=CLOCK,
    speed=1.0,
    contacts=3,
    messages={"queued": 1, "sending": 0, "sent": 1, "delivered": 6, "failed": 1, "cancelled": 0},
    sends=8,
    failures={"transient": 2},
    delivery_rate=0.75,
    first_send=CLOCK,
    last_send=CLOCK,
    replies={"answered": 2, "unmatched": 0},
    conversations_with_human=0,
    opt_outs=0,
    accounts={"open": 1, "banned": 0},
    queue_length=1,
    dispatch_lag_s=0.0,
    process_cpu_s=0.0,
    commits=0,
    kpis={},
    top_keywords=[Keyword("<price>", 30, 0.6), Keyword("size", 10, 0.2)],
    network_delay_s=0.25,
    imports=ImportsTaken(4, 4, CLOCK),
)
HOURS = [
    HistoryRow("2026-12-01T14:00:00Z", None, 10, 6, 0.6, {"transient": 2}),
    HistoryRow("2026-12-01T12:00:00Z", None, 5, 5, 1.0, {}),
    HistoryRow("2026-11-20T12:00:00Z", None, 500, 5, 1.0, {}),  # not of the last day
]


def overview(**observed: float) -> Overview:
    checks = [Alarm(*one[:5], list(one.claims), one.cause) for one in check(Observed(**observed))]
    batch = BatchProgress("<b>", "running", CLOCK, None, 8, STATS.messages, {}, 0, CLOCK, CLOCK, None)
    account = AccountState(0, "account-000", True, 8, 190, 190, False, CLOCK)
    return Overview(STATS, Alarms(CLOCK, 0, 0, checks), HOURS, [batch], [account] * 60, 200)


def test_the_chart_is_as_high_as_its_busiest_hour_and_ends_now() -> None:
    drawn = chart(HOURS, CLOCK)
    assert (drawn.most, drawn.total) == (10, 15)
    earlier, now = drawn.bars
    assert now.x > earlier.x
    assert now.delivered.height + now.failed.height + now.open.height == CHART_HEIGHT
    assert earlier.delivered.height == CHART_HEIGHT / 2
    assert now.title == "01 Dec 14:00: 6 delivered, 2 failed, 2 on the way"


def test_a_chart_of_nothing_is_empty() -> None:
    drawn = chart([], CLOCK)
    assert (drawn.bars, drawn.most, drawn.total) == ([], 0, 0)


def test_keywords_the_way_to_the_network_and_imports_are_told() -> None:
    text = " ".join(live(overview()).decode().split())
    assert "Longest way to the network: 0.25 s." in text
    assert "Keywords met most in a week: &lt;price&gt; 60.0 %, size 20.0 %." in text
    assert "Files imported in an hour: 4, 4 of them large; no further one until 01 Dec 2026 14:20." in text


def test_alarms_stand_with_their_limit_and_claims() -> None:
    text = live(overview(delivery_rate=0.85)).decode()
    assert "Alarm: delivery rate 85.0 %" in text
    assert "C155" in text
    assert "All is well" not in text
    assert "All is well" in live(overview(delivery_rate=0.95)).decode()


def test_what_is_shown_is_text_not_markup() -> None:
    assert "<b>" not in live(overview()).decode().partition("<h2>Batches</h2>")[2].replace("<b class", "")
    assert "&lt;b&gt;" in live(overview()).decode()


def test_many_accounts_are_cut_short_and_a_full_one_stands_out() -> None:
    text = live(overview()).decode()
    assert text.count("account-000") == 50
    assert "and 10 more" in text
    assert "f-warn" in text


def test_of_many_accounts_those_that_need_a_look_are_shown() -> None:
    def account(index: int, *, is_open: bool = True, hour: int = 0, warming: bool = False) -> AccountState:
        return AccountState(index, f"account-{index:03d}", is_open, hour, hour, hour, warming, None)

    accounts = [account(index) for index in range(500)]
    accounts[470] = account(470, is_open=False)
    accounts[480] = account(480, hour=150)
    accounts[490] = account(490, warming=True)
    text = " ".join(live(dataclasses.replace(overview(), accounts=accounts)).decode().split())
    assert "500 in all: 498 open, 1 warming up, 1 banned" in text
    shown = re.findall(r"account-\d{3}", text)
    assert len(shown) == 50
    assert {"account-470", "account-480", "account-490"} <= set(shown)
    assert shown == sorted(shown)
    assert "and 450 more: here are the banned, then the busiest" in text


def test_a_day_without_sends_is_said_in_words() -> None:
    text = live(dataclasses.replace(overview(), hours=[])).decode()
    assert '<svg class="chart"' not in text
    assert "None in the last 24 hours" in text


def test_the_page_names_the_hashes_of_its_own_style_and_script() -> None:
    text = page(overview()).decode()
    assert text.count("sha256-") == 2
    assert "&#39;self&#39;" in text
    assert page(overview()) != page(replace_clock())


def replace_clock() -> Overview:
    found = overview()
    later = replace(found.stats, clock="2026-12-01T15:20:00Z")
    return Overview(later, found.alarms, found.hours, found.batches, found.accounts, found.cap_per_hour)
