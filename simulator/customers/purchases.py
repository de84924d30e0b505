"""Repeat purchases: the BG/NBD model of Fader, Hardie & Lee (2005), Marketing Science 24(2):275-284.

While active, a customer buys at random at a rate drawn from Gamma(r, alpha); after each repeat purchase the
customer becomes inactive with a probability drawn from Beta(a, b). Recency, frequency and money emerge from
these two. The unit of time is the caller's and the same throughout (the paper's: weeks).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln, expit, gammaln, hyp2f1, psi

from scenarios.errors import InputError
from simulator.statistics.streams import Purpose, blocks, stream
from simulator.statistics.sums import dot

EXACT = {"ftol": 1e-15, "gtol": 1e-9, "maxiter": 10_000, "maxfun": 10_000}  # of the mean log-likelihood
FLAT = 1e-6  # its slope at a maximum, by the logs of the parameters
FARTHEST = 12.0  # log of a parameter beyond which there is no maximum

Floats = NDArray[np.float64]


class Bgnbd(NamedTuple):
    """The population: all four > 0; `alpha` in the unit of time, the others without unit."""

    r: float
    alpha: float
    a: float
    b: float


class History(NamedTuple):
    """What a fit needs of each customer, arrays of equal length."""

    frequency: Floats  # repeat purchases, whole numbers of 0 or more
    recency: Floats  # from the first purchase to the last; 0 without a repeat
    age: Floats  # from the first purchase to the end of the observation, >= recency


class Fit(NamedTuple):
    parameters: Bgnbd
    log_likelihood: float


class Purchases(NamedTuple):
    """Repeat purchases of a population, in no particular order: arrays of equal length."""

    customer: NDArray[np.int64]
    at: Floats  # from the start of the observation


def log_likelihood(parameters: Bgnbd, history: History) -> float:
    """Of all customers together; equation 6 of the paper, in logarithms."""
    return _log_likelihood(parameters, _sorted(history))[0]


class _Sorted(NamedTuple):
    """Customers by frequency, so that what depends on it alone is worked out once for each."""

    frequencies: Floats  # the different ones
    customers: NDArray[np.int64]  # with each
    x: Floats
    age: Floats
    repeaters: slice
    recency: Floats  # of the repeaters


def _sorted(history: History) -> _Sorted:
    order = np.argsort(history.frequency, kind="stable")
    x, recency, age = (column[order] for column in history)
    frequencies, customers = np.unique(x, return_counts=True)
    repeaters = slice(int(np.count_nonzero(x == 0)), None)
    return _Sorted(frequencies, customers, x, age, repeaters, recency[repeaters])


def _log_likelihood(parameters: Bgnbd, seen: _Sorted) -> tuple[float, Floats]:
    """And its gradient.

    The term of the active is taken out; the ratio of the other one to it has the logarithm `gone`, since
    B(a + 1, b + x - 1) / B(a, b + x) is a / (b + x - 1).
    """
    r, alpha, a, b = parameters
    f, customers, x = seen.frequencies, seen.customers, seen.x[seen.repeaters]
    age, recent = alpha + seen.age, alpha + seen.recency
    log_age = np.log(age)
    later = log_age[seen.repeaters] - np.log(recent)
    gone = np.log(a / (b + x - 1)) + (r + x) * later
    each = gammaln(r + f) - gammaln(r) + betaln(a, b + f) - betaln(a, b) + r * np.log(alpha)
    total = dot(customers, each) - dot(r + seen.x, log_age) + np.sum(np.logaddexp(0.0, gone))
    left = expit(gone)
    both = psi(a + b) - psi(a + b + f)
    gradient = (
        dot(customers, psi(r + f) - psi(r) + np.log(alpha)) - log_age.sum() + dot(left, later),
        customers.sum() * r / alpha
        - np.sum((r + seen.x) / age)
        + dot(left, (r + x) * (1 / age[seen.repeaters] - 1 / recent)),
        dot(customers, both) + left.sum() / a,
        dot(customers, psi(b + f) - psi(b) + both) - np.sum(left / (b + x - 1)),
    )
    return float(total), np.array(gradient)


def fit(history: History) -> Fit:
    """Maximum likelihood, started at the moments of an even population.

    Raises InputError if the columns cannot be a history, nobody bought again, or no maximum is found (the
    likelihood has none if, say, nobody ever stops).
    """
    from scipy.optimize import minimize  # takes longer to load than most scenarios need, and few fit

    _check(history)
    seen = _sorted(history)
    scale = float(history.age.mean())  # time in units near 1, so that one step suits all four

    def parameters(logs: Floats) -> Bgnbd:
        r, alpha, a, b = np.exp(logs).tolist()
        return Bgnbd(r, alpha * scale, a, b)

    def loss(logs: Floats) -> tuple[float, Floats]:
        """Of the mean customer, with its gradient."""
        at = parameters(logs)
        total, gradient = _log_likelihood(at, seen)
        return -total / len(seen.x), -gradient * np.array(at) / len(seen.x)

    best = minimize(
        loss, np.zeros(4), jac=True, method="L-BFGS-B", options=EXACT, bounds=[(-FARTHEST, FARTHEST)] * 4
    )
    if np.abs(best.jac).max() > FLAT or np.abs(best.x).max() > FARTHEST - 1:
        raise InputError(
            f"purchases: the BG/NBD likelihood has no maximum on these customers{_tendency(best.x)}; "
            "give more of them or longer histories"
        )
    found = parameters(best.x)
    return Fit(found, _log_likelihood(found, seen)[0])


def _tendency(logs: Floats) -> str:
    """What the logs of r, alpha, a and b, run to their bounds, say of the customers."""
    r, _, a, b = logs.tolist()
    signs = (r, "they buy at rates too much alike"), (b - a, "nobody seems to stop buying")
    seen = [words for size, words in signs if size > FARTHEST / 2]
    return f" ({' and '.join(seen)})" if seen else ""


def expected_repeats(parameters: Bgnbd, age: Floats) -> Floats:
    """Expected repeat purchases of a customer `age` (>= 0) after the first one; equation 9; `a` is not 1."""
    r, alpha, a, b = parameters
    age = np.asarray(age, np.float64)
    power = (alpha / (alpha + age)) ** r * hyp2f1(r, b, a + b - 1, age / (alpha + age))
    return np.asarray((a + b - 1) / (a - 1) * (1 - power))


def expected_cumulative(parameters: Bgnbd, first: Floats, at: Floats) -> Floats:
    """Expected repeat purchases of a population up to each time of `at`; `first`: when each customer came."""
    age = np.maximum(at[:, None] - first, 0.0)
    known, where = np.unique(age, return_inverse=True)
    return np.asarray(expected_repeats(parameters, known)[where].reshape(age.shape).sum(axis=1))


def probability_active(parameters: Bgnbd, history: History) -> Floats:
    """That each customer has not yet left, given the own purchases.

    Fader, Hardie & Lee (2008), "Computing P(alive) using the BG/NBD model"; 1 for those without a repeat,
    since nobody leaves before one.
    """
    r, alpha, a, b = parameters
    x, recency, age = history
    gone = a / (b + np.maximum(x, 1) - 1) * ((alpha + age) / (alpha + recency)) ** (r + x)
    return np.where(x > 0, 1 / (1 + gone), 1.0)


def expected_next(parameters: Bgnbd, history: History, ahead: float) -> Floats:
    """Expected purchases of each customer within `ahead` (>= 0) from now, given the own purchases.

    Equation 10 of the paper, with its last factor the probability of being active.
    """
    r, alpha, a, b = parameters
    x, _, age = history
    now = alpha + age
    power = (now / (now + ahead)) ** (r + x) * hyp2f1(r + x, b + x, a + b + x - 1, ahead / (now + ahead))
    active = probability_active(parameters, history)
    return np.asarray((a + b + x - 1) / (a - 1) * (1 - power) * active)


def simulate(parameters: Bgnbd, first: Floats, horizon: float, seed: int, replication: int) -> Purchases:
    """Repeat purchases before `horizon` of customers whose first purchase is at `first` (customers,).

    A purchase's luck depends on its customer and number alone: a longer horizon adds purchases and changes
    none, and a larger population begins with the smaller one.
    """
    found = [
        purchases
        for number, rows in blocks(len(first))
        for purchases in _block(parameters, first[rows], horizon, (seed, replication, number), rows.start)
    ]
    customer, at = zip(*found, strict=True) if found else ((), ())
    return Purchases(np.concatenate([np.empty(0, np.int64), *customer]), np.concatenate([np.empty(0), *at]))


def _block(
    parameters: Bgnbd, first: Floats, horizon: float, key: tuple[int, int, int], offset: int
) -> list[tuple[NDArray[np.int64], Floats]]:
    """Round after round, everybody who is still active buys once more."""
    seed, replication, block = key
    size = len(first)

    def drawn(purpose: Purpose, number: int = 0) -> np.random.Generator:
        return stream(seed, replication, purpose, block, number)

    rate = drawn(Purpose.PURCHASE_RATE).standard_gamma(parameters.r, size) / parameters.alpha
    gap = 1 / np.maximum(rate, np.finfo(np.float64).tiny)  # a shape far below 1 draws zeros
    dropout = drawn(Purpose.DROPOUT).beta(parameters.a, parameters.b, size)
    who, at = np.arange(size), first
    rounds: list[tuple[NDArray[np.int64], Floats]] = []
    while len(who):
        number = len(rounds)
        at = at + gap[who] * drawn(Purpose.PURCHASE, number).standard_exponential(size)[who]
        who, at = who[at < horizon], at[at < horizon]
        rounds.append((who + offset, at))
        stays = drawn(Purpose.STAY, number).random(size)[who] >= dropout[who]
        who, at = who[stays], at[stays]
    return rounds


def _check(history: History) -> None:
    x, recency, age = history
    if not (len(x) == len(recency) == len(age) and len(x)):
        raise InputError("purchases: frequency, recency and age must be equally long and not empty")
    whole = np.isfinite(x) & (x >= 0) & (x == np.floor(x))
    ordered = np.isfinite(age) & (recency >= 0) & (recency <= age) & (age > 0) & ((x > 0) | (recency == 0))
    wrong = np.flatnonzero(~(whole & ordered))
    if len(wrong):
        row = int(wrong[0])
        raise InputError(
            f"purchases: row {row} has frequency {x[row]:g}, recency {recency[row]:g}, age {age[row]:g}; "
            "needed: whole frequency >= 0, 0 <= recency <= age, age > 0, no recency without a repeat"
        )
    if not np.any(x > 0):
        raise InputError(
            "purchases: no customer bought again, so nothing can be fitted; give longer histories"
        )
