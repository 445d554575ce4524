"""Routers and their interfaces, as machine and drivers speak of them."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Struct, UnsetType

from fractus.model.cloud import Observed, Wanted
from fractus.model.wire import Vocabulary, Wire

INTERFACE, GATEWAY = "network:router_interface", "network:router_gateway"
"""What a port of a router says that it is for (`device_owner`)."""

FLOATING_IP_PORT = "network:floatingip"
"""The same of the port that stands for a floating IP."""

INTERFACES = (INTERFACE, "network:router_interface_distributed", "network:ha_router_replicated_interface")

SHOWN_GATEWAY = "gateway"
"""Key in the memory of a router's presence: the gateway that it has there, in our own ids."""
"""How interfaces are called, also those of distributed and of highly available routers."""


class ConntrackHelper(Struct, frozen=True, order=True):
    """A helper by which a router follows connections of a protocol that negotiates ports (FTP)."""

    protocol: str
    port: int
    helper: str


class RouterWanted(Wanted, frozen=True, kw_only=True):
    """A router as it should be in one cloud: with a gateway where its external network is there, and with those routes
    whose next hop is on something that it is connected to there.
    """

    admin_state_up: Annotated[bool, Wire(mutable=True)] = True
    gateway: Annotated[
        dict[str, Any] | None, Wire(name="external_gateway_info", unsaid=True, mutable=True)
    ] = None
    """Neutron's `network_id`, `enable_snat` where it is said, and `external_fixed_ips` where they are given."""
    routes: Annotated[list[dict[str, str]], Wire(separate=True, mutable=True, unordered=True)] = []
    distributed: Annotated[
        bool | None,
        Wire(extension="dvr", purpose="a distributed router", unsaid=True, admin=True, mutable=True),
    ] = None
    ha: Annotated[
        bool | None,
        Wire(extension="l3-ha", purpose="a highly available router", unsaid=True, admin=True, mutable=True),
    ] = None
    """Of both None leaves it to the cloud."""
    conntrack_helpers: Annotated[list[ConntrackHelper], Wire(separate=True)] = []


class RouterObserved(Observed, frozen=True, kw_only=True):
    """A router in a child. `distributed` and `ha` are shown to administrators only."""

    status: str = ""
    admin_state_up: bool | None = None
    gateway: Annotated[dict[str, Any] | UnsetType | None, Wire(name="external_gateway_info")] = UNSET
    routes: list[dict[str, str]] | None = None
    distributed: bool | None = None
    ha: bool | None = None
    conntrack_helpers: list[ConntrackHelper] | None = None
    enable_ndp_proxy: bool | None = None


ROUTER = Vocabulary("router", RouterWanted, RouterObserved, extension="router")


class RouterInterfaceWanted(Wanted, frozen=True, kw_only=True):
    """That a port is an interface of a router, with an address in each of these subnets. Its id is the port's."""

    router_id: Annotated[str, Wire(name="device_id", refers="router")]
    port_id: Annotated[str, Wire(refers="port")]
    subnets: Annotated[list[str], Wire(name="fixed_ips", refers="subnet", separate=True)] = []


class RouterInterfaceObserved(Observed, frozen=True, kw_only=True):
    """An interface in a child. Its remote id is the port's."""

    router_id: Annotated[str, Wire(name="device_id")] = ""
    subnets: Annotated[list[str] | None, Wire(name="fixed_ips")] = None
    device_owner: str = ""
    network_id: str = ""


ROUTER_INTERFACE = Vocabulary(
    "router_interface",
    RouterInterfaceWanted,
    RouterInterfaceObserved,
    collection="ports",
    path="/ports",
    extension="router",
)

# Verbs: router update {...Neutron body}, add_conntrack_helper and delete_conntrack_helper {a helper};
# router_interface add_subnet {"subnet_id"}, remove_subnet {"subnet_id"}.
