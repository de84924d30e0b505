from pathlib import Path

import pytest
from msgspec import UNSET

from scenarios import kpis
from scenarios.content import renderer, variables_of
from scenarios.errors import InputError
from scenarios.result import Kpi, OwnCurrency, Result, encode, in_own_currency, kpi, read, write
from scenarios.schema import ServiceLevels
from scenarios.service_levels import BOUNDS, judge


def a_result() -> Result:
    return Result(
        kind="load",
        scenario="bulk_send",
        seed=1,
        replications=1,
        horizon_s=30.0,
        kpis={"error_rate": kpi("error_rate", 0.001), "orders": kpi("orders", 5.0, 4.0, 6.0)},
    )


def test_a_result_survives_the_disk(tmp_path: Path) -> None:
    path = write(a_result(), tmp_path / "new" / "folder")
    assert read(path) == a_result()
    assert read(path.parent) == a_result()
    assert [file.name for file in path.parent.iterdir()] == ["result.json"]


def test_a_full_disk_leaves_the_result_before_and_no_part_of_the_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(a_result(), tmp_path)
    before, whole = path.read_bytes(), Path.write_bytes

    def full(self: Path, content: bytes) -> int:
        whole(self, content[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InputError, match=r"result.json: cannot be written: No space left on device\Z"):
        write(a_result(), tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["result.json"]
    assert path.read_bytes() == before


def test_encoding_is_the_same_every_time() -> None:
    assert encode(a_result()) == encode(a_result())


def test_a_kpi_without_a_definition_is_a_bug() -> None:
    with pytest.raises(KeyError):
        kpi("happiness", 1.0)


@pytest.mark.parametrize("text", ["{}", "nonsense", '{"kind": "dream"}'])
def test_a_file_that_is_no_result_is_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "result.json"
    path.write_text(text)
    with pytest.raises(InputError, match="is not a result document"):
        read(path)


def test_a_missing_result_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"result\.json: cannot be read"):
        read(tmp_path)


def test_every_service_level_bounds_a_defined_kpi() -> None:
    assert set(BOUNDS) == set(ServiceLevels.__struct_fields__)
    assert all(name in kpis.UNITS for name, _ in BOUNDS.values())


def test_service_levels_are_judged_where_the_kpi_exists() -> None:
    levels = ServiceLevels(error_rate_max=0.01, delivery_rate_min=0.9)
    good, bad = judge(levels, {"error_rate": Kpi(0.01, 0, 0, ""), "delivery_rate": Kpi(0.89, 0, 1, "")})[::-1]
    assert (good.kpi, good.met) == ("error_rate", True)
    assert (bad.kpi, bad.met, bad.least) == ("delivery_rate", False, True)


def test_kpi_names_are_unique_and_defined() -> None:
    names = [definition.name for definition in kpis.DEFINITIONS]
    assert len(set(names)) == len(names)
    assert all(definition.unit and definition.text.endswith(".") for definition in kpis.DEFINITIONS)


def test_money_is_shown_in_ones_own_currency_too() -> None:
    kpis = {"cac_usd": kpi("cac_usd", 2.0, 1.0, 3.0), "roi": kpi("roi", 4.0)}
    own = in_own_currency(kpis, "CNY", 7.1)
    assert own == OwnCurrency("CNY", 7.1, {"cac_cny": Kpi(14.2, 7.1, pytest.approx(21.3), "CNY")})
    assert in_own_currency(kpis, "USD", 1.0) is UNSET


def test_docs_list_the_kpis_as_defined() -> None:
    docs = Path(__file__).parents[2] / "docs" / "kpis.md"
    assert docs.read_text(encoding="utf-8") == kpis.markdown()


def test_templates_name_their_variables() -> None:
    assert variables_of("Hi {name}, {voucher} {{kept}}") == ("name", "voucher")


def test_rendering_fills_falls_back_or_holds_back() -> None:
    render = renderer("Hi {name}, {voucher}", {"name": "there"})
    assert render({"name": "Ada", "voucher": "X1"}) == "Hi Ada, X1"
    assert render({"name": "", "voucher": "X1"}) == "Hi there, X1"
    assert render({"name": "Ada"}) is None
