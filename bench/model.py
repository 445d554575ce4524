"""A few servers made by the program itself, one for each way to be, and their rows as stencils.

Runs a `World` of one cloud, through API and worker. What is written into a store by these stencils has the shape that
the program writes today, whatever that is.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from bench.stencil import Marks, Stencil
from fractus.addressing import ranges
from fractus.app import registry
from fractus.local import seed
from fractus.model.resource import Resource
from fractus.services.image.images.view import HERE
from fractus.simulation import ids
from fractus.simulation.fill import of_all
from fractus.testing.clock import NEW_YEAR
from fractus.testing.user import MadeNetwork, User
from fractus.testing.world import World

#: How servers are. `dressed` ones have metadata and tags.
WAYS = ("plain", "dressed", "stopped", "error")
_NO_ROOM = "No valid host was found. There are not enough hosts available."

_CLOUD, _FLAVOR = "model-cloud", "m1.sim"

#: Tables whose rows say what happened, not what is, and what is read from each cloud again for each network.
_PASSING = ("finding", "unasked", "work", "quota_usage", "mirror_segment")

#: Stamps within texts: as users read them, as Nova's database has them, and as numbers in JSON.
_STAMP = re.compile(r"2026-01-01[T ]\d\d:\d\d:\d\d|17672\d{5}(?=\.\d)")
_NUMBERS = {"created_at": "created", "updated_at": "updated", "observed_at": "observed"}

_decode = msgspec.json.decode


class Stamp(NamedTuple):
    """A moment in the rows of the model."""

    mark: str
    after: float
    """Seconds since the server was asked for."""
    form: str
    """For `time.strftime`; empty: as a number."""


class Model(NamedTuple):
    """Stencils, by what there is one of for each."""

    once: list[Stencil]
    """Values: `stores`: of the image, which every cloud has a copy of."""
    cloud: list[Stencil]
    """Values: `cloud`."""
    project: list[Stencil]
    """Values: `project`, `user`, `network`, `subnet`, `group`, `zones` (a JSON list), `rule 0`, `rule 1` ... (of the
    group), and `free`: the key of the first address that nobody has."""
    project_cloud: list[Stencil]
    """Those of both, `network@`, `subnet@`, `group@` (the ids there), `project@`, and the keys of addresses that the
    cloud keeps for itself: `kept 0`, `kept 1` ..."""
    servers: dict[str, list[Stencil]]
    """By way. All of those above, and `server`, `port` (also with @), `name`, `ip`, `address` (its key), `mac`,
    `host`, `host_id`, `reservation`, stamps, and the numbers `created`, `updated`, `observed`, `changed` (text)."""
    stamps: dict[str, list[Stamp]]
    """By way, and under an empty text of all others."""
    keeps: int
    """So many addresses of each subnet are a cloud's own."""
    rules: int
    """So many rules each group has."""
    usage: dict[str, int]
    """What a project uses of its quotas without any server."""
    costs: dict[str, int]
    """What a server and its port add."""


async def make(directory: Path) -> Model:
    """Make the state directory `directory/state`, without anything in it but the schema and the image's bits."""
    async with World([_CLOUD], tmp_path=directory, identity="own") as world:
        flavor = await world.admin.makes_flavor(_FLAVOR)
        image = await world.admin.makes_image("sim", bits=seed.IMAGE_BYTES, visibility="public")
        user = world.user("modeller", "model")
        net = await user.makes_network(cidr=ids.CIDR, subnet={"allocation_pools": [ids.POOL]})
        made = {way: await _server(world, user, way, flavor, image, net) for way in WAYS}
        await world.settle()
        shown = {way: await user.server(server) for way, server in made.items()}
        ports = {one["device_id"]: one for one in await user.listed("/network/v2.0/ports")}
    database = directory / "state" / "fractus.db"
    images = directory / "state" / "images"
    (images / image).rename(images / ids.parent_id("image", 1))
    with sqlite3.connect(database) as db:
        cutter = _Cutter(db, user, net, {flavor: "flavor", image: "image"})
        model = cutter.cut({way: (shown[way], ports[server]) for way, server in made.items()})
    db.close()
    return model


async def _server(world: World, user: User, way: str, flavor: str, image: str, net: MadeNetwork) -> str:
    more: dict[str, Any] = {}
    if way == "dressed":
        more = {"metadata": {"role": "web", "stage": "production"}, "tags": ["web", "production"]}
    cloud = world.cloud(_CLOUD)
    if way == "error":
        cloud.faults.refuses(_NO_ROOM, kind="server", method="create")
    server = await user.boots_server(
        f"model-{way}", flavor=flavor, image=image, network=net, zone=_CLOUD, **more
    )
    await world.settle()
    cloud.faults.heals()
    if way == "stopped":
        (await user.acts(server, "os-stop")).ok()
        await world.settle()
    return server


class _Cutter:
    """Takes the model's rows out of its database."""

    def __init__(
        self, db: sqlite3.Connection, user: User, net: MadeNetwork, common: Mapping[str, str]
    ) -> None:
        self._db = db
        self._common = common
        self._rows = [
            (name, columns, of_all(columns, row) if name == "presence" else row)
            for name, columns in self._tables()
            for row in db.execute(f"SELECT * FROM {name}").fetchall()
        ]
        group = self._one("SELECT id FROM security_group WHERE project_id = ?", user.project_id)
        self._shared = {net.id: "network", net.subnet_id: "subnet", group: "group"}
        self._project = {user.project_id: "project", user.principal.user_id: "user"}
        self._stamps: dict[str, list[Stamp]] = {}

    def _one(self, statement: str, *values: Any) -> Any:
        (row,) = self._db.execute(statement, values).fetchall()
        return row[0]

    def _tables(self) -> list[tuple[str, tuple[str, ...]]]:
        names = self._db.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'alembic_version' ORDER BY name"
        ).fetchall()
        return [
            (name, tuple(row[1] for row in self._db.execute(f"PRAGMA table_info({name})")))
            for (name,) in names
        ]

    def cut(self, made: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]]) -> Model:
        """Everything, by what it belongs to; the tables are empty then."""
        usage, costs = self._usage(made)
        there = {
            (kind, id): remote
            for kind, id, remote in self._db.execute("SELECT kind, id, remote_id FROM presence").fetchall()
        }
        child_project = _decode(self._one("SELECT observed FROM presence WHERE kind = 'network'"))[
            "project_id"
        ]
        common = {id: ids.parent_id(kind, 1) for id, kind in self._common.items()}
        texts = {**self._project, **self._shared, _CLOUD: "cloud", child_project: "project@"}
        texts |= {
            there[kind, id]: f"{mark}@"
            for kind in ("network", "subnet", "security_group")
            for id, mark in self._shared.items()
            if (kind, id) in there
        }
        rules = self._db.execute("SELECT id FROM security_group_rule").fetchall()
        texts |= {id: f"rule {at}" for at, (id,) in enumerate(sorted(rules))}
        keeps = self._db.execute(
            "SELECT position FROM address WHERE holder = ?", (f"cloud/{_CLOUD}",)
        ).fetchall()
        texts |= {position: f"kept {at}" for at, (position,) in enumerate(sorted(keeps))}
        texts[self._one("SELECT first FROM free_range")] = "free"
        texts['"availability_zones":["' + _CLOUD + '"]'] = "zones"
        texts[image_stores([_CLOUD])] = "stores"
        own = {id for server, port in made.values() for id in (server["id"], port["id"])}
        rest: dict[str, list[Stencil]] = {"once": [], "cloud": [], "project": [], "project_cloud": []}
        for name, columns, row in self._rows:
            if name == "quota_usage" and not any(cell in self._project for cell in row):
                rest["once"].append(Stencil(name, columns, row, Marks(texts)))  # of who made the image
            if name in _PASSING or any(_within(id, cell) for id in own for cell in row):
                continue
            shared = any(_within(id, cell) for id in (*self._shared, *self._project) for cell in row)
            local = any(cell in (_CLOUD, f"cloud/{_CLOUD}") for cell in row)
            group = (
                "project_cloud" if shared and local else "project" if shared else "cloud" if local else "once"
            )
            rest[group].append(self._stencil(name, columns, _renamed(row, common), texts, ""))
        servers = {
            way: self._server_rows(way, server, port, {**texts}, there, common)
            for way, (server, port) in made.items()
        }
        for name, _ in self._tables():
            self._db.execute(f"DELETE FROM {name}")
        return Model(
            **rest,
            servers=servers,
            stamps=self._stamps,
            keeps=len(keeps),
            rules=len(rules),
            usage=usage,
            costs=costs,
        )

    def _server_rows(
        self,
        way: str,
        server: Mapping[str, Any],
        port: Mapping[str, Any],
        texts: dict[str, str],
        there: Mapping[tuple[str, str], str],
        common: Mapping[str, str],
    ) -> list[Stencil]:
        ip = port["fixed_ips"][0]["ip_address"]
        host, reservation = self._db.execute(
            "SELECT host, reservation_id FROM server WHERE id = ?", (server["id"],)
        ).fetchone()
        texts |= {server["id"]: "server", port["id"]: "port", server["name"]: "name", ip: "ip"}
        texts |= {port["mac_address"]: "mac", ranges.key(ranges.number(ip), 4): "address"}
        texts |= {reservation: "reservation"}
        for kind, id in (("server", server["id"]), ("port", port["id"])):
            if there.get((kind, id)):
                texts[there[kind, id]] = f"{kind}@"
        if server["hostId"]:
            texts[server["hostId"]] = "host_id"
        if ":" in host:
            texts[host.partition(":")[2]] = "host"
        texts[f'"updated":"{server["updated"]}"'] = "changed"
        return [
            self._stencil(name, columns, _renamed(row, common), texts, way)
            for name, columns, row in self._rows
            if name not in _PASSING
            and any(_within(id, cell) for id in (server["id"], port["id"]) for cell in row)
        ]

    def _stencil(
        self, name: str, columns: tuple[str, ...], row: tuple[Any, ...], texts: Mapping[str, str], way: str
    ) -> Stencil:
        known = self._stamps.setdefault(way, [])
        found = {text for cell in row for text in _STAMP.findall(_text(cell))}
        for text in sorted(found):
            if not any(one.mark == text for one in known):
                known.append(_stamp(text))
        # Of a cloud it is kept when it was added; what else was made there is as old as the servers.
        numbers = {} if name == "cloud" else _NUMBERS
        return Stencil(name, columns, row, Marks({**texts, **{text: text for text in found}}, numbers))

    def _usage(
        self, made: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]]
    ) -> tuple[dict[str, int], dict[str, int]]:
        project = next(iter(self._project))
        used = dict(
            self._db.execute(
                "SELECT name, used FROM quota_usage WHERE scope = 'project' AND owner = ?", (project,)
            ).fetchall()
        )
        costs: dict[str, int] = {}
        first = next(iter(made.values()))
        for kind, thing in zip(("server", "port"), first, strict=True):
            desired = self._one(f"SELECT desired FROM {kind} WHERE id = ?", thing["id"])
            resource = Resource(kind=kind, id=thing["id"], project_id=project, desired=_decode(desired))
            costs |= registry.COSTS[kind].of(resource)
        return {name: used[name] - len(made) * costs.get(name, 0) for name in used}, costs


def image_stores(clouds: Iterable[str]) -> str:
    """What the document of an image says of where its bits are: here, and in these clouds, in order."""
    return f'"stores":"{",".join(sorted([HERE, *clouds]))}"'


def _renamed(row: Iterable[Any], names: Mapping[str, str]) -> tuple[Any, ...]:
    """With other texts for some, everywhere."""
    cells = list(row)
    for old, new in names.items():
        for at, cell in enumerate(cells):
            if isinstance(cell, str):
                cells[at] = cell.replace(old, new)
            elif isinstance(cell, bytes):
                cells[at] = cell.replace(old.encode(), new.encode())
    return tuple(cells)


def _stamp(text: str) -> Stamp:
    if text[4] != "-":
        return Stamp(text, float(text) - NEW_YEAR, "")
    hours, minutes, seconds = (int(part) for part in text[11:].split(":"))
    after = 3600.0 * hours + 60.0 * minutes + seconds
    return Stamp(text, after, f"%Y-%m-%d{text[10]}%H:%M:%S")


def _text(cell: Any) -> str:
    """What of a cell may hold texts of ours; sealed things are bytes, too, and hold none."""
    if isinstance(cell, bytes):
        return cell.decode("utf-8", "replace")
    return cell if isinstance(cell, str) else ""


def _within(text: str, cell: Any) -> bool:
    return text.encode() in cell if isinstance(cell, bytes) else isinstance(cell, str) and text in cell
