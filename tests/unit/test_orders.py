from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from scenarios.errors import InputError
from scenarios.orders import Money, Order, read_orders

START = datetime(2026, 12, 1, 14, tzinfo=UTC)
USD = Money("USD", 1.0)
CONTACTS = (
    "phone,name,timezone,tags,consent,customer\n"
    "+14155550100,Ada,America/New_York,bought,yes,a1\n"
    "+33199000000,Bo,Europe/Paris,bought,yes,b2\n"
    "+14155550100,Ada again,America/New_York,,yes,a3\n"
)


def orders(
    folder: Path, text: str | bytes, contacts: str = CONTACTS, money: Money = USD
) -> tuple[Order, ...]:
    (folder / "contacts.csv").write_text(contacts, encoding="utf-8")
    data = text.encode() if isinstance(text, str) else text
    (folder / "orders.csv").write_bytes(data)
    return read_orders(folder / "orders.csv", folder / "contacts.csv", START, money)


def test_orders_are_joined_by_customer_id(tmp_path: Path) -> None:
    found = orders(tmp_path, "customer,date,value\nb2,2026-03-31T17:05,12.50\na3,2026-04-01T23:30:00Z,0\n")
    assert found[0] == Order(1, date(2026, 3, 31), datetime(2026, 3, 31, 15, 5, tzinfo=UTC).timestamp(), 12.5)
    assert found[1] == Order(2, date(2026, 4, 1), datetime(2026, 4, 1, 23, 30, tzinfo=UTC).timestamp(), 0.0)


def test_a_number_however_written_is_the_first_contact_that_has_it(tmp_path: Path) -> None:
    found = orders(tmp_path, "phone,date,value\n+1 415 555-0100,2026-03-31,5\n")
    assert found[0].row == 0


def test_a_day_is_the_customers_own(tmp_path: Path) -> None:
    found = orders(tmp_path, "customer,date,value\na1,2026-04-01T02:00:00+00:00,5\n")
    assert found[0].day == date(2026, 3, 31)


def test_values_become_usd(tmp_path: Path) -> None:
    text = "customer,date,value,currency\na1,2026-03-31,71,CNY\na1,2026-03-31,71,usd\na1,2026-03-31,71,\n"
    assert [order.usd for order in orders(tmp_path, text, money=Money("CNY", 7.1))] == pytest.approx(
        [10, 71, 10]
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("customer,value\na1,5\n", "orders.csv: line 1: column 'date' is missing"),
        ("date,value\n2026-03-31,5\n", "orders.csv: line 1: column 'customer' or 'phone' is missing"),
        ("customer,date,value\n", "orders.csv: holds no orders"),
        ("customer,date,value\na1,2026-03-31\n", "orders.csv: line 2: found 2 cells"),
        (
            "customer,date,value\n\na9,2026-03-31,5\n",
            "line 3: customer: found 'a9', which is no contact of contacts.csv",
        ),
        ("phone,date,value\n+4930123,2026-03-31,5\n", "line 2: phone: found '+4930123', which is no contact"),
        ("customer,date,value\na1,31.03.2026,5\n", "line 2: date: found '31.03.2026'; must be ISO 8601"),
        ("customer,date,value\na1,0001-01-01T00:00:00Z,5\n", "line 2: date: found '0001-01-01T00:00:00Z'"),
        ("customer,date,value\na1,,5\n", "line 2: date: found ''"),
        (
            "customer,date,value\na1,2027-03-31,5\n",
            "line 2: date: found '2027-03-31', after experiment.start",
        ),
        ("customer,date,value\na1,2026-03-31,-5\n", "line 2: value: found '-5'; must be a number >= 0"),
        ("customer,date,value\na1,2026-03-31,5 USD\n", "line 2: value: found '5 USD'"),
        ("customer,date,value\na1,2026-03-31,nan\n", "line 2: value: found 'nan'"),
        (
            "customer,date,value\na1,2026-03-31,1e300\n",
            "line 2: value: found '1e300'; must be at most 1,000,000",
        ),
        (
            "customer,date,value\na1,1026-03-31,5\n",
            "line 2: date: found '1026-03-31'; must not be before 1970",
        ),
        ("customer,date,date,value\na1,2026-03-31,,5\n", "line 1: column 'date' stands twice; leave one"),
        (
            "customer;date;value\na1;2026-03-31;5\n",
            "is missing; columns are separated by commas, not semicolons",
        ),
        ("customer,date,value,currency\na1,2026-03-31,5,EUR\n", "line 2: currency: found 'EUR'; must be USD"),
        (b"customer,date,value\na1,2026-03-31,5\xff\n", "orders.csv: not UTF-8 text at byte"),
        (b"\x00", "orders.csv: "),
    ],
)
def test_a_broken_row_is_named_by_file_line_and_column(
    tmp_path: Path, text: str | bytes, expected: str
) -> None:
    with pytest.raises(InputError) as caught:
        orders(tmp_path, text)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_contacts_need_the_ids_and_only_once(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"contacts.csv: customer: 'b2' stands twice"):
        orders(tmp_path, "customer,date,value\nb2,2026-03-31,5\n", CONTACTS.replace("a3", "b2"))


def test_contacts_without_ids_cannot_be_named_by_them(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(InputError, match=r"contacts.csv: line 1: column 'customer' is missing"):
        orders(other, "customer,date,value\nb2,2026-03-31,5\n", CONTACTS.replace("customer", "club"))
