"""Between what a business plans and what leaves: room under its messaging limit, and refusals.

The sender keeps to what it knows: it counts its users of a day, hears of restrictions, waits as long as an
error code says. What the platform decides is in `simulator.engine.platform`.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from server.network.errors import CODES, MARKETING_CAPPED
from simulator.engine.crowd import Crowd
from simulator.engine.exposures import LAST, Exposures
from simulator.engine.pending import Held, Pending, Wanted
from simulator.engine.platform import Platform
from simulator.engine.sender import Sender
from simulator.engine.tally import Tally
from simulator.sending.network import DAY_S
from simulator.sending.standing import Codes
from simulator.sending.waves import Wave, by_bin

ENDS = [code for code, row in CODES.items() if row.retry == "no"]
NEXT_DAY = [code for code, row in CODES.items() if row.retry == "day"]  # with all others the message waits


def _untold(_wave: Wave, _codes: Codes) -> None:
    """Nobody asks."""


class Gate(NamedTuple):
    """Of one replication. `retry_after_s`: before a failed message is tried again; `held`: without room.

    `tell` hears of every refusal.
    """

    platform: Platform
    crowd: Crowd
    exposures: Exposures
    sender: Sender
    tally: Tally
    pending: Pending
    retry_after_s: float
    held: Held
    tell: Callable[[Wave, Codes], None] = _untold

    def offered(self, wanted: Wanted, now_s: float, queued: int) -> Wanted:
        """What may be planned now, in the order of offers; the rest waits. `queued`: planned already."""
        self.held.add(wanted)
        return self.held.take(self.platform.room(now_s) - queued)

    def admitted(self, wave: Wave) -> Iterator[Wave]:
        """What the platform lets through, bin by bin: what comes of one it knows in the next."""
        for part in by_bin(wave):
            stays = np.flatnonzero(part.due_s < self.crowd.opted_out_s[part.customer])
            codes = np.zeros(len(part.due_s), np.int32)  # who has left is withdrawn when it leaves
            if len(stays):
                codes[stays] = self.platform.admit(part.rows(stays))
            refused = np.flatnonzero(codes)
            if len(refused):
                self._refused(part.rows(refused), codes[refused])
            if len(refused) < len(codes):
                yield part.rows(np.flatnonzero(codes == 0))

    def _refused(self, wave: Wave, codes: Codes) -> None:
        """By the code it has ended, is tried again the next day at the earliest, or waits for room."""
        self.tell(wave, codes)
        self.sender.move(wave.customer, wave.due_s)
        again = self.exposures.next_try.take(wave.exposure)
        next_day, ended = np.isin(codes, NEXT_DAY), np.isin(codes, ENDS)
        wanted = Wanted(wave.customer, wave.exposure, wave.turn)
        tried = np.flatnonzero(next_day & (again != LAST))
        self.pending.add(
            wanted.rows(tried)._replace(exposure=again[tried]),
            wave.due_s[tried] + max(self.retry_after_s, DAY_S),
        )
        self.held.add(wanted.rows(np.flatnonzero(~next_day & ~ended)))
        total = self.tally.total
        total["messages_refused"] += len(codes)
        total["messages_capped"] += int(np.count_nonzero(codes == MARKETING_CAPPED))
        total["ended_refused"] += int(np.count_nonzero(ended | (next_day & (again == LAST))))
