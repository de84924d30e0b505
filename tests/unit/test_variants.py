from pathlib import Path

import pytest

from scenarios.errors import InputError
from scenarios.loading import Loaded, load
from scenarios.variants import Variant, variants_of

BASE = load("bulk_send")


def one(stated: str, settings: tuple[str, ...] = ()) -> Variant:
    (variant,) = variants_of(load("bulk_send", settings), [stated], [], settings)
    return variant


def file(folder: Path, text: str, name: str = "slow.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_stated_variant_changes_what_it_names() -> None:
    variant = one("fast:pacing.rate_per_min=25,accounts.count=3")
    assert variant.name == "fast"
    assert variant.settings == ["pacing.rate_per_min=25", "accounts.count=3"]
    assert variant.loaded.scenario.pacing.rate_per_min == 25
    assert variant.loaded.scenario.accounts.count == 3
    assert variant.loaded.scenario.funnel == BASE.scenario.funnel


@pytest.mark.parametrize(
    ("value", "expected"),
    [("['vip', 'new']", ["vip", "new"]), ('["a,b"]', ["a,b"])],
)
def test_commas_within_brackets_and_quotes_belong_to_the_value(value: str, expected: list[str]) -> None:
    variant = one(f"tagged:campaign.with_tags={value},accounts.count=3")
    assert list(variant.loaded.scenario.campaign.with_tags) == expected
    assert variant.loaded.scenario.accounts.count == 3


def test_an_apostrophe_in_bare_text_does_not_hide_the_next_setting() -> None:
    variant = one("polite:title=Don't rush,accounts.count=3")
    assert variant.loaded.scenario.title == "Don't rush"
    assert variant.loaded.scenario.accounts.count == 3


def test_settings_of_the_base_apply_to_variants_below_what_they_state() -> None:
    variant = one("fast:pacing.rate_per_min=25", ("pacing.rate_per_min=10", "accounts.count=3"))
    assert variant.loaded.scenario.pacing.rate_per_min == 25
    assert variant.loaded.scenario.accounts.count == 3


def test_a_file_is_named_by_its_stem_and_states_what_differs(tmp_path: Path) -> None:
    path = file(tmp_path, 'extends = "bulk_send"\ntitle = "Slower"\n[pacing]\nrate_per_min = 8\n')
    (variant,) = variants_of(BASE, [], [path])
    assert (variant.name, variant.settings) == ("slow", ["pacing.rate_per_min=8"])


def of_files(folder: Path, *texts: str) -> list[Variant]:
    files = [file(folder, text, f"v{number}.toml") for number, text in enumerate(texts)]
    return variants_of(BASE, [], files)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[pacing]\nrate_per_min = 8\n", "v0.toml: extends: is missing; a variant names the scenario"),
        ('extends = "bulk_sned"\n', "did you mean 'bulk_send'?"),
        (
            'extends = "bulk_send"\n[pacing]\nrate_per_mim = 8\n',
            "v0.toml: pacing.rate_per_mim: unknown field",
        ),
        ('extends = "bulk_send"\n[experiment]\nseed = 9\n', "variant v0: experiment.seed: found 9; must be"),
        ("extends = \n", "v0.toml: not valid TOML"),
    ],
)
def test_a_file_that_is_no_variant_is_one_line(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(InputError, match=r"\A[^\n]*\Z") as caught:
        of_files(tmp_path, text)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        (["fast"], "--variant fast: must be NAME:PATH=VALUE"),
        (["fast:"], "--variant fast:: must be NAME:PATH=VALUE"),
        ([":pacing.rate_per_min=25"], "must be NAME:PATH=VALUE"),
        (["a b:pacing.rate_per_min=25"], "must be NAME:PATH=VALUE"),
        (["fast:pacing.rate_per_min"], "variant fast: pacing.rate_per_min: must be PATH=VALUE"),
        (["fast:pacing.rate_per_mim=25"], "variant fast: pacing.rate_per_mim=25: pacing.rate_per_mim: unknown field; did you mean 'rate_per_min'?"),
        (["fast:pacing.rate_per_min=0"], "variant fast: pacing.rate_per_min: found 0; must be"),
        (["a:accounts.count=3", "a:accounts.count=4"], "variant a: the name is taken"),
        (["base:accounts.count=3"], "variant base: the name is taken"),
        (["many:experiment.replications=50"], "variant many: experiment.replications: found 50; must be the base's 20"),
        (["sure:experiment.confidence=0.99"], "variant sure: experiment.confidence: found 0.99"),
        ([], "no variant to compare with"),
    ],
)  # fmt: skip
def test_a_stated_variant_that_is_wrong_is_one_line(stated: list[str], expected: str) -> None:
    with pytest.raises(InputError, match=r"\A[^\n]*\Z") as caught:
        variants_of(BASE, stated, [])
    assert expected in str(caught.value)


def test_a_name_is_taken_by_a_file_too(tmp_path: Path) -> None:
    path = file(tmp_path, 'extends = "bulk_send"\n')
    with pytest.raises(InputError, match="variant slow: the name is taken"):
        variants_of(BASE, ["slow:pacing.rate_per_min=8"], [path])


def test_the_base_may_be_a_file_that_a_variant_extends(tmp_path: Path) -> None:
    base: Loaded = load(str(file(tmp_path, 'extends = "bulk_send"\n[accounts]\ncount = 3\n', "mine.toml")))
    child = file(tmp_path, 'extends = "mine.toml"\n[pacing]\nrate_per_min = 8\n')
    (variant,) = variants_of(base, [], [child])
    assert variant.settings == ["pacing.rate_per_min=8"]
    assert variant.loaded.scenario.accounts.count == 3
