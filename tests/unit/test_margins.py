import pytest

from scenarios.loading import load
from scenarios.margins import OFFER, order_margin
from scenarios.variants import variants_of
from simulator.compare import compare
from simulator.run import simulate

SMALL = ["population.size=1000", "experiment.replications=3", "funnel.order=0.5"]


def test_the_margin_is_as_stated_at_the_shipped_offer() -> None:
    assert order_margin(0.3, OFFER) == 0.3
    assert load("bulk_send").scenario.campaign.discount == OFFER


@pytest.mark.parametrize("discount", [0.0, 0.1, 0.3, 0.405, 0.9])
@pytest.mark.parametrize("margin", [0.0, 0.3, 1.0])
def test_goods_cost_what_they_cost_whatever_the_price(margin: float, discount: float) -> None:
    price = (1 - discount) / (1 - OFFER)
    assert price * (1 - order_margin(margin, discount)) == pytest.approx(1 - margin)


def test_a_deeper_offer_brings_more_orders_and_less_profit() -> None:
    base = load("bulk_send", SMALL)
    deeper = compare(base, variants_of(base, ["deep:campaign.discount=0.3"], [], SMALL)).variants["deep"]
    assert deeper.differences["orders"].low > 0
    assert deeper.differences["roi"].high < 0


def test_selling_below_cost_is_a_loss_with_its_interval() -> None:
    roi = simulate(load("bulk_send", [*SMALL, "campaign.discount=0.6"])).kpis["roi"]
    assert roi.low < roi.value < roi.high < 0
