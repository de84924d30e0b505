import io
from pathlib import Path

import pytest

from scenarios import make_contacts
from scenarios.contacts import contacts_of, e164, read_contacts, size_note
from scenarios.errors import InputError
from scenarios.languages import language_of
from scenarios.loading import load

HEADER = "phone,name,timezone,tags,consent,voucher\n"
GOOD = "+14155550100,Ada,Europe/London,vip; bought,yes,TANK-1\n"


def file(folder: Path, text: str) -> Path:
    path = folder / "contacts.csv"
    path.write_text(text, encoding="utf-8")
    return path


def message_of(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_contacts(path)
    return str(caught.value)


def test_a_row_becomes_a_contact(tmp_path: Path) -> None:
    (contact,) = read_contacts(file(tmp_path, HEADER + GOOD))
    assert contact.e164 == "+14155550100"
    assert contact.tags == {"vip", "bought"}
    assert contact.consent
    assert contact.variables == {"name": "Ada", "voucher": "TANK-1"}


@pytest.mark.parametrize(
    "number", ["+1415555", "1415555O100", "+99912345678", "", "hello", "+1415555010012345"]
)
def test_malformed_numbers_are_none_not_errors(number: str) -> None:
    assert e164(number) is None


@pytest.mark.parametrize("number", ["+14155550100", "14155550100", " +1 (415) 555-0100 "])
def test_numbers_are_normalised_to_e164(number: str) -> None:
    assert e164(number) == "+14155550100"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "phone,name,time_zone,tags,consent\n",
            "line 1: column 'timezone' is missing; did you mean 'time_zone'?",
        ),
        (HEADER, "holds no contacts"),
        ("", "line 1: column 'phone' is missing"),
        (HEADER.replace(",", "\t"), "column 'phone' is missing; columns are separated by commas, not tabs"),
        (HEADER.replace("voucher", "name"), "line 1: column 'name' stands twice; leave one of them out"),
        (HEADER + GOOD + "+14155550101,Bo\n", "line 3: found 2 cells; the header has 6 columns"),
        (HEADER + GOOD.replace("yes", "maybe"), "line 2: consent: found 'maybe'; must be yes or no"),
        (HEADER + GOOD.replace("London", "Londn"), "line 2: timezone: found 'Europe/Londn'"),
        (HEADER + GOOD.replace("Europe/London", ""), "line 2: timezone: found ''"),
    ],
)
def test_a_malformed_row_names_file_line_and_column(tmp_path: Path, text: str, expected: str) -> None:
    message = message_of(file(tmp_path, text))
    assert message.startswith("contacts.csv: ")
    assert expected in message


def test_a_file_that_is_not_utf8_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "contacts.csv"
    path.write_bytes(HEADER.encode() + b"\xff\xfe")
    assert "not UTF-8 text" in message_of(path)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    assert message_of(tmp_path / "none.csv").endswith("none.csv: cannot be read: No such file or directory")


def test_the_shipped_file_is_what_its_maker_makes() -> None:
    made = io.StringIO()
    make_contacts.write(made)
    assert load("bulk_send").contacts_path.read_text(encoding="utf-8") == made.getvalue()


def test_the_shipped_file_has_ten_thousand_rows_and_8_percent_malformed_numbers() -> None:
    contacts = contacts_of(load("bulk_send"))
    assert len(contacts) == 10_000
    assert sum(contact.e164 is None for contact in contacts) == 800
    valid = [contact.e164 for contact in contacts if contact.e164]
    assert len(set(valid)) == len(valid)
    assert len({contact.timezone for contact in contacts}) >= 5
    assert len(set().union(*(contact.tags for contact in contacts))) >= 5


def test_a_template_variable_without_a_column_is_refused() -> None:
    with pytest.raises(InputError, match=r"variable \{vouchr\} is no column .*; did you mean 'voucher'\?"):
        contacts_of(load("bulk_send", ["campaign.template=Hi {vouchr}"]))


@pytest.mark.parametrize(
    ("population", "settings", "expected"),
    [
        (
            'contacts = "contacts.csv"',
            [],
            "10,000 customers by bulk_send.toml, not by contacts.csv: its 1 rows are drawn",
        ),
        ('contacts = "contacts.csv"\nsize = 5', [], None),
        ('contacts = "contacts.csv"', ["population.size=7"], None),
        ("size = 20_000", [], None),
        ("", ["population.size=3"], None),
    ],
)
def test_whose_number_of_customers_counts_is_said_where_it_is_not_the_files(
    tmp_path: Path, population: str, settings: list[str], expected: str | None
) -> None:
    file(tmp_path, HEADER + GOOD)
    child = tmp_path / "child.toml"
    child.write_text(f'extends = "bulk_send"\n[population]\n{population}\n', encoding="utf-8")
    note = size_note(load(str(child), settings))
    assert note == expected if expected is None else expected in str(note)


def test_a_longer_file_than_customers_is_said(tmp_path: Path) -> None:
    rows = "".join(GOOD.replace("0100", f"{row:04d}") for row in range(10_001))
    contacts = file(tmp_path, HEADER + rows)
    note = size_note(load("bulk_send", [f"population.contacts={contacts}"]))
    assert "of its 10,001 rows the first are taken; for as many as it has, set population.size=10001" in str(
        note
    )


@pytest.mark.parametrize(
    ("number", "language"),
    [("+14155550100", "en"), ("+5511912345678", "pt"), ("+351912345678", "pt"), ("+33199000000", "fr")],
)
def test_a_language_is_that_of_the_phones_country(number: str, language: str) -> None:
    assert language_of(number) == language


def test_segment_and_language_are_optional_columns(tmp_path: Path) -> None:
    header = HEADER.replace("voucher", "segment,language")
    first, second = read_contacts(
        file(tmp_path, header + GOOD.replace("TANK-1", "vip,pt-BR") + GOOD.replace("TANK-1", "new,"))
    )
    assert (first.segment, first.language) == ("vip", "pt-br")
    assert (second.segment, second.language) == ("new", "en")
    assert first.variables["segment"] == "vip"


@pytest.mark.parametrize(
    ("cells", "expected"),
    [(",en", "line 2: segment: is empty"), ("vip,English!", "line 2: language: found 'English!'")],
)
def test_a_malformed_optional_cell_is_named(tmp_path: Path, cells: str, expected: str) -> None:
    header = HEADER.replace("voucher", "segment,language")
    assert expected in message_of(file(tmp_path, header + GOOD.replace("TANK-1", cells)))
