import numpy as np
import pytest

from simulator.customers.order_values import ValueFit, fit, own

TRUE = ValueFit(mean_log_usd=4.0, between_log_sd=0.5, within_log_sd=0.3)


def drawn(customers: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Orders of customers with 1 to 5 each: whose, log value, and each customer's own part."""
    luck = np.random.default_rng(seed)
    part = luck.normal(0, TRUE.between_log_sd, customers)
    customer = np.repeat(np.arange(customers), luck.integers(1, 6, customers))
    return (
        customer,
        TRUE.mean_log_usd + part[customer] + luck.normal(0, TRUE.within_log_sd, len(customer)),
        part,
    )


def test_a_fit_finds_what_was_put_in() -> None:
    fits = np.array([fit(*drawn(500, seed)[:2]) for seed in range(100)])
    error = fits.std(axis=0, ddof=1) / 10
    assert np.all(np.abs(fits.mean(axis=0) - TRUE) < 4 * error + 1e-3)  # square roots bias by 1e-3


def test_equal_groups_give_the_textbook_components() -> None:
    """Two customers with two orders: within 0.5, between ((3 - 1) ** 2 / 2 * 2 - 0.5) / 2."""
    found = fit(np.array([0, 0, 1, 1]), np.array([0.5, 1.5, 2.5, 3.5]))
    assert found == pytest.approx((2.0, 1.75**0.5, 0.5**0.5))


def test_no_spread_between_customers_is_zero_not_negative() -> None:
    found = fit(np.array([0, 0, 1, 1]), np.array([1.0, 2.0, 1.0, 2.0]))
    assert found.between_log_sd == 0
    assert own(found, np.array([0]), np.array([9.0]), 1).mean[0] == 0


def test_own_parts_are_unbiased_and_as_sure_as_they_say() -> None:
    customer, values, part = drawn(20_000)
    found = own(TRUE, customer, values, 20_000)
    standard = (part - found.mean) / found.sd
    assert standard.mean() == pytest.approx(0, abs=4 / 20_000**0.5)
    assert standard.std() == pytest.approx(1, abs=0.02)


def test_without_an_order_the_own_part_is_the_populations() -> None:
    found = own(TRUE, np.array([0]), np.array([4.5]), 2)
    assert found.mean[1] == 0
    assert found.sd.tolist() == pytest.approx([(0.25 * 0.09 / 0.34) ** 0.5, 0.5])
