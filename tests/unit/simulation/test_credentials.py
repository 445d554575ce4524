"""Passwords of simulated clouds: made once, kept for their owner alone, and read by many processes at once."""

from __future__ import annotations

from pathlib import Path

import msgspec

from fractus.simulation.credentials import passwords
from fractus.simulation.plan import Plan


def test_they_are_made_once_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    known = passwords(tmp_path, Plan(clouds=3))
    assert len(set(known.values())) == 3
    [file] = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert passwords(tmp_path, Plan(clouds=3)) == known


def test_who_reads_them_does_not_write_them_again(tmp_path: Path) -> None:
    """Another process may be reading them."""
    passwords(tmp_path, Plan(clouds=3))
    [file] = tmp_path.iterdir()
    before = file.stat()
    passwords(tmp_path, Plan(clouds=3))
    after = file.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_more_clouds_get_passwords_of_their_own(tmp_path: Path) -> None:
    first = passwords(tmp_path, Plan(clouds=2))
    [file] = tmp_path.iterdir()
    with file.open("rb") as reading:
        every = passwords(tmp_path, Plan(clouds=4))
        # Who has begun to read goes on with what it has opened: the file is replaced, not written into.
        assert len(msgspec.json.decode(reading.read())) == 2
    assert {cloud: every[cloud] for cloud in first} == first
    assert len(set(every.values())) == 4
