"""Whatever is sent: never a 500, never a hang, a sentence in the service's own envelope, and nothing left behind."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from fractus.store.transaction import Query
from fractus.testing.asgi import HttpReply
from fractus.testing.user import COMPUTE, IMAGE, NETWORK, User
from fractus.testing.world import World
from tests.api.bodies import body_of, type_of
from tests.api.house import House, Served, furnish, served
from tests.api.refusals import faults_of
from tests.api.rows import Rows, changes, rows_of

#: Changes whenever another connection of SQLite has written anything.
_written = Query(text("PRAGMA data_version"))

#: Routes that end what the others need: they come last.
_ENDS = ("forceDelete", "os-resetState", "os-stop", "deactivate")

#: What is no JSON, or none that a service expects.
MALFORMED: dict[str, bytes] = {
    "nothing": b"",
    "a space": b" ",
    "half an object": b'{"server": {"name": "x"',
    "no JSON": b"name=x&flavor=1",
    "XML": b"<?xml version='1.0'?><server/>",
    "bytes that are no text": b'{"a": "\xff\xfe"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"a": 1}',
    "half a surrogate": b'{"a": "\\ud800"}',
    "not a number": b'{"a": NaN}',
    "infinity": b'{"a": 1e999}',
    "a huge number": b'{"a": ' + b"9" * 5000 + b"}",
    "a list": b"[]",
    "a list of objects": b'[{"a": 1}]',
    "a text": b'"text"',
    "a number": b"1",
    "null": b"null",
    "an empty object": b"{}",
    "another object": b'{"unexpected": {"a": 1}}',
    "two objects": b'{"a": {}, "b": {}}',
    "deep lists": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "a long key": b'{"' + b"k" * 100_000 + b'": 1}',
    "more than a body may have": b'{"a": "' + b"x" * (1 << 20) + b'"}',
}

_DEEP: Any = "bottom"
for _ in range(200):
    _DEEP = {"a": [_DEEP]}

#: What stands for each value of a valid body in turn.
WRONG: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 2**31, 2**63 - 1, 2**64 - 1, 1e300, "", " ", "x" * 256, "x" * 70_000, "\x00", "a\nb\x07c",
    "\u202e\U0001f600\u0000", "%s{0}${x}';--", "-1", "9" * 5000, "10.0.0.0/33", "::ffff:10.0.0.1",
    [], {}, [None], [[]], [{}],
    {"": None}, {"a": {"b": []}}, ["x", "x"], _DEEP,
)  # fmt: skip


def _mutants(value: Any) -> Iterator[Any]:
    """`value` with one thing in it wrong: each part in turn, each wrong value in turn; less one part; plus one."""
    yield from WRONG
    if isinstance(value, dict):
        for key, part in value.items():
            rest = {name: other for name, other in value.items() if name != key}
            yield rest
            yield {**rest, key.upper(): part}
            for mutant in _mutants(part):
                yield {**rest, key: mutant}
        for extra in ("unexpected", "", "a" * 300, "\x00", "id", "project_id", "created_at"):
            if extra not in value:
                yield {**value, extra: "x"}
    elif isinstance(value, list):
        for index, part in enumerate(value):
            for mutant in _mutants(part):
                yield [*value[:index], mutant, *value[index + 1 :]]
        yield value * 300
    elif isinstance(value, str):
        # What is right, with more behind it: a pattern may end before a line break that does.
        yield from (value + "\n", value + "\r\nX-More: 1")


class Siege:
    """Throws things at one route after the other."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.wrongs: list[str] = []
        self.refused = 0
        self.taken = 0
        self._rows: Rows | None = None

    def _who(self, one: Served) -> User:
        admins = one.route.path.startswith("/flavors") or one.route.action == "os-resetState"
        return self.house.world.admin if admins else self.house.owner

    async def throw(self, one: Served, body: bytes, what: str, version: str = "2.104") -> None:
        store = self.house.world.parts.store
        headers = {"Content-Type": type_of(one)}
        if self._rows is None:
            self._rows = await rows_of(self.house.world)
        before, began = await store.row(_written), time.process_time()
        try:
            async with asyncio.timeout(60):
                reply = await self._who(one).call(
                    one.route.method,
                    self.house.path(one),
                    body=body,
                    headers=headers,
                    version=version if one.service.type == "compute" else "",
                )
        except TimeoutError:
            self.wrongs.append(f"{one}: hangs on {what}")
            return
        await self._judge(one, reply, what, await store.row(_written) != before)
        # Of this process: what others do on the machine meanwhile makes nothing slow here.
        if (busy := time.process_time() - began) > 2.0:
            self.wrongs.append(f"{one}: {busy:.1f} s for {what}")

    async def _judge(self, one: Served, reply: HttpReply, what: str, wrote: bool) -> None:
        wrongs = faults_of(one.service.type, reply)
        if reply.status < 400:
            self.taken += 1
            self._rows = None
        else:
            self.refused += 1
        if reply.status >= 400 and wrote and self._rows is not None:
            # What was taken back may have been written too, and then it is as it was.
            wrongs += changes(self._rows, await rows_of(self.house.world))
        self.wrongs += [f"{one}: {wrong}, of {what[:200]}" for wrong in wrongs]

    async def look_around(self) -> None:
        """What was taken can be shown again."""
        for user in (self.house.owner, self.house.world.admin):
            for path in (
                f"{COMPUTE}/servers/detail", f"{COMPUTE}/flavors/detail", f"{COMPUTE}/os-keypairs",
                f"{NETWORK}/networks",
                f"{NETWORK}/subnets", f"{NETWORK}/ports", f"{NETWORK}/security-groups",
                f"{NETWORK}/security-group-rules", f"{IMAGE}/images",
            ):  # fmt: skip
                reply = await user.get(path)
                if reply.status != 200:
                    self.wrongs.append(f"{path}: {reply.status} {reply.body[:300]!r}")


async def _besieged(world: World, service: str) -> tuple[Siege, list[Served]]:
    house = await furnish(world, world.user("ann"))
    routes = [
        one
        for one in await served(world)
        if one.service.type == service and one.route.method in ("POST", "PUT", "PATCH") and not one.gone
        and not one.route.path.endswith(".json")
    ]  # fmt: skip
    routes.sort(key=lambda one: str(one).endswith(_ENDS))
    return Siege(house), routes


@pytest.mark.parametrize("service", ["compute", "network", "image"])
async def test_what_is_no_json_is_refused_with_a_sentence(world: World, service: str) -> None:
    siege, routes = await _besieged(world, service)
    for one in routes:
        for what, body in MALFORMED.items():
            if not one.route.raw:
                await siege.throw(one, body, what)
    assert not siege.wrongs, "\n".join(siege.wrongs)
    assert siege.refused > 10 * siege.taken


@pytest.mark.slow
@pytest.mark.parametrize("service", ["compute", "network", "image"])
async def test_bodies_with_one_thing_wrong(world: World, service: str) -> None:
    siege, routes = await _besieged(world, service)
    for one in routes:
        for mutant in _mutants(body_of(one, siege.house)):
            body = msgspec.json.encode(mutant)
            await siege.throw(one, body, body.decode())
    await siege.look_around()
    await world.settle(3600)
    await siege.look_around()
    assert not siege.wrongs, f"{len(siege.wrongs)}:\n" + "\n".join(siege.wrongs[:60])
    assert siege.refused > 700


# ---------------------------------------------------------------------- queries and paths

NAMES = (
    "limit", "marker", "sort_key", "sort_dir", "page_reverse", "fields", "sort", "name", "id", "status", "tags",
    "not-tags-any", "mtu", "revision_number", "shared", "admin_state_up", "cidr", "ip_version", "fixed_ips",
    "device_id", "port_range_min", "protocol", "created_at", "updated_at", "changes-since", "changes-before",
    "all_tenants", "deleted", "ip", "ip6", "flavor", "image", "host", "locked", "power_state", "launched_at",
    "progress", "minRam", "minDisk", "is_public", "user_id", "tenant_id", "visibility", "member_status", "size_min",
    "size_max", "min_ram", "owner", "protected", "os_hidden", "reserved", "unexpected", "",
)  # fmt: skip
VALUES = (
    "", "0", "-1", "1.5",
    str(2**63), str(2**64), "9" * 400, "9" * 5000, "x" * 3000, "true", "None", "null", "%00", "%ff%fe", "a%0Ab",
    "%F0%9F%98%80", "'", "%25", "(", "[a-", "(a%2B)%2B$", "*", "\\", "in:a,b", "in:%22", "neq:x", "gt:", "gt:x",
    "ip_address=10.0.0.1", "2025-01-01", "2025-13-45T99:99:99Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00",
    "desc", "name:desc", ":", ",", "id,,name", "&limit=2&limit=x", "=x",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("service", ["compute", "network", "image", "volume", "placement"])
async def test_queries_of_all_sorts(world: World, service: str) -> None:
    house = await furnish(world, world.user("ann"))
    await world.admin.listed(f"{NETWORK}/security-groups")
    for value in VALUES:  # the one read that makes something: the default group of the project that is named
        await world.admin.call("GET", f"{NETWORK}/security-groups?tenant_id={value}")
    before = await rows_of(world)
    wrongs, asked = [], 0
    for one in await served(world):
        reads = one.service.type == service and one.route.method == "GET" and not one.gone
        if (
            not reads
            or one.route.path.endswith((".json", "/tags/{tag}", "/file"))
            or "/schemas" in one.route.path
        ):
            continue
        names = NAMES if "{" not in one.route.path else ("limit", "fields", "marker", "unexpected")
        for name, value in itertools.product(names, VALUES):
            user = world.admin if asked % 2 else house.owner
            version = ("2.1", "2.60", "2.104")[asked % 3] if service == "compute" else ""
            version = "1.39" if service == "placement" else version
            asked += 1
            path = f"{house.path(one)}?{name}={value}"
            reply = await user.call("GET", path, version=version)
            wrongs += [f"{path[:200]} at {version}: {wrong}" for wrong in faults_of(service, reply)]
    assert not wrongs, f"{len(wrongs)} of {asked}:\n" + "\n".join(wrongs[:60])
    assert changes(before, await rows_of(world)) == []


async def test_queries_that_are_too_long(world: World) -> None:
    """As long as a server passes on: thousands of conditions are refused, or many of them are one."""
    ann = world.user("ann")
    await ann.makes_network("red")
    ids = [f"{number:08}-0000-4000-8000-000000000000" for number in range(400)]
    (found,) = await ann.listed(
        f"{NETWORK}/networks", id=[*ids, (await ann.listed(f"{NETWORK}/networks"))[0]["id"]]
    )
    assert found["name"] == "red", "as many ids as a client sends at once are looked for"
    for path, status in (
        (f"{NETWORK}/ports?" + "&".join(f"id={number}" for number in range(6000)), 400),
        (
            f"{NETWORK}/ports?"
            + "&".join(f"fixed_ips=ip_address%3D10.0.0.{number}" for number in range(2000)),
            400,
        ),
        (f"{NETWORK}/networks?" + "&".join(["sort_key=name&sort_dir=asc"] * 2000), 400),
        (f"{NETWORK}/networks?tags=" + ",".join(f"t{number}" for number in range(5000)), 200),
        (f"{COMPUTE}/servers?tags=" + ",".join(f"t{number}" for number in range(5000)), 200),
        (f"{COMPUTE}/servers?" + "&".join(["status=ACTIVE"] * 4000), 400),
        (f"{IMAGE}/images?" + "&".join(f"tag=t{number}" for number in range(3000)), 400),
        (f"{IMAGE}/images?sort=" + ",".join(["name:asc"] * 3000), 200),
        (f"{IMAGE}/images?name=in:" + ",".join(f"t{number}" for number in range(6000)), 400),
    ):
        began = time.process_time()
        reply = await ann.call("GET", path)
        assert reply.status == status, (path[:60], reply.body[:200])
        assert faults_of(path.split("/")[1], reply) == []
        assert time.process_time() - began < 5


PARTS = (
    "%00", "%2e%2e", "..", "a%2Fb", "%ff", "x" * 5000, "%F0%9F%98%80", "a%0Ab", "'%20or%201=1--", "%25s",
    "{id}", ".json",
    "None", "-1", "9" * 400, "%20", "a;b", "A-B", "%E2%80%AE",
)  # fmt: skip


@pytest.mark.parametrize("service", ["compute", "network", "image", "volume", "placement"])
async def test_paths_of_all_sorts(world: World, service: str) -> None:
    house = await furnish(world, world.user("ann"))
    await world.admin.listed(f"{NETWORK}/security-groups")
    before = await rows_of(world)
    wrongs = []
    for one in await served(world):
        if one.service.type != service or one.gone or "{" not in one.route.path:
            continue
        body = body_of(one, house)
        data = b"" if body is None else msgspec.json.encode(body)
        for part in PARTS:
            # The last parameter is the strange one; those before it are right.
            head, _, tail = one.route.path.rpartition("{")
            whole = Served(one.service, dataclasses.replace(one.route, path=head.rstrip("/") or "/"))
            path = f"{house.path(whole)}/{part}{tail.partition('}')[2]}"
            for user in (house.owner, world.admin):
                headers = {"Content-Type": type_of(one)}
                reply = await user.call(
                    one.route.method,
                    path,
                    body=data,
                    headers=headers,
                    version={"compute": "2.104", "placement": "1.39"}.get(service, ""),
                )
                wrongs += [f"{one.route.method} {path[:100]}: {wrong}" for wrong in faults_of(service, reply)]
                ends = one.route.path.endswith(("{tag}", "{key}", "{member_id}"))
                # Projects are Keystone's, and classes have any name: what could be one is taken.
                ends = ends or ("/os-quota-" in path and part in ("None", "A-B"))
                ends = ends or (one.route.path == "/quotas/{project_id}" and part in ("None", "A-B"))
                if reply.status < 400 and one.route.method != "GET" and not ends:
                    wrongs.append(f"{one.route.method} {path[:100]}: {reply.status}")
    assert not wrongs, f"{len(wrongs)}:\n" + "\n".join(wrongs[:60])
    tags = [line for line in changes(before, await rows_of(world)) if not line[2:].startswith(_TAGGED)]
    assert tags == []


#: Tables whose things have tags, which take any word; and limits, which name projects of Keystone's.
_TAGGED = (
    "quota_limit:",
    "server:",
    "network:",
    "subnet:",
    "port:",
    "security_group:",
    "subnetpool:",
    "qos_policy:",
    "router:",
    "floatingip:",
    "trunk:",
    "metering_label:",
    "image:",
    "metadef_namespace:",
    "flavor:",
    "work:",
    "presence:",
)
