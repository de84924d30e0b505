"""`simulator.engine.plain` compiled: send by send in one pass, for millions of them, the same to the bit.

Only single steps that every processor rounds alike are used, in the same order and precision; what would not
be (logarithms, exponentials) is looked up in the same tables.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from simulator.customers.funnel import (
    BLOCK_AT,
    CELLS,
    COMPLAINT_AT,
    DIGITS,
    REPLY_AT,
    Event,
)
from simulator.engine.exposures import CAMPAIGN
from simulator.engine.fetching import fetch
from simulator.engine.follow_ups import Rules
from simulator.engine.luck import MULTIPLIERS, ROUNDS, WEYL, key_of
from simulator.engine.odds import TIRED_CELLS, TIRED_STEP, Odds
from simulator.engine.plain import Consequences, Seen, Sends, Stage, Tell
from simulator.engine.tally import Tables, Tally
from simulator.sending.network import BIN_S, DAY_S
from simulator.sending.waves import Wave
from simulator.statistics.streams import Purpose
from simulator.world import ATTENTION_S

TOTALS = (
    "messages_sent",
    "withdrawn",
    "messages_delivered",
    "in_transit",
    "messages_read",
    "messages_clicked",
    "messages_replied",
    "orders",
    "opt_outs",
    "blocks",
    "complaints",
    "members_days",
    "active_days",
)
(SENT, WITHDRAWN, DELIVERED, IN_TRANSIT, READ, CLICKED, REPLIED, ORDERED) = range(8)
(OPTED_OUT, BLOCKED, COMPLAINED, MEMBERS, ACTIVE) = range(8, len(TOTALS))

BIN, DAY = np.uint64(BIN_S), np.uint64(DAY_S)  # whole seconds: dividing whole numbers is quicker
ONE = np.float32(1)
NONE = np.float32(0)
LAST_CELL = CELLS - 1
CHUNK = 256  # messages whose numbers are drawn at once
AHEAD = 24  # so many sends before a customer's record is needed it is asked for: memory is slow to answer
CELLS_F = np.float32(CELLS)
DIGITS_F = np.float32(DIGITS)
REPLY_F, BLOCK_F, COMPLAINT_F = np.float32(REPLY_AT), np.float32(BLOCK_AT), np.float32(COMPLAINT_AT)
TIRED_F, TIRED_LAST = np.float32(1 / TIRED_STEP), np.float32(TIRED_CELLS - 1)
UNIT = np.float32(2**-24)
FIRST, SECOND = MULTIPLIERS
LEFT, RIGHT = np.uint64(WEYL[0]), np.uint64(WEYL[1])
LOW, HALF, EIGHT = np.uint64(0xFFFFFFFF), np.uint64(32), np.uint64(8)
DECISIONS, RARE = np.uint64(Purpose.DECISIONS), np.uint64(Purpose.RARE)

Floats = NDArray[np.float32]
Times = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


Columns = tuple[  # of Exposures: number, is_post, is_push, is_message, is_retry, is_first, next_try
    NDArray[np.uint64], Flags, Flags, Flags, NDArray[np.int8], Flags, NDArray[np.int32]
]


class Found(NamedTuple):
    """Room for the consequences of a batch, filled from the front."""

    failed: Ints
    replied: Ints
    replied_s: Times
    ordered: Ints
    ordered_s: Times
    order_value: Floats
    begun: Ints  # (rules, batch)
    begun_s: Times


class Compiled:
    """Works send by send. `tell` hears what a platform sees come of them."""

    batch = 1 << 17

    def __init__(self, stage: Stage, tell: Tell | None = None) -> None:
        self._stage, self._tell = stage, tell
        self._seen_s = np.empty((len(Seen._fields), 0 if tell is None else self.batch))
        rules = len(stage.rules.after_s)
        self._found = Found(
            np.empty(self.batch, np.int64),
            np.empty(self.batch, np.int64),
            np.empty(self.batch),
            np.empty(self.batch, np.int64),
            np.empty(self.batch),
            np.empty(self.batch, np.float32),
            np.empty((rules, self.batch), np.int64),
            np.empty((rules, self.batch)),
        )
        self._key = np.array([*key_of(stage.seed), stage.number], np.uint64)
        self._tables_s = np.stack([delay.table_s for delay in stage.delays])

    def send(self, sends: Sends, tally: Tally) -> Consequences:
        """Everything that leaves, at most `batch` messages."""
        stage, found = self._stage, self._found
        total = np.zeros(len(TOTALS), np.int64)
        counts = np.zeros(3 + len(stage.rules.after_s), np.int64)
        _send(
            self._key,
            stage.horizon_s,
            sends.wave,
            sends.over,
            sends.day,
            sends.account_read,
            stage.exposures[1:8],
            stage.odds,
            self._tables_s,
            stage.crowd.lines,
            stage.crowd.opted_out_s,
            stage.rules,
            tally.tables,
            found,
            self._seen_s,
            total,
            counts,
        )
        if self._tell is not None:
            self._tell(*_seen(sends.wave, self._seen_s[:, : len(sends.over)]))
        for name, count in zip(TOTALS, total.tolist(), strict=True):
            tally.total[name] += count
        failed, replied, ordered, *begun = counts.tolist()
        return Consequences(
            found.failed[:failed].copy(),
            Event(found.replied[:replied].copy(), found.replied_s[:replied].copy()),
            Event(found.ordered[:ordered].copy(), found.ordered_s[:ordered].copy()),
            found.order_value[:ordered].copy(),
            tuple(
                Event(found.begun[rule, :count].copy(), found.begun_s[rule, :count].copy())
                for rule, count in enumerate(begun)
            ),
        )


def _seen(wave: Wave, at_s: Times) -> tuple[Wave, Seen]:
    """The messages that were sent, and what a platform sees come of them; `at_s` as `_send` fills it."""
    sent = np.flatnonzero(~np.isnan(at_s[0]))
    if len(sent) < len(wave.due_s):
        wave, at_s = wave.rows(sent), at_s.take(sent, axis=1)
    rows = [np.flatnonzero(moments < np.inf) for moments in at_s]
    return wave, Seen._make(Event(*of) for of in zip(rows, map(np.take, at_s, rows), strict=True))


@njit(cache=True, error_model="numpy")
def _draw(
    key: NDArray[np.uint64],
    purpose: np.uint64,
    customers: NDArray[np.int32],
    numbers: NDArray[np.uint64],
    exposure: NDArray[np.int32],
    turns: NDArray[np.int32],
    word: NDArray[np.uint64],
    drawn: Floats,
) -> None:
    """Four numbers in [0, 1) for each message, (4, messages): `luck`, several rows at a time.

    `word`: room for as many. That every word has 32 bits is said again and again, and the exposures' numbers
    are fetched before, so that the compiler sees that rows can be worked off side by side.
    """
    for row in range(len(customers)):
        word[row] = numbers[np.uintp(exposure[row])] & LOW
    first_left, first_right, replication = key[0], key[1], key[2] & LOW
    deliver, read, respond, leave = drawn[0], drawn[1], drawn[2], drawn[3]
    for row in range(len(customers)):
        a, b = np.uint64(np.uint32(customers[row])), word[row]
        c, d = (np.uint64(np.uint32(turns[row])) << EIGHT | purpose) & LOW, replication
        left, right = first_left, first_right
        for _ in range(ROUNDS):
            first, second = a * FIRST, c * SECOND
            a, b, c, d = (
                ((second >> HALF) ^ b ^ left) & LOW,
                second & LOW,
                ((first >> HALF) ^ d ^ right) & LOW,
                first & LOW,
            )
            left, right = (left + LEFT) & LOW, (right + RIGHT) & LOW
        deliver[row] = np.float32(np.int32(a >> EIGHT)) * UNIT
        read[row] = np.float32(np.int32(b >> EIGHT)) * UNIT
        respond[row] = np.float32(np.int32(c >> EIGHT)) * UNIT
        leave[row] = np.float32(np.int32(d >> EIGHT)) * UNIT


@njit(cache=True, error_model="numpy")
def _turned(u: np.float32, by: np.float32) -> np.float32:
    turned = u + by
    return turned - ONE if turned >= ONE else turned


@njit(cache=True, error_model="numpy")
def _cell(share: np.float32) -> Any:
    return np.uintp(min(int(share * CELLS_F), LAST_CELL))


@njit(cache=True, error_model="numpy")
def _digits(share: np.float32) -> Any:
    spread = share * DIGITS_F
    return spread - np.floor(spread)


@njit(cache=True, error_model="numpy")
def _count(cells: NDArray[np.uint16], bins: NDArray[np.uint8], counts: Ints) -> None:
    """Many at once: one by one the bins would drive the tables of the delays out of the cache."""
    for cell in cells:
        counts[bins[cell]] += 1


@njit(cache=True, error_model="numpy")
def _send(
    key: NDArray[np.uint64],
    horizon_s: float,
    wave: Wave,
    is_over: NDArray[np.bool_],
    day: int,
    account_read: Floats,
    exposures: Columns,
    odds: Odds,
    delays_s: Floats,
    lines: NDArray[np.void],
    opted_out_s: Times,
    rules: Rules,
    tables: Tables,
    found: Found,
    seen_s: Times,
    total: Ints,
    counts: Ints,
) -> None:
    """Works off a wave of one day in order of time: changes crowd and tables, writes the other four.

    `seen_s`: (5, messages), when each was delivered, read, answered, blocked and reported; inf: it was not,
    nan throughout: it was not sent. (5, 0) if nobody asks.
    """
    customers, accounts, due, exposure, turns = wave
    numbers, is_post, _, is_message, is_retry, is_first, _ = exposures
    for_read, after_s, pause_s = rules
    (
        sends, deliveries, day_delivered, day_complaints, day_blocks, delivery_delay, read_delay,
        delivery_bin, read_bin, first_try_s,
    ) = tables  # fmt: skip
    first_s, last_s = first_try_s[0], first_try_s[1]
    word = np.empty(CHUNK, np.uint64)
    cells, arrived, seen = np.empty((2, CHUNK), np.uint16), 0, 0  # of delays that are not counted yet
    drawn, rare = np.empty((4, CHUNK), np.float32), np.empty((4, 1), np.float32)
    bin_, bin_ends_s = np.uintp(0), 0.0  # the latest bin and half hour are most often the next one's, too
    half_hour, half_hour_ends_s = np.uintp(0), 0.0
    day_ends_s = (day + 1) * DAY_S
    is_told = seen_s.shape[1] > 0
    today = np.zeros(len(day_delivered), np.int64)  # close together, unlike a day of the table
    for row in range(len(customers)):
        place = row % CHUNK
        if place == 0:
            _count(cells[0, :arrived], delivery_bin, delivery_delay)
            _count(cells[1, :seen], read_bin, read_delay)
            arrived, seen = 0, 0
            these = slice(row, row + CHUNK)
            _draw(key, DECISIONS, customers[these], numbers, exposure[these], turns[these], word, drawn)
        if row + AHEAD < len(customers):
            fetch(lines, np.uintp(customers[row + AHEAD]))
        who, account, what = lines[np.uintp(customers[row])], np.uintp(accounts[row]), np.uintp(exposure[row])
        at_s = due[row]
        post = is_post[what]
        if not at_s < who.opted_out_s or (post and not at_s < who.left_group_s):
            total[WITHDRAWN] += 1
            if is_told:
                seen_s[:, row] = np.nan
            continue
        total[SENT] += 1
        if not at_s < bin_ends_s:
            bin_ = np.uintp(at_s / BIN_S)
            bin_ends_s = (np.int64(bin_) + 1) * BIN_S
        if not at_s < half_hour_ends_s:
            since = np.int64((at_s + odds.epoch_s) / ATTENTION_S)
            half_hour = np.uintp(since - odds.first_half_hour)
            half_hour_ends_s = (since + 1) * ATTENTION_S - odds.epoch_s
        if not post:
            sends[bin_, is_retry[what], account] += 1
            if numbers[what] == CAMPAIGN:
                first_s, last_s = min(first_s, at_s), max(last_s, at_s)
        elif is_first[what]:
            total[MEMBERS] += 1

        # delivery
        chance = odds.deliver if who.reachable and at_s < who.blocked_s else NONE
        if is_over[row]:
            chance *= odds.deliver_over
        u = drawn[0, place]
        if is_told:
            seen_s[:, row] = np.inf
        if not u < chance:
            found.failed[counts[0]] = row
            counts[0] += 1
            continue
        cell = _cell(u / chance)
        delivered_s = at_s + delays_s[0, cell]
        if is_told:
            seen_s[0, row] = delivered_s
        if delivered_s < horizon_s:
            total[DELIVERED] += 1
            if delivered_s < bin_ends_s:
                deliveries[bin_] += 1
            else:
                deliveries[np.uint64(delivered_s) // BIN] += 1
            if delivered_s < day_ends_s:
                today[account] += 1
            else:
                day_delivered[account, np.uint64(delivered_s) // DAY] += 1
            cells[0, arrived] = cell
            arrived += 1
        else:
            total[IN_TRANSIT] += 1

        # the odds of a read
        remembered = who.memory * odds.fading[day - who.memory_day]
        who.memory, who.memory_day = remembered + odds.weight[what], day
        read = odds.read[what]
        if not read > NONE:
            read = account_read[account]
        read *= odds.attention[who.zone, half_hour]
        opt_out, block, complaint = odds.opt_out[what], odds.block, odds.complaint
        excess = remembered / odds.memory_days - odds.tolerance_per_day
        is_tired = excess > NONE  # who is is no better guess than a coin: no branch
        tired = np.uintp(min(max(excess, NONE) * TIRED_F, TIRED_LAST))
        tired_leave = odds.tired_leave[tired] if is_tired else ONE
        read *= odds.tired_read[tired] if is_tired else ONE
        opt_out *= tired_leave
        block *= tired_leave
        own = who.pull
        read *= own
        share = drawn[1, place] * (ONE + read)
        is_read = share < read
        read_s = np.inf
        if is_read:
            cell = _cell(share / read)
            read_s = delivered_s + delays_s[1, cell]
            if is_told:
                seen_s[1, row] = read_s
            if read_s < horizon_s:
                total[READ] += 1
                cells[1, seen] = cell
                seen += 1
            if post and who.active_day < day:
                who.active_day = day
                total[ACTIVE] += 1
        if is_message[what]:
            for rule in range(len(for_read)):
                if for_read[rule] and not read_s <= delivered_s + after_s[rule]:
                    over_s = delivered_s + after_s[rule]
                    if over_s - who.triggered_s[rule] >= pause_s[rule]:
                        who.triggered_s[rule] = over_s
                        found.begun[rule, counts[3 + rule]] = row
                        found.begun_s[rule, counts[3 + rule]] = over_s
                        counts[3 + rule] += 1
        if not is_read:
            continue

        # what a reader does: all that is rare
        u = drawn[2, place]
        further = False
        wait, value = NONE, NONE
        click = own * odds.click
        share = u * (ONE + click)
        if share < click:
            share /= click
            clicked_s = read_s + delays_s[2, _cell(_digits(share))]
            if clicked_s < horizon_s:
                total[CLICKED] += 1
            order = odds.order[what]
            order *= who.price_odds
            order *= odds.order_buying if at_s < who.lapsed_s else odds.order_lapsed
            order *= own
            order_s = np.inf
            if share * (ONE + order) < order:
                these = slice(row, row + 1)
                _draw(key, RARE, customers[these], numbers, exposure[these], turns[these], word, rare)
                wait, value, further = rare[0, 0], rare[1, 0], True
                order_s = clicked_s + delays_s[3, _cell(wait)]
                if order_s < horizon_s:
                    total[ORDERED] += 1
                    who.ordered = True
                found.ordered[counts[2]], found.ordered_s[counts[2]] = row, order_s
                found.order_value[counts[2]] = value
                counts[2] += 1
            if is_message[what] or post:
                for rule in range(len(for_read)):
                    if not for_read[rule] and not order_s <= clicked_s + after_s[rule]:
                        over_s = clicked_s + after_s[rule]
                        if over_s - who.triggered_s[rule] >= pause_s[rule]:
                            who.triggered_s[rule] = over_s
                            found.begun[rule, counts[3 + rule]] = row
                            found.begun_s[rule, counts[3 + rule]] = over_s
                            counts[3 + rule] += 1
        reply = own * odds.reply[what]
        share = _turned(u, REPLY_F) * (ONE + reply)
        if share < reply:
            replied_s = read_s + delays_s[2, _cell(_digits(share / reply))]
            if replied_s < horizon_s:
                total[REPLIED] += 1
            if is_told:
                seen_s[2, row] = replied_s
            found.replied[counts[1]], found.replied_s[counts[1]] = row, replied_s
            counts[1] += 1
        if who.unasked:
            block *= odds.unasked
            complaint *= odds.unasked
        u = drawn[3, place]
        leaves = u * (ONE + opt_out) < opt_out
        blocks = _turned(u, BLOCK_F) * (ONE + block) < block
        complains = _turned(u, COMPLAINT_F) * (ONE + complaint) < complaint
        if not (leaves or blocks or complains):
            continue
        if not further:
            these = slice(row, row + 1)
            _draw(key, RARE, customers[these], numbers, exposure[these], turns[these], word, rare)
            wait = rare[0, 0]
        left_s = read_s + delays_s[2, _cell(wait)]
        in_time = left_s < horizon_s
        if is_told:
            if blocks:
                seen_s[3, row] = left_s
            if complains:
                seen_s[4, row] = left_s
        left_day = np.int64(left_s / DAY_S)
        if leaves:
            if post:
                who.left_group_s = min(who.left_group_s, left_s)
            else:
                who.opted_out_s = min(who.opted_out_s, left_s)
                opted_out_s[np.uintp(customers[row])] = who.opted_out_s
            total[OPTED_OUT] += in_time
        if blocks:
            who.blocked_s = min(who.blocked_s, left_s)
            if in_time:
                total[BLOCKED] += 1
                day_blocks[account, left_day] += 1
        if complains and in_time:
            total[COMPLAINED] += 1
            day_complaints[account, left_day] += 1
    _count(cells[0, :arrived], delivery_bin, delivery_delay)
    _count(cells[1, :seen], read_bin, read_delay)
    day_delivered[:, day] += today
    first_try_s[0], first_try_s[1] = first_s, last_s
