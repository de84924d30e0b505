"""Finished replications on disk, so that a run that was stopped goes on from there.

A replication depends on its world, its number and the code alone; the name of its file says all three.
"""

import hashlib
import io
import os
import shutil
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from scenarios.errors import InputError
from simulator.parallel import Task
from simulator.results.summary import Summary
from simulator.world import World

ROOT = Path(__file__).parents[1]
SOURCES = ("scenarios", "server/dispatch", "server/network", "simulator")  # all that a replication runs
LIBRARIES = ("numpy", "scipy", "simpy", "numba")


class Kept:
    """Replications kept in a folder while a run is under way; `clear` when it has ended.

    `found`: how many an earlier run left; `count`: how many there are now.
    """

    def __init__(self, folder: Path, *, fresh: bool = False) -> None:
        """`fresh`: forget what an earlier run of the same worlds left."""
        self.folder, self.fresh = folder, fresh
        self.found = self.count = 0
        self._folders: list[Path] = []

    def open(self, worlds: Sequence[World]) -> None:
        """Look for replications of these worlds, which tasks name by their place.

        InputError if the folder cannot be made: before anything is run, not after the first replication.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"{self.folder}: cannot be made: {error.strerror}; name a folder that can, with --out DIR"
            ) from None
        self._folders = [self.folder / name_of(world) for world in worlds]
        if self.fresh:
            self._forget()

    def finished(self, tasks: Sequence[Task]) -> dict[Task, Summary]:
        """Those of the tasks that need not be run. InputError for a file that is damaged."""
        found = {}
        for task in tasks:
            with suppress(FileNotFoundError):
                found[task] = self._read(task)
        self.found = self.count = len(found)
        return found

    def write(self, task: Task, summary: Summary) -> None:
        """Whole or not at all; another run of the same worlds may write and clear the same files.

        InputError if the disk is full or the folder is no longer writable.
        """
        file = self._file(task)
        partial = file.with_name(f".{file.name}.{os.getpid()}")
        try:
            with suppress(FileNotFoundError):  # the other one has cleared the folder
                file.parent.mkdir(parents=True, exist_ok=True)
                partial.write_bytes(encode(summary))
                partial.replace(file)
                self.count += 1
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise InputError(
                f"{self.folder}: replication {task.number} cannot be written: {error.strerror}; make room, "
                "or name another folder with --out DIR"
            ) from None

    def _read(self, task: Task) -> Summary:
        file = self._file(task)
        try:
            return decode(file.read_bytes())
        except (ValueError, KeyError, EOFError, zipfile.BadZipFile):
            raise InputError(f"{file}: is not a kept replication; delete it, or start with --fresh") from None

    def clear(self) -> None:
        """Remove what was kept, and the folder with its parent if nothing else is in them."""
        self._forget()
        with suppress(OSError):  # not empty, or not there
            self.folder.rmdir()
            self.folder.parent.rmdir()

    def _forget(self) -> None:
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)  # it need not be there

    def _file(self, task: Task) -> Path:
        return self._folders[task.shared] / f"{task.number}.npz"


def name_of(world: World) -> str:
    """A world under this code: equal names, equal replications."""
    digest = hashlib.sha256(f"{code()}{joblib.hash(world, 'sha1')}".encode()).hexdigest()
    return f"{world.scenario.name}-{digest[:20]}"


@cache
def code() -> str:
    """Digest of the sources and of the libraries' versions."""
    digest = hashlib.sha256("".join(f"{name}{version(name)}" for name in LIBRARIES).encode())
    for folder in SOURCES:
        for file in sorted((ROOT / folder).rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def encode(summary: Summary) -> bytes:
    """As an NPZ archive, to the bit: an array for each entry of each part, `part.name`."""
    arrays: dict[str, Any] = {
        f"{part.name}.{name}": np.asarray(value)
        for part in fields(Summary)
        for name, value in getattr(summary, part.name).items()
    }
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


def decode(content: bytes) -> Summary:
    """ValueError, KeyError or BadZipFile for bytes that are something else."""
    parts: dict[str, dict[str, Any]] = {part.name: {} for part in fields(Summary)}
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        for key in arrays.files:
            part, _, name = key.partition(".")
            parts[part][name] = arrays[key]
    parts["kpis"] = {name: value.item() for name, value in parts["kpis"].items()}
    return Summary(**parts)
