"""What writers of networking need of one another, which never see each other otherwise. They know no request.

A method that follows from another kind's change takes part in its transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from fractus.model.network import FLOATING, ServerPort
from fractus.model.resource import Resource
from fractus.store.transaction import Reader, Transaction


class ExternalAccess(Protocol):
    """Writes who may use external networks."""

    async def opened(self, tx: Transaction, network: Resource) -> None:
        """A network that is external, to all where nothing else was said, has the policy that says so."""
        ...

    async def closed(self, tx: Transaction, network: Resource) -> None:
        """It leads outside no longer: nobody has access by that."""
        ...


class PortUser(Protocol):
    """A kind that refers to ports: asked before users change one, and notified after it was changed."""

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
        self,
        tx: Transaction,
        port: Resource,
        floating: Mapping[str, str],
        cloud: str = "",
        *,
        key: str = FLOATING,
    ) -> None:
        """Which floating IPs lead to a port from now on (id -> address): as long as one does, it is in its cloud.

        `cloud` empty: in any that the others leave. `key`: FLOATING, or FORWARDED of those that forward to it.
        """
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


class PortsOfServers(Protocol):
    """Knows the ports of servers as compute does."""

    async def of_server(self, reader: Reader, server_id: str) -> list[ServerPort]:
        """The ports that a server has, in the order in which they were asked for."""
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


class Routers(Protocol):
    """Knows which networks are joined."""

    async def between(self, reader: Reader, subnet_id: str, network_id: str) -> list[tuple[str, str]]:
        """The routers with an interface in a subnet and a gateway on an external network, oldest first: ids, and the
        addresses of their interfaces there.
        """
        ...

    async def leading_out(self, reader: Reader, network_id: str) -> Sequence[Resource]:
        """The routers with a gateway on an external network, oldest first."""
        ...

    async def lead_out_of(self, reader: Reader, network_id: str, subnet_id: str) -> bool:
        """Whether a gateway on an external network has an address of this subnet of it."""
        ...

    async def reached_from(self, reader: Reader, project_id: str, network_id: str) -> list[str]:
        """The clouds in which routers of a project with a gateway on an external network have subnets."""
        ...


class RouterLabels(Protocol):
    """Writes metering labels, which are where the routers are whose packets they count."""

    async def routers_changed(self, tx: Transaction, project_id: str) -> None:
        """A project has a router more, or one less."""
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


class RemoteMembers(Protocol):
    """Knows the members that groups have in other clouds, and how each cloud is sent them."""

    async def begin(self, tx: Transaction, group: Resource) -> None:
        """Rules name a group: where it is in several clouds, each is sent its members elsewhere from now on."""
        ...

    async def end(self, tx: Transaction, group_id: str) -> None:
        """A group is no more."""
        ...

    async def in_cloud(self, reader: Reader, group_ids: Collection[str], cloud: str) -> Mapping[str, Any]:
        """How a cloud is sent the members that these groups have elsewhere: group -> the id of an address group
        there, or, where the cloud takes none, their addresses.
        """
        ...

    async def groups_of(self, reader: Reader, kind: str, id: str) -> list[str]:
        """The groups whose members are sent otherwise since (kind, id) has changed."""
        ...
