"""Whose members a port is, and where the members of a group are."""

from __future__ import annotations

import ipaddress
from functools import cache

import msgspec
from msgspec import Struct
from sqlalchemy import Table, bindparam, select

from fractus.services.network.group_members.kind import TABLE
from fractus.store.schema import NEED, PRESENCE
from fractus.store.transaction import Query, Reader

_of_port = Query(
    select(TABLE.c.id, TABLE.c.security_group_id)
    .select_from(NEED.join(TABLE, TABLE.c.security_group_id == NEED.c.need_id))
    .where(
        NEED.c.kind == "port",
        NEED.c.id == bindparam("i"),
        NEED.c.need_kind == "security_group",
        TABLE.c.wanted.is_(True),
    )
)


@cache
def _elsewhere(port: Table) -> Query:
    """Begins with what needs the group: ports, and other groups, which are no ports."""
    member = PRESENCE.c.id == NEED.c.id
    return Query(
        select(port.c.desired)
        .select_from(NEED.join(port, port.c.id == NEED.c.id))
        .where(
            NEED.c.need_kind == "security_group",
            NEED.c.need_id == bindparam("g"),
            port.c.wanted.is_(True),
            select(PRESENCE.c.id)
            .where(
                PRESENCE.c.kind == "port",
                member,
                PRESENCE.c.wanted.is_(True),
                PRESENCE.c.cloud != bindparam("c"),
            )
            .exists(),
        )
    )


class _Fixed(Struct):
    ip_address: str


class _Port(Struct):
    """What a port answers to."""

    fixed_ips: list[_Fixed] = []
    allowed_address_pairs: list[_Fixed] = []


_read = msgspec.json.Decoder(_Port).decode


async def of_port(reader: Reader, port_id: str) -> list[tuple[str, str]]:
    """Those of the groups of a port: their ids, and those of their groups."""
    return [(id, group_id) for id, group_id in await reader.rows(_of_port, i=port_id)]


async def elsewhere(reader: Reader, port: Table, group_id: str, cloud: str) -> list[str]:
    """The addresses, as prefixes, of the members of a group that are in other clouds than this one. As in Neutron, what
    a port may answer to besides (its allowed address pairs) is a member's too.
    """
    found = set()
    for (desired,) in await reader.rows(_elsewhere(port), g=group_id, c=cloud):
        one = _read(desired)
        found |= {_prefix(it.ip_address) for it in (*one.fixed_ips, *one.allowed_address_pairs)}
    return sorted(found)


def _prefix(address: str) -> str:
    return str(ipaddress.ip_network(address, strict=False))
