"""What compute's kinds are given of hosts: their names, as users see them and as their clouds have them."""

from __future__ import annotations

from typing import Protocol

from fractus.services.mirror_rows import Place


class SharedNames(Protocol):
    """The names of hosts and hypervisors that several clouds have."""

    def host(self, name: str, cloud: str) -> str:
        """A host's name as users see it."""
        ...

    def node(self, name: str, cloud: str) -> str:
        """A hypervisor's name as users see it."""
        ...


class HostNames(Protocol):
    """Names of hosts and hypervisors, as users see them and as their clouds have them."""

    async def shared(self) -> SharedNames:
        """Those that several clouds have."""
        ...

    async def host(self, name: str) -> Place | None:
        """The host that a name means; None where it is the name of none, or of several."""
        ...

    async def lists_hosts(self, cloud: str) -> bool:
        """Whether a cloud lets us list its hosts, and has some."""
        ...

    async def node(self, name: str) -> Place | None:
        """The same of a hypervisor."""
        ...
