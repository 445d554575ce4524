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
from fractus.services.network.dialect.api.writing import Writer
from fractus.services.network.dialect.queries.external import ExternalNetworks
from fractus.services.network.dialect.schema.attributes import Item
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
        """Their network is shared now, or no longer."""
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


class PortUser(Protocol):
    """A kind that refers to ports: asked before users change one, and told after it was changed."""

    async def check_update(self, tx: Transaction, port: Resource, values: Mapping[str, Any]) -> None:
        """Refuse that a user changes these attributes of a port."""
        ...

    async def check_delete(self, tx: Transaction, port: Resource) -> None:
        """Refuse that a user deletes a port."""
        ...

    async def port_updated(self, tx: Transaction, port: Resource, before: Mapping[str, Any]) -> None:
        """A port was changed, by whomever. `before`: its `desired` before."""
        ...

    async def port_removed(self, tx: Transaction, port: Resource) -> None:
        """A port was deleted, by whomever."""
        ...


class Ports(Protocol):
    """Writes ports."""

    users: list[PortUser]
    """Kinds that refer to ports: each adds itself when it is built."""

    async def add(
        self, tx: Transaction, network: Resource, values: Mapping[str, Any], *, user_id: str, request_id: str
    ) -> Resource:
        """A new port. `values`: Neutron's attributes, of which `project_id` is required."""
        ...

    async def of_device(self, reader: Reader, device_id: str, *owners: str) -> list[Resource]:
        """The ports that have something as their device, oldest first; `owners`: only those of these device owners."""
        ...

    async def update(self, tx: Transaction, resource: Resource, values: dict[str, object]) -> None:
        """Change a port; `values` are complete and judged. Its needs follow."""
        ...

    async def refresh(self, tx: Transaction, resource: Resource) -> None:
        """The document of a port says something else of others: to users that is no change of it."""
        ...

    async def remove(self, tx: Transaction, resource: Resource) -> None:
        """Delete a port. What it held is free when no cloud has it."""
        ...

    async def touch(self, tx: Transaction, resource: Resource) -> None:
        """A changed document, of which no cloud needs to hear."""
        ...

    async def lead_to(
        self, tx: Transaction, port: Resource, floating: Mapping[str, str], cloud: str = ""
    ) -> None:
        """Which floating IPs lead to a port from now on (id -> address): as long as one does, it is in its cloud."""
        ...

    async def leave_network(self, tx: Transaction, network_id: str) -> None:
        """Remove the ports that leave with their network; `Conflict` where others are on it."""
        ...

    async def using(self, reader: Reader, network_id: str, subnet_id: str) -> list[Resource]:
        """Ports with an address of a subnet, but for those that leave with their network."""
        ...

    async def leave_subnet(self, tx: Transaction, network_id: str, subnet_id: str) -> None:
        """Take the addresses of a subnet from the ports that have some."""
        ...

    async def join_subnet(self, tx: Transaction, subnet: Resource) -> None:
        """Give the ports of a network their own addresses in a subnet where ports address themselves."""
        ...


class QosPolicies(Protocol):
    """Knows who may use which QoS policy."""

    async def check_usable(self, reader: Reader, call: Call, id: str) -> None:
        """`NotFound` where there is no such policy, or the caller may not see it."""
        ...

    async def default_of(self, reader: Reader, project_id: str) -> str | None:
        """The policy that a project's networks get where none is asked for."""
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


class RouterInterfaces(Protocol):
    """Writes which ports are interfaces of routers."""

    async def add(self, tx: Transaction, router: Resource, port: Resource, subnets: Sequence[str]) -> None:
        """A port is an interface of a router from now on, in these subnets."""
        ...

    async def reach(self, tx: Transaction, port_id: str, subnets: Sequence[str]) -> None:
        """An interface is in these subnets from now on."""
        ...

    async def end(self, tx: Transaction, port_id: str) -> None:
        """A port is no interface any more."""
        ...


class SharedTransactions(Protocol):
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


class Groups(Protocol):
    """Writes security groups."""

    async def ensure_default(self, tx: Transaction, project_id: str) -> str:
        """The project's default group, made if there is none."""
        ...

    async def usable(self, reader: Reader, id: str, project_id: str) -> Resource | None:
        """A group of the project by id."""
        ...

    async def named(self, reader: Reader, project_id: str, name: str) -> list[str]:
        """Ids of the project's groups with a name."""
        ...

    def check_together(self, groups: Sequence[Resource]) -> None:
        """`Conflict` where one port cannot have all of these groups."""
        ...

    async def naming(self, reader: Reader, address_group_id: str) -> list[str]:
        """Ids of the groups with rules that name an address group."""
        ...

    async def addresses_changed(self, tx: Transaction, addresses: Resource) -> None:
        """An address group has other addresses now."""
        ...


class DefaultRules(Protocol):
    """Knows the rules of new security groups."""

    async def of_new(self, reader: Reader, *, default: bool) -> list[dict[str, Any]]:
        """Those that a new group begins with: a project's default group, or another."""
        ...


class Routers(Protocol):
    """Knows which networks are joined."""

    async def between(self, reader: Reader, subnet_id: str, network_id: str) -> list[tuple[str, str]]:
        """The routers with an interface in a subnet and a gateway on an external network, oldest first: ids, and the
        addresses of their interfaces there.
        """
        ...

    async def lead_out_of(self, reader: Reader, network_id: str, subnet_id: str) -> bool:
        """Whether a gateway on an external network has an address of this subnet of it."""
        ...

    async def reached_from(self, reader: Reader, project_id: str, network_id: str) -> list[str]:
        """The clouds in which routers of a project with a gateway on an external network have subnets."""
        ...


class FloatingIps(Protocol):
    """Writes floating IPs."""

    async def leave_network(self, tx: Transaction, network_id: str) -> None:
        """Remove those of an external network that lead nowhere; `Conflict` where others lead to ports."""
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


class NetworkNeighbours:
    """What the API of every kind of networking is built of, and where it finds the writers of the others."""

    groups: Groups
    scopes: Scopes
    pools: Pools
    subnets: Subnets
    ports: Ports
    qos_policies: QosPolicies
    router_ports: RouterPorts
    interfaces: RouterInterfaces
    floating_ips: FloatingIps
    routers: Routers
    external: ExternalNetworks

    def __init__(self, store: Store, ledger: Ledger, quota: Quota, clock: Clock, stale_after: float) -> None:
        """A cloud is stale after `stale_after` seconds of silence."""
        self.store, self.ledger, self.quota, self.clock = store, ledger, quota, clock
        self.stale_after = stale_after
        self.shares: dict[str, SharedTransactions] = {}
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
