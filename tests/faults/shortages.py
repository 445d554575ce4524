"""What a node may run out of: disk, and descriptors. Limits of the kernel on running processes, so nobody need be root.

A process whose files may not grow (RLIMIT_FSIZE) gets EFBIG for each write, as it would get ENOSPC on a full disk: its
database, its log and its images all lie on files. One that may have no more descriptors than it has (RLIMIT_NOFILE)
gets EMFILE for whatever it opens.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
from collections.abc import Callable, Iterator, Mapping

from fractus.local.processes import group
from tests.faults.own import Own

DISK_FULL, DESCRIPTORS = "disk full", "descriptors used up"


class Limited:
    """A program of the suite whose processes can be found."""

    def __init__(self, leader: Callable[[], int]) -> None:
        """`leader`: the process that leads its group now; 0 where it does not run."""
        self._leader = leader

    def forbid_growth(self) -> None:
        """Its files may not grow, nor be changed."""
        for pid in self._pids():
            self._limit(pid, resource.RLIMIT_FSIZE, 0)

    def forbid_opening(self) -> None:
        """It may have no more descriptors than it has."""
        for pid in self._pids():
            with contextlib.suppress(OSError):
                self._limit(pid, resource.RLIMIT_NOFILE, len(os.listdir(f"/proc/{pid}/fd")))

    def lift(self) -> None:
        """It may have what it could have before."""
        for pid in self._pids():
            for limit in (resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE):
                self._limit(pid, limit, None)

    def _pids(self) -> Iterator[int]:
        leader = self._leader()
        yield from group(leader) if leader else ()

    @staticmethod
    def _limit(pid: int, limit: int, soft: int | None) -> None:
        """None: as much as may be."""
        with contextlib.suppress(ProcessLookupError):
            _, hard = resource.prlimit(pid, limit)
            resource.prlimit(pid, limit, (hard if soft is None else soft, hard))


def sorts(processes: Mapping[str, Limited]) -> dict[str, Own]:
    """Both accidents: the disk is that of all processes of the node, descriptors are each one's own."""

    async def disk_full(_target: str, seconds: float) -> None:
        for one in processes.values():
            one.forbid_growth()
        await asyncio.sleep(seconds)
        for one in processes.values():
            one.lift()

    async def used_up(target: str, seconds: float) -> None:
        processes[target].forbid_opening()
        await asyncio.sleep(seconds)
        processes[target].lift()

    return {DISK_FULL: Own(("disk",), disk_full), DESCRIPTORS: Own(tuple(processes), used_up)}
