import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import URL

from scenarios.errors import InputError
from server.store.opening import place_of
from server.store.sqlite import check, hold


def test_a_path_and_a_url_name_the_same_file() -> None:
    assert place_of("a/b.db") == place_of("sqlite:///a/b.db") == Path("a/b.db")
    assert place_of("sqlite:////a/b.db") == Path("/a/b.db")


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg", "postgres"])
def test_any_url_of_postgresql_names_a_database_there(scheme: str) -> None:
    place = place_of(f"{scheme}://u:secret@h:5433/d")
    assert isinstance(place, URL)
    assert (place.drivername, place.host, place.port, place.database) == (
        "postgresql+psycopg",
        "h",
        5433,
        "d",
    )


@pytest.mark.parametrize("db", ["mysql://u:secret@h/d", "sqlite://", "sqlite:///:memory:", "no url://"])
def test_what_is_no_database_is_refused_without_showing_a_password(db: str) -> None:
    with pytest.raises(InputError, match="--db") as caught:
        place_of(db)
    assert "secret" not in str(caught.value)


def test_a_database_of_another_make_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "theirs.db"
    with sqlite3.connect(path) as theirs:
        theirs.execute("CREATE TABLE recipes (name)")
    theirs.close()
    before = path.read_bytes()
    with pytest.raises(InputError, match="not a Wavetank database"):
        check(path)
    assert path.read_bytes() == before


def test_a_file_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    with hold(tmp_path / "a.db"), pytest.raises(InputError, match="another server"):
        hold(tmp_path / "a.db")
    hold(tmp_path / "a.db").close()
