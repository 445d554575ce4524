"""Agents of the clouds' network services, declared (neutron_lib.api.definitions.agent, and its extensions)."""

from __future__ import annotations

from msgspec import structs
from sqlalchemy import select

from fractus.model.mirror import Mirrored
from fractus.services.field import Field, Match, flag, named, text
from fractus.services.mirror import MirrorKind, mirror_table_of
from fractus.services.network.dialect.schema import values

_SIZE = 255


def _words(name: str) -> Field:
    return Field(name, match=Match(name), sort=name, column=text(name, _SIZE))


def _time(name: str) -> Field:
    return Field(name, sort=name, column=text(name, 64))


def _switch(name: str) -> Field:
    return Field(name, match=Match(name, values.to_boolean), sort=name, column=flag(name))


FIELDS = named([
    Field("id", match=Match("id"), sort="id"),
    _words("agent_type"),
    _words("binary"),
    _words("topic"),
    _words("host"),
    structs.replace(_switch("admin_state_up"), put=True, convert=values.to_boolean),
    _time("created_at"),
    _time("started_at"),
    _time("heartbeat_timestamp"),
    structs.replace(_words("description"), put=True, check=values.string_or_none(_SIZE)),
    Field("resources_synced"),
    Field("availability_zone", match=Match("cloud")),
    structs.replace(_switch("alive"), sort=""),
    Field("configurations"),
])  # fmt: skip

MIRROR = MirrorKind(
    mirrored=Mirrored(
        kind="network_agent",
        service="network",
        path="/agents",
        collection="agents",
        query={"sort_key": "id", "sort_dir": "asc"},
        extension="agent",
    ),
    collection="agents",
    noun="agent",
    fields=FIELDS,
    table=mirror_table_of("network_agent", FIELDS),
    zone="availability_zone",
)

HOSTS = select(MIRROR.table.c.cloud, MIRROR.table.c.host.label("name")).distinct().subquery()
"""The names of their hosts, with each cloud that has them."""
