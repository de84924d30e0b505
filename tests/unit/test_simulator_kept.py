"""Replications on disk: to the bit, under a name that says what they depend on."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from scenarios.errors import InputError
from scenarios.loading import load
from scenarios.result import encode as document
from simulator import kept as kept_module
from simulator.kept import Kept, decode, encode, name_of
from simulator.parallel import Task
from simulator.replicating import summaries
from simulator.results.summary import Summary, simulate_once
from simulator.run import simulate
from simulator.world import World, world_of

TINY = ["population.size=40", "experiment.replications=4"]


def world(*settings: str) -> World:
    return world_of(load("bulk_send", [*TINY, *settings]))


@pytest.fixture(scope="module")
def tiny() -> World:
    return world()


def same(one: Summary, other: Summary) -> bool:
    return list(one.kpis) == list(other.kpis) and encode(one) == encode(other)


def test_a_summary_comes_back_to_the_bit(tiny: World) -> None:
    summary = simulate_once(tiny, 1)
    summary.kpis["cac_usd"] = float("nan")
    back = decode(encode(summary))
    assert np.array_equal(list(back.kpis.values()), list(summary.kpis.values()), equal_nan=True)
    assert all(type(value) is float for value in back.kpis.values())
    for part in ("series", "histograms"):
        ours, theirs = getattr(summary, part), getattr(back, part)
        assert list(ours) == list(theirs)
        assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
        assert all(ours[name].dtype == theirs[name].dtype for name in ours)


def test_a_name_is_that_of_equal_worlds_alone(tiny: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert name_of(world()) == name_of(tiny)
    others = [world("experiment.seed=2"), world("funnel.click=0.2"), world("population.size=41")]
    assert len({name_of(tiny), *map(name_of, others)}) == 4
    before = name_of(tiny)
    monkeypatch.setattr(kept_module, "code", lambda: "of another version")
    assert name_of(tiny) != before


def test_what_an_interrupted_run_left_is_not_run_again(
    tiny: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = document(simulate(load("bulk_send", TINY)))
    begun = summaries([tiny], 4, kept=Kept(tmp_path))
    first = [next(begun), next(begun)]
    ran: list[int] = []

    def noted(world: World, number: int) -> Summary:
        ran.append(number)
        return simulate_once(world, number)

    monkeypatch.setattr("simulator.replicating.simulate_once", noted)
    kept = Kept(tmp_path)
    rest = list(summaries([tiny], 4, kept=kept))
    assert ran == [3, 4]
    assert (kept.found, kept.count) == (2, 4)
    assert all(same(one, other) for (_, one), (_, other) in zip(first, rest[:2], strict=True))
    assert document(simulate(load("bulk_send", TINY), kept=Kept(tmp_path))) == whole
    assert ran == [3, 4]


def test_fresh_runs_all_anew(tiny: World, tmp_path: Path) -> None:
    list(summaries([tiny], 2, kept=Kept(tmp_path)))
    kept = Kept(tmp_path, fresh=True)
    list(summaries([tiny], 2, kept=kept))
    assert (kept.found, kept.count) == (0, 2)


def test_what_another_world_left_stays(tiny: World, tmp_path: Path) -> None:
    other = world("experiment.seed=2")
    list(summaries([other], 1, kept=Kept(tmp_path)))
    kept = Kept(tmp_path, fresh=True)
    list(summaries([tiny], 1, kept=kept))
    kept.clear()
    assert [each.name for each in tmp_path.iterdir()] == [name_of(other)]


def test_clearing_leaves_no_empty_folder(tiny: World, tmp_path: Path) -> None:
    kept = Kept(tmp_path / "out" / "unfinished")
    list(summaries([tiny], 1, kept=kept))
    kept.clear()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"something else"])
def test_a_damaged_file_is_one_line(tiny: World, tmp_path: Path, content: bytes) -> None:
    kept = Kept(tmp_path)
    list(summaries([tiny], 1, kept=kept))
    (file,) = tmp_path.rglob("1.npz")
    file.write_bytes(content)
    with pytest.raises(InputError, match=r"1\.npz: is not a kept replication; delete it, or .* --fresh"):
        kept.finished([Task(0, 1)])


def test_a_half_written_file_does_not_count(tiny: World, tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    list(summaries([tiny], 1, kept=kept))
    (file,) = tmp_path.rglob("1.npz")
    shutil.move(file, file.with_name(".1.npz.4711"))
    assert kept.finished([Task(0, 1)]) == {}


def test_two_runs_of_the_same_world_do_not_disturb_each_other(tiny: World, tmp_path: Path) -> None:
    first, second = Kept(tmp_path), Kept(tmp_path)
    one, other = summaries([tiny], 4, kept=first), summaries([tiny], 4, kept=second)
    begun = [next(one), next(other), next(one)]
    first.clear()
    rest = [*one, *other]
    assert [task.number for task, _ in begun + rest] == [1, 1, 2, 3, 4, 2, 3, 4]
    second.clear()
    first.clear()


def test_a_folder_that_cannot_be_made_is_one_line(tiny: World, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(
        InputError, match=r"file/unfinished: cannot be made: [^\n]*; name a folder .* --out DIR"
    ):
        list(summaries([tiny], 1, kept=Kept(tmp_path / "file" / "unfinished")))


def test_a_full_disk_is_one_line_and_leaves_no_part_of_a_file(
    tiny: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Kept(tmp_path / "unfinished")
    kept.open([tiny])
    whole = Path.write_bytes

    def full(self: Path, content: bytes) -> int:
        whole(self, content[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(
        InputError, match=r"unfinished: replication 1 cannot be written: No space left [^\n]*\Z"
    ):
        kept.write(Task(0, 1), simulate_once(tiny, 1))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
