"""Interfaces of routers, declared. Users see them as ports; no route of the API is about them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Column, Index, String

from fractus.model.resource import AWAIT, CARRY_ASYNC, Need, Presence, Resource, Summary
from fractus.services.kind import Undeclared
from fractus.store.schema import resource_table

TABLE = resource_table(
    "router_interface",
    Column("router_id", String(36), nullable=False, default=""),
    Index("router_interface_by_router", "router_id"),
)
KIND = Undeclared(name="router_interface", service="network", table=TABLE)


def needs(interface: Resource) -> list[Need]:
    """It is where its router and its first subnet are. It brings its port along, which serves nothing else, and those
    of its subnets that came later (more prefixes of IPv6).
    """
    desired = interface.desired
    return [
        Need("router", desired["router_id"], mode=AWAIT),
        Need("subnet", desired["subnets"][0], mode=AWAIT),
        *(Need("subnet", id, mode=CARRY_ASYNC) for id in desired["subnets"][1:]),
        Need("port", desired["port_id"], exclusive=True),
    ]


def summarise(interface: Resource, _presences: Sequence[Presence] = ()) -> Summary:
    """Nobody is shown it: ports are."""
    return Summary(
        "", {"id": interface.id}, columns={"name": "", "router_id": interface.desired["router_id"]}
    )
