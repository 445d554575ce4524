"""What stands in for an actuator where a cloud has none to offer, so that it is treated as any cloud that fails."""

from __future__ import annotations

from collections.abc import AsyncIterator

from fractus.model.cloud import Actuator, Cloud, Observed, Scope, Step, Wanted
from fractus.model.errors import CloudError, Refused, Unreachable


def returns(cloud: str) -> str:
    """What items wait on until a cloud that is away answers again."""
    return f"cloud/{cloud}"


class Absent:
    """An actuator whose every call fails in one way, and surely does nothing."""

    def __init__(self, error: CloudError) -> None:
        """`error` is raised by each call."""
        self._error = error

    async def observe(self, scope: Scope, remote_id: str) -> Observed:
        """Fails."""
        raise self._error

    async def find(self, scope: Scope, wanted: Wanted) -> Observed | None:
        """Fails."""
        raise self._error

    async def create(self, scope: Scope, wanted: Wanted) -> Observed:
        """Fails."""
        raise self._error

    async def apply(self, scope: Scope, remote_id: str, step: Step) -> None:
        """Fails."""
        raise self._error

    async def delete(self, scope: Scope, remote_id: str) -> None:
        """Fails."""
        raise self._error

    async def has_cursor(self) -> bool:
        """Fails."""
        raise self._error

    def list_changed(self, since: str) -> AsyncIterator[Observed]:
        """Fails."""
        raise self._error


def actuator_of(cloud: Cloud | None, name: str, kind: str) -> Actuator[Wanted, Observed]:
    """What acts on `kind` in the cloud `name`: a cloud that is not connected does not answer, one that lacks the kind
    refuses, and another may do better.
    """
    if cloud is None:
        return Absent(Unreachable(f"not connected to {name}"))
    found = cloud.actuators().get(kind)
    return found or Absent(Refused(f"{name} does not support this kind: {kind}", elsewhere=True))
