"""What the kinds of networking need of one another's writers, which never see each other otherwise.

A method that follows from another kind's change takes part in its transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

from fractus.addressing.prefixes import Net
from fractus.base.clock import Clock
from fractus.model.resource import Resource
from fractus.quota.quota import Quota
from fractus.services.kind import Kind
from fractus.services.mirror_rows import Place
from fractus.services.network.dialect.queries.external import ExternalNetworks
from fractus.services.network.dialect.schema.attributes import Item
from fractus.services.network.dialect.writes.neighbours import (
    ExternalAccess,
    Groups,
    Ports,
    RouterInterfaces,
    Routers,
)
from fractus.services.network.dialect.writes.writer import Writer
from fractus.services.relay import Relay
from fractus.store.ledger import Ledger
from fractus.store.listing import Filter
from fractus.store.transaction import Reader, Store, Transaction
from fractus.web.routing import Call

W = TypeVar("W", bound=Writer)


class Subnets(Protocol):
    """Writes subnets."""

    async def remove_of(self, tx: Transaction, network_id: str) -> None:
        """Remove all subnets of a network."""
        ...

    async def network_changed(self, tx: Transaction, network: Resource) -> None:
        """Their network is shared or external now, or no longer."""
        ...

    async def network_scoped(self, tx: Transaction, network_id: str, version: int, scope: str | None) -> None:
        """The pool that their network's subnets of a family are of is in another address scope now."""
        ...

    async def of_version(self, reader: Reader, network_id: str, version: int) -> list[Resource]:
        """The subnets of one family on a network, oldest first."""
        ...

    async def pooled(self, tx: Transaction, subnets: Sequence[Resource], pool: Resource) -> None:
        """Subnets of one network and one family are a pool's from now on."""
        ...


class Pools(Protocol):
    """Cuts subnets from pools."""

    async def choose(self, tx: Transaction, call: Call, item: Item) -> Resource | None:
        """The pool that a request for a subnet names, or the default one that it asks for; None: neither."""
        ...

    async def cut(self, tx: Transaction, pool: Resource, item: Item) -> Net:
        """A network of the pool for that subnet."""
        ...


class Scopes(Protocol):
    """Knows which pools may be in which address scope."""

    async def check_owner(self, tx: Transaction, call: Call, pool: Resource) -> None:
        """`Invalid` where a pool may not be changed, for it is in another project's scope."""
        ...

    async def check_pool(
        self, tx: Transaction, call: Call, pool_id: str, desired: Mapping[str, Any], cuts: Mapping[str, str]
    ) -> None:
        """Refuse a pool in a scope where it may not be. `cuts`: its subnets -> their networks."""
        ...


class RouterPorts(Protocol):
    """Writes the ports that routers have."""

    async def add(
        self,
        tx: Transaction,
        network: Resource,
        values: Mapping[str, Any],
        *,
        user_id: str,
        request_id: str,
        limited: bool = True,
    ) -> Resource:
        """A new port with Neutron's attributes. `limited` False: whatever its project's quota."""
        ...

    async def update(self, tx: Transaction, resource: Resource, values: dict[str, object]) -> None:
        """Change a port; `values` are complete and judged."""
        ...

    async def readdress(
        self, tx: Transaction, port: Resource, asked: Sequence[Mapping[str, str]], mac: str, owner: str
    ) -> dict[str, object]:
        """Other addresses for a port: what of its `desired` changes by that."""
        ...

    async def remove(self, tx: Transaction, resource: Resource) -> None:
        """Delete a port."""
        ...


class Sharing(Protocol):
    """Shares things of one kind."""

    @property
    def rule(self) -> str:
        """The policy rule of whoever may see one."""
        ...

    def target(self, resource: Resource) -> Mapping[str, Any]:
        """One as policy rules know it."""
        ...

    async def is_used(self, reader: Reader, id: str, of: Filter) -> bool:
        """Whether projects for which a condition on `project_id` holds use it."""
        ...

    async def share(self, tx: Transaction, resource: Resource, target: str, *, there: bool) -> None:
        """It is shared with a project, or with all (`*`), from now on; or no longer."""
        ...


class FloatingIps(Protocol):
    """Writes floating IPs."""

    async def leave_network(self, tx: Transaction, network_id: str) -> None:
        """Remove those of an external network that lead nowhere. Of the others their ports are left there."""
        ...

    async def of_subnet(self, reader: Reader, subnet_id: str) -> bool:
        """Whether one has an address of this subnet."""
        ...

    async def check_gateway(self, reader: Reader, router_id: str, network_id: str) -> None:
        """`Conflict` where one leads through the gateway that a router has on this network."""
        ...

    async def check_interface(self, reader: Reader, router_id: str, subnet: Resource) -> None:
        """`Conflict` where one leads through the interface that a router has in this subnet."""
        ...


class Hosts(Protocol):
    """Knows the hosts of the clouds."""

    async def place(self, name: str) -> Place | None:
        """The host that a name means, and its cloud; None where it is the name of none, or of several."""
        ...


class NetworkNeighbours:
    """What the API of every kind of networking is built of, and where it finds the writers of the others."""

    groups: Groups
    scopes: Scopes
    pools: Pools
    subnets: Subnets
    ports: Ports
    router_ports: RouterPorts
    interfaces: RouterInterfaces
    floating_ips: FloatingIps
    routers: Routers
    external: ExternalNetworks
    hosts: Hosts
    external_access: ExternalAccess

    def __init__(
        self, store: Store, ledger: Ledger, quota: Quota, clock: Clock, live: Relay, stale_after: float
    ) -> None:
        """`live` asks a cloud now; one is stale after `stale_after` seconds of silence."""
        self.store, self.ledger, self.quota, self.clock, self.live = store, ledger, quota, clock, live
        self.stale_after = stale_after
        self.shares: dict[str, Sharing] = {}
        """Who shares what can be shared, by kind."""
        self._writers: dict[str, Writer] = {}

    def add(self, writer: W) -> W:
        """A kind that is written in a way of its own."""
        self._writers[writer.kind] = writer
        return writer

    def writer(self, kind: Kind) -> Writer:
        """Who writes a kind: its own writer, where one was added, or one that does what the declaration says."""
        if kind.name not in self._writers:
            local = kind.vocabulary is None
            self._writers[kind.name] = Writer(self.ledger, kind.name, kind.summarise, local=local)
        return self._writers[kind.name]

    def own(self, writer: type[W]) -> W:
        """The writer of this class, which was added."""
        return next(one for one in self._writers.values() if isinstance(one, writer))
