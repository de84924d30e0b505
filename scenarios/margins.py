"""What a price cut leaves of the gross margin."""

OFFER = 0.15  # the shipped text's discount, at which costs.gross_margin and funnel.order are stated


def order_margin(gross_margin: float, discount: float) -> float:
    """Gross profit over revenue of orders that messages bring, where these offer `discount` (0 to below 1).

    The goods cost what they cost: an order worth 1 at OFFER costs 1 - gross_margin, and is worth
    (1 - discount) / (1 - OFFER). Negative where it is sold below cost.
    """
    return gross_margin - (1 - gross_margin) * (discount - OFFER) / (1 - discount)
