"""Statements about servers: pages of a list, and Nova's filters as conditions on columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct
from sqlalchemy import bindparam, func, select

from fractus.services.compute.servers.table import SERVER
from fractus.store.listing import Filter, Filters, Sort, page, sieve
from fractus.store.resources import MANY, among, by_sizes, padded
from fractus.store.transaction import Query, Reader

Condition = Filter | Sequence[Filter]

_c = SERVER.c

#: Matched as a whole.
_EXACT = {
    "project_id": "project_id",
    "user_id": "user_id",
    "image": "image_id",
    "image_ref": "image_id",
    "flavor": "flavor_id",
    "uuid": "id",
    "host": "host",
    "vm_state": "vm_state",
    "task_state": "task_state",
}

#: Matched by regular expression, anywhere in the text.
_PATTERN = {
    "name": "name",
    "display_name": "name",
    "description": "description",
    "display_description": "description",
    "key_name": "key_name",
    "availability_zone": "zone",
    "node": "node",
    "hostname": "hostname",
    "reservation_id": "reservation_id",
    "launched_at": "launched_at",
    "terminated_at": "terminated_at",
    "created_at": "created",
    "root_device_name": "root_device_name",
    "config_drive": "config_drive",
    "locked_by": "locked_by",
    "access_ip_v4": "access_ip_v4",
    "access_ip_v6": "access_ip_v6",
}

#: Matched by regular expression too, but every server has the same.
_CONSTANT = {"kernel_id": "", "ramdisk_id": "", "progress": "0"}

#: All power states that Nova knows.
_POWER_STATES = (0, 1, 3, 4, 6, 7)

#: True of no server.
_NONE = Filter("id", "eq", "")


class Found(NamedTuple):
    """A server of a list."""

    id: str
    summary: bytes
    extra: bytes | None
    cloud: str
    flavor_id: str
    project_id: str
    user_id: str
    deleted_at: float | None


_first = select(func.min(_c.zone).label("zone")).cte("zones", recursive=True)
_beyond = select(func.min(_c.zone)).where(_c.zone > _first.c.zone).scalar_subquery()
_zones_there = Query(select(_first.union_all(select(_beyond).where(_first.c.zone.is_not(None))).c.zone))

_shown = Query(select(*(_c[name] for name in Found._fields)).where(_c.id == bindparam("id")))
_owner = Query(select(_c.project_id).where(_c.id == bindparam("id")))


class _Extra(Struct, rename={"name": "OS-EXT-SRV-ATTR:instance_name"}):
    name: str = ""


_decode = msgspec.json.Decoder(_Extra).decode


class Named(NamedTuple):
    """A server of a list without details."""

    id: str
    name: str


async def _zones(reader: Reader) -> list[str]:
    """The zones that there are servers in: few, and each is one step in their index."""
    return [zone for (zone,) in await reader.rows(_zones_there) if zone is not None]


async def _looked_up(reader: Reader, filters: Filters) -> Filters:
    """A pattern for zones stands for some of those that there are, and these can be looked up in an index."""
    found = []
    for one in filters:
        if isinstance(one, Filter) and one.column == "zone" and one.op in ("like", "regex"):
            matches = sieve(one)
            one = Filter("zone", "in", [zone for zone in await _zones(reader) if matches(zone)])
        found.append(one)
    return found


async def server_page(
    reader: Reader, filters: Filters, sorts: Sequence[Sort], marker: str | None, limit: int
) -> list[Found]:
    """One page, with all that is stored to be shown."""
    filters = await _looked_up(reader, filters)
    rows = await page(reader, SERVER, filters, columns=Found._fields, sorts=sorts, marker=marker, limit=limit)
    return [Found(*row) for row in rows]


async def server_names(
    reader: Reader, filters: Filters, sorts: Sequence[Sort], marker: str | None, limit: int
) -> list[Named]:
    """One page of ids and names."""
    filters = await _looked_up(reader, filters)
    rows = await page(reader, SERVER, filters, columns=Named._fields, sorts=sorts, marker=marker, limit=limit)
    return [Named(*row) for row in rows]


async def server_shown(reader: Reader, id: str) -> Found | None:
    """One server, deleted or not."""
    row = await reader.row(_shown, id=id)
    return None if row is None else Found(*row)


async def server_owner(reader: Reader, id: str) -> str | None:
    """The project of a server, deleted or not; None where there is no such server."""
    row = await reader.row(_owner, id=id)
    return None if row is None else str(row[0])


_on_hosts = by_sizes(
    lambda size: (
        select(_c.cloud, _c.host, _c.id, _c.extra)
        .where(among(_c.host, "h", size), _c.deleted_at.is_(None))
        .order_by(_c.created_at, _c.id)
    )
)


_sizes = Query(
    select(_c.project_id, _c.summary)
    .where(_c.host == bindparam("h"), _c.deleted_at.is_(None))
    .order_by(_c.created_at, _c.id)
)


#: A part of a project's servers that are on a host, in the order of their ids.
_of_project = Query(
    select(_c.id, _c.summary)
    .where(
        _c.project_id == bindparam("p"),
        (_c.user_id == bindparam("u")) | (bindparam("any") == 1),
        _c.id > bindparam("after"),
        _c.host != "",
        _c.deleted_at.is_(None),
    )
    .order_by(_c.id)
    .limit(MANY)
)


class _Flavor(Struct):
    vcpus: int = 0
    ram: int = 0
    disk: int = 0
    ephemeral: int = 0


class _Document(Struct):
    flavor: _Flavor


_flavor_of = msgspec.json.Decoder(_Document).decode


class ServersOnHosts:
    """Servers by the hosts that they are on."""

    async def on_hosts(
        self, reader: Reader, hosts: Sequence[tuple[str, str]]
    ) -> Mapping[tuple[str, str], list[tuple[str, str]]]:
        """Of each host, `(cloud, name there)`, the servers on it: `(name there, id)`. Those without are left out."""
        found: dict[tuple[str, str], list[tuple[str, str]]] = {}
        keys = [f"{cloud}:{name}" for cloud, name in hosts]
        for first in range(0, len(keys), MANY):
            query, values = padded(_on_hosts, "h", keys[first : first + MANY])
            for cloud, host, id, extra in await reader.rows(query, **values):
                name = _decode(extra).name if extra else ""
                found.setdefault((cloud, host.partition(":")[2]), []).append((name, id))
        return found

    async def sizes(self, reader: Reader, cloud: str, host: str) -> list[tuple[str, int, int, int]]:
        """Of each server on a host its project, and what it has: VCPUs, MiB of memory, GiB of disk."""
        rows = await reader.rows(_sizes, h=f"{cloud}:{host}")
        flavors = [(project_id, _flavor_of(bytes(summary)).flavor) for project_id, summary in rows]
        return [(id, one.vcpus, one.ram, one.disk + one.ephemeral) for id, one in flavors]

    async def sizes_of(
        self, reader: Reader, project_id: str, user_id: str | None
    ) -> tuple[int, int, int, int]:
        """Of the servers of a project (and user) that are on a host: how many there are, and VCPUs, MiB of memory and
        GiB of disk of all together.
        """
        count = vcpus = ram = disk = 0
        after = ""
        while True:
            rows = await reader.rows(
                _of_project, p=project_id, u=user_id or "", any=int(user_id is None), after=after
            )
            for _, summary in rows:
                one = _flavor_of(bytes(summary)).flavor
                vcpus, ram, disk = vcpus + one.vcpus, ram + one.ram, disk + one.disk + one.ephemeral
            count += len(rows)
            if len(rows) < MANY:
                return count, vcpus, ram, disk
            after = rows[-1][0]


# --- filters --------------------------------------------------------------------------------------


def conditions(search: Mapping[str, Any]) -> list[Condition]:
    """Conditions for filters by their names in Nova. Names that say nothing about a server are passed over.

    Values are texts, but for: lists of `vm_state`, `task_state` and tags, stamps in seconds, and booleans.
    """
    found: list[Condition] = _at_addresses([search[name] for name in ADDRESSES if name in search])
    for name, value in search.items():
        special = _SPECIAL.get(name)
        if special is not None:
            found += special(value)
        elif name in _EXACT:
            found.append(Filter(_EXACT[name], "in" if isinstance(value, list) else "eq", value))
        elif name in _PATTERN:
            found.append(_matching(_PATTERN[name], value))
        elif name in _CONSTANT and not re.search(value, _CONSTANT[name]):
            found.append(_NONE)
    return found


#: What stands for itself, with its ends held fast or not.
_LITERAL = re.compile(r"(\^?)((?:[^\\.^$*+?{}\[\]|()\n]|\\[.^$*+?{}\[\]|()\\])*)(\$?)")
_ESCAPE = re.compile(r"\\(.)")


def _matching(column: str, pattern: str) -> Filter:
    """A regular expression, or the cheaper LIKE where it has nothing special in it but its ends."""
    literal = _LITERAL.fullmatch(pattern)
    if literal is None:
        return Filter(column, "regex", pattern)
    start, text, end = literal.groups()
    text = _escaped(_ESCAPE.sub(r"\1", text))
    return Filter(column, "like", f"{'' if start else '%'}{text}{'' if end else '%'}")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


#: Filters by address. Nova looks both up in Neutron, where each is a part of any address of a port (its extension
#: ip-substring-filtering): no pattern, of either family, and a server that either finds is found.
ADDRESSES = ("ip", "ip6")
_OF_ADDRESS = re.compile(r"[0-9a-fA-F.:]+")


def _at_addresses(texts: Sequence[str]) -> list[Condition]:
    if not any(texts):
        return [_NONE] if texts else []
    parts = [text for text in texts if _OF_ADDRESS.fullmatch(text)]
    either = [Filter(column, "like", f"%{text}%") for text in parts for column in ADDRESSES]
    return [either] if either else [_NONE]


def _power_state(pattern: str) -> list[Condition]:
    matching = [state for state in _POWER_STATES if re.search(pattern, str(state))]
    return [Filter("power_state", "in", matching) if matching else _NONE]


def _launch_index(text: str) -> list[Condition]:
    return [Filter("launch_index", "eq", int(text)) if re.fullmatch("[0-9]{1,9}", text) else _NONE]


def _auto_disk_config(pattern: str) -> list[Condition]:
    matching = [value for value in (False, True) if re.search(pattern, str(int(value)))]
    return [Filter("auto_disk_config", "in", matching) if matching else _NONE]


def _tagged(tag: str) -> Filter:
    return Filter("tags", "like", f"%,{tag.encode().hex()},%")


def _untagged(tag: str) -> Filter:
    return Filter("tags", "notlike", f"%,{tag.encode().hex()},%")


_SPECIAL: dict[str, Callable[[Any], list[Condition]]] = {
    "power_state": _power_state,
    "launch_index": _launch_index,
    "auto_disk_config": _auto_disk_config,
    "locked": lambda locked: [Filter("locked", "eq", locked)],
    "deleted": lambda deleted: [Filter("deleted_at", "notnull" if deleted else "null")],
    "changes-since": lambda stamp: [Filter("updated_at", "ge", stamp)],
    # Users see whole seconds: what changed within the last of them counts.
    "changes-before": lambda stamp: [Filter("updated_at", "lt", stamp + 1)],
    "tags": lambda tags: [_tagged(tag) for tag in tags],
    "tags-any": lambda tags: [[_tagged(tag) for tag in tags]],
    "not-tags": lambda tags: [[_untagged(tag) for tag in tags]],
    "not-tags-any": lambda tags: [_untagged(tag) for tag in tags],
}
