"""Who of several workers should run which lane: evenly, and with few moves when a worker comes or goes.

Rendezvous hashing with a bound: every lane ranks the workers by a hash of both names, and goes to the first in its
ranking that has room. Everybody who knows the same names comes to the same answer, so nobody has to be asked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable


def spread(lanes: Iterable[str], workers: Collection[str]) -> dict[str, list[str]]:
    """Lane -> all workers, the one that should run it first, then those who should in its place.

    No worker comes first more often than `ceil(lanes / workers)` times. Without workers all rankings are empty.
    """
    names = sorted(set(lanes))
    room = dict.fromkeys(workers, -(-len(names) // max(len(workers), 1)))
    ranked: dict[str, list[str]] = {}
    # In the order of a hash, so that a new cloud's name alone does not say who is full before whom.
    for lane in sorted(names, key=lambda name: _weight(name, "")):
        ranking = sorted(workers, key=lambda worker: _weight(lane, worker))
        if ranking:
            first = next(worker for worker in ranking if room[worker])
            room[first] -= 1
            ranking.remove(first)
            ranking.insert(0, first)
        ranked[lane] = ranking
    return ranked


def _weight(lane: str, worker: str) -> bytes:
    return hashlib.blake2b(f"{lane}\0{worker}".encode(), digest_size=8).digest()
