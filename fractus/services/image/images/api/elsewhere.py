"""Bits that are not here: images that a cloud has made, or that were taken over from one.

They are read from that cloud piece by piece, each a request of its own within its limits, so what breaks off goes on
where it was. A download passes them on; a copy keeps them, and from then on the image can be brought to any cloud.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

from msgspec import Struct

from fractus.base.log import logger
from fractus.model.cloud import Cloud, Scope
from fractus.model.errors import ApiError, CloudError, Throttled, Unavailable, Unreachable
from fractus.model.resource import Resource
from fractus.services.image.images import queries
from fractus.store.transaction import Reader

log = logger("image.elsewhere")

#: Bytes that are asked for at a time, and held in memory.
PIECE = 8 << 20

#: So often one piece is asked for before it is given up, and seconds in between.
_TRIES, _PAUSE = 4, 1.0


class Clouds(Protocol):
    """The clouds this process is connected to."""

    def get(self, name: str) -> Cloud | None:
        """One, or None if there is no such cloud or it cannot be connected to."""
        ...


class Place(Struct, frozen=True):
    """Where bits are."""

    cloud: str
    remote_id: str
    scope: Scope


class Elsewhere:
    """Reads bits that are only in clouds."""

    def __init__(self, reader: Reader, clouds: Clouds) -> None:
        """`reader`: where presences are read."""
        self._reader, self._clouds = reader, clouds

    async def places(self, image: Resource) -> list[Place]:
        """The clouds that have the whole bits of an image, those that answer first."""
        found = [Place(*one) for one in await queries.copies(self._reader, image)]
        return sorted(found, key=lambda one: not self._answers(one.cloud))

    def _answers(self, name: str) -> bool:
        cloud = self._clouds.get(name)
        return cloud is not None and cloud.healthy()

    async def read(self, place: Place, offset: int, length: int) -> AsyncIterator[bytes]:
        """`length` bytes from `offset`. `Unavailable` where the cloud does not give them."""
        cloud = self._clouds.get(place.cloud)
        if cloud is None:
            raise Unavailable(f"The cloud {place.cloud} cannot be asked just now.")
        while length > 0:
            piece = await self._piece(cloud, place, offset, min(length, PIECE))
            if not piece:
                raise Unavailable(f"The cloud {place.cloud} has fewer bits of the image than it says.")
            offset, length = offset + len(piece), length - len(piece)
            yield piece

    async def _piece(self, cloud: Cloud, place: Place, offset: int, length: int) -> bytes:
        for left in reversed(range(_TRIES)):
            try:
                return await cloud.piece(place.scope, place.remote_id, offset, length)
            except CloudError as error:
                if left and isinstance(error, Unreachable | Throttled):
                    await asyncio.sleep(_PAUSE)
                    continue
                raise Unavailable(
                    f"The cloud {place.cloud} did not give the bits of the image: {error.reason}"
                ) from error
        raise AssertionError


class Wrong(ApiError):
    """Bits that are not those that were seen in the cloud."""


def check(image: Resource, size: int, md5: str, sha512: str) -> None:
    """`Wrong` where the bits that came are not those of the image."""
    desired = image.desired
    expected = {
        "size": (desired["size"], size),
        "checksum": (desired["checksum"], md5),
        "os_hash_value": (desired["os_hash_value"] if desired["os_hash_algo"] == "sha512" else None, sha512),
    }
    for name, (theirs, ours) in expected.items():
        if theirs is not None and theirs != ours:
            raise Wrong(f"the bits that came have another {name}: {ours}, not {theirs}")
