"""No request keeps the process from all others: the largest lists and maps that a body may have, in every place.

The places are taken from the declarations: the attribute maps of the network API, the types of compute's bodies, the
fields of an image; and every value of a body that its route takes. What is measured is how long the event loop is held
at a time, in CPU seconds of its thread, beside what the parser alone needs for the largest body at the same moment:
CPU seconds are dearer on a slow machine, and on one whose cores are shared.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from msgspec import inspect as introspect

from fractus.base import collector
from fractus.base.ids import is_uuid
from fractus.services.compute.servers.schema import bodies
from fractus.services.field import Fields
from fractus.services.image.images import schema as image_schema
from fractus.services.network.address_groups.kind import KIND as ADDRESS_GROUP
from fractus.services.network.address_scopes.kind import KIND as ADDRESS_SCOPE
from fractus.services.network.default_security_group_rules.kind import KIND as DEFAULT_RULE
from fractus.services.network.dialect.schema import attributes
from fractus.services.network.dialect.schema.attributes import MOST
from fractus.services.network.flavors.kind import KIND as NETWORK_FLAVOR
from fractus.services.network.floating_ips.kind import KIND as FLOATING_IP
from fractus.services.network.metering_labels.kind import KIND as METERING_LABEL
from fractus.services.network.metering_labels.kind import RULE as METERING_LABEL_RULE
from fractus.services.network.networks.kind import FIELDS as NETWORK_ATTRIBUTES
from fractus.services.network.ports.kind import FIELDS as PORT_ATTRIBUTES
from fractus.services.network.qos_policies.kind import KIND as QOS_POLICY
from fractus.services.network.routers.kind import KIND as ROUTER
from fractus.services.network.security_groups.kind import FIELDS as GROUP_ATTRIBUTES
from fractus.services.network.security_groups.kind import RULE_FIELDS as RULE_ATTRIBUTES
from fractus.services.network.service_profiles.kind import KIND as SERVICE_PROFILE
from fractus.services.network.subnet_pools.kind import KIND as SUBNET_POOL
from fractus.services.network.subnets.kind import FIELDS as SUBNET_ATTRIBUTES
from fractus.services.network.trunks.kind import KIND as TRUNK
from fractus.testing.asgi import HttpReply
from fractus.testing.world import World
from fractus.web.bounds import MOST_ENTRIES
from fractus.web.face import WebSettings
from tests.api.bodies import body_of, type_of
from tests.api.house import House, Served, furnish, served
from tests.api.refusals import faults_of

#: How often a callback of the event loop may take what the parser takes for the costliest body of the largest size.
HELD = 3.0
#: How often a body that is refused is sent again before its refusal counts as too dear.
AGAIN = 6
#: The largest body.
ROOM = WebSettings().max_body

KINDS: dict[str, Fields] = {
    "network": NETWORK_ATTRIBUTES,
    "subnet": SUBNET_ATTRIBUTES,
    "port": PORT_ATTRIBUTES,
    "security_group": GROUP_ATTRIBUTES,
    "security_group_rule": RULE_ATTRIBUTES,
    "address_group": ADDRESS_GROUP.fields,
    "default_security_group_rule": DEFAULT_RULE.fields,
    "address_scope": ADDRESS_SCOPE.fields,
    "qos_policy": QOS_POLICY.fields,
    "router": ROUTER.fields,
    "subnetpool": SUBNET_POOL.fields,
    "floatingip": FLOATING_IP.fields,
    "trunk": TRUNK.fields,
    "metering_label": METERING_LABEL.fields,
    "metering_label_rule": METERING_LABEL_RULE.fields,
    "network_flavor": NETWORK_FLAVOR.fields,
    "service_profile": SERVICE_PROFILE.fields,
}
#: The types of compute's bodies, by route. All that have a list or a map in them must be here.
MODELS: dict[str, type] = {
    "compute POST /servers": bodies.CreateBody,
    "compute POST /servers/{server_id}/metadata": bodies.MetadataBody,
    "compute PUT /servers/{server_id}/metadata": bodies.MetadataBody,
    "compute PUT /servers/{server_id}/metadata/{key}": bodies.MetaBody,
    "compute PUT /servers/{server_id}/tags": bodies.TagsBody,
}

Way = tuple[str | int, ...]


def parsing() -> float:
    """What the parser needs for the costliest body of the largest size, many empty lists. CPU seconds."""
    body = b"[" + b",".join([b"[]"] * ((ROOM - 4096) // 3)) + b"]"
    costs = []
    for _ in range(2):
        began = time.thread_time()
        msgspec.json.decode(body)
        costs.append(time.thread_time() - began)
    return min(costs)


class Watch:
    """How long the event loop was held at a time."""

    def __init__(self) -> None:
        self.longest = 0.0

    def run(self, handle: Any, run: Callable[[Any], None]) -> None:
        began = time.thread_time()
        run(handle)
        self.longest = max(self.longest, time.thread_time() - began)


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    found, run = Watch(), asyncio.Handle._run
    monkeypatch.setattr(asyncio.Handle, "_run", lambda handle: found.run(handle, run))
    thresholds = gc.get_threshold()
    collector.settle()  # as in the process that serves
    yield found
    gc.unfreeze()
    gc.set_threshold(*thresholds)


# --- places ---------------------------------------------------------------------------------------


def _values(body: Any, way: Way = ()) -> Iterator[tuple[Way, Any]]:
    yield way, body
    if isinstance(body, dict):
        for name, part in body.items():
            yield from _values(part, (*way, name))
    elif isinstance(body, list):
        for place, part in enumerate(body):
            yield from _values(part, (*way, place))


def _declared(one: Served, body: Any) -> Iterator[tuple[Way, Any]]:
    """Lists and maps that the route declares, with an example of an item."""
    if one.service.type == "network" and isinstance(body, dict):
        for kind in KINDS.keys() & body.keys():
            new = one.route.method == "POST"
            for name, attribute in KINDS[kind].items():
                if (attribute.post if new else attribute.put) and name not in body[kind]:
                    yield (kind, name), None
            if new:
                yield (f"{kind}s",), body[kind]
    elif str(one) in MODELS:
        yield from _of_struct(introspect.type_info(MODELS[str(one)]), ())
    elif str(one) == "image POST /images":
        for name in image_schema._TYPES:
            yield (name,), None


def _of_struct(kind: Any, way: Way) -> Iterator[tuple[Way, Any]]:
    for field in kind.fields:
        for part in _parts(field.type):
            if isinstance(part, introspect.StructType):
                yield from _of_struct(part, (*way, field.encode_name))
            elif isinstance(part, introspect.CollectionType | introspect.DictType):
                yield (*way, field.encode_name), _example(getattr(part, "item_type", None))


def _parts(kind: Any) -> list[Any]:
    if isinstance(kind, introspect.Metadata):
        return _parts(kind.type)
    return list(kind.types) if isinstance(kind, introspect.UnionType) else [kind]


def _example(kind: Any) -> Any:
    """A value of a type, as far as lists have such items."""
    if kind is None:
        return None
    (first, *_) = _parts(kind)
    if isinstance(first, introspect.StructType):
        return {field.encode_name: _example(field.type) for field in first.fields[:3]}
    return 1 if isinstance(first, introspect.IntType) else "x"


def _put(body: Any, way: Way, value: Any) -> Any:
    """The body with a value in another place; other members of the objects on the way stay."""
    if not way:
        return value
    step, rest = way[0], way[1:]
    if isinstance(step, int):
        return [*body[:step], _put(body[step], rest, value), *body[step + 1 :]]
    inner = body.get(step) if isinstance(body, dict) else None
    return {**(body if isinstance(body, dict) else {}), step: _put(inner, rest, value)}


# --- what is put there ----------------------------------------------------------------------------


def _variant(item: Any, number: int, version: int) -> Any:
    """Another item of the same form."""
    if isinstance(item, dict):
        return {name: _variant(part, number, version) for name, part in item.items()}
    if isinstance(item, list):
        return [_variant(part, number, version) for part in item]
    if not isinstance(item, str):
        return item
    address, slash, _ = item.partition("/")
    if item.count(".") == 3 and address.replace(".", "").isdigit():
        if version == 4:
            text = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
            return f"{text}/32" if slash else text
        return f"fd00::{number >> 16:x}:{number & 0xFFFF:x}" + ("/128" if slash else "")
    if is_uuid(item):
        return f"{number:08x}-0000-4000-8000-000000000000"
    if item.startswith("fa:16:3e"):
        return "fa:16:3e:" + ":".join(f"{number >> shift & 255:02x}" for shift in (16, 8, 0))
    return f"{item[:20]}{number}"


def _list(make: Callable[[int], Any], most: int, more: int = 0) -> list[Any]:
    """As many items as there is room for, or `most`. `more`: bytes that each needs beside itself."""
    each = len(msgspec.json.encode(make(0x1FFFF))) + 1 + more
    return [make(number) for number in range(min(most, (ROOM - 4096) // each))]


def _sized(item: Any, most: int) -> Iterator[tuple[str, Any]]:
    yield f"{most} names", _list(lambda number: f"{number:x}", most)
    yield f"{most} names of members", dict.fromkeys(_list(lambda number: f"{number:x}", most, 3), "")
    if item is not None:
        yield f"{most} like {item}", _list(lambda number: _variant(item, number, 4), most)
        yield f"{most} like {item} of IPv6", _list(lambda number: _variant(item, number, 6), most)
        yield f"{most} times {item}", _list(lambda _: item, most)


Fillings = list[tuple[str, bytes]]
_known: dict[bytes, Fillings] = {}


def _fillings(item: Any) -> Fillings:
    """Lists and maps of all sorts, of the largest size and of those that just pass; as JSON."""
    key = msgspec.json.encode(item)
    if key not in _known:
        every = [*_sized(item, ROOM), *_sized(item, MOST_ENTRIES), *_sized(item, MOST)]
        every.append(("objects", _list(lambda number: {"": number}, ROOM)))
        every.append(("lists", _list(lambda _: [], ROOM)))
        every.append(("numbers", _list(lambda number: number, ROOM)))
        _known[key] = [(what, msgspec.json.encode(filling)) for what, filling in every]
    return _known[key]


def _scalars() -> Iterator[tuple[str, bytes]]:
    room = ROOM - 4096
    yield "names", msgspec.json.encode(_list(lambda number: f"{number:x}", ROOM))
    for what, text in (("a text", "x"), ("digits", "9"), ("spaces", " "), ("slashes", "/ ")):
        yield what, msgspec.json.encode(text * (room // len(text)))


#: Stands where a filling goes.
_HERE = "@here@"


def _filled(body: Any, way: Way, filling: bytes) -> bytes:
    return msgspec.json.encode(_put(body, way, _HERE)).replace(f'"{_HERE}"'.encode(), filling)


class Siege:
    """Sends bodies, and looks how long the loop was held by each."""

    def __init__(self, world: World, house: House, watch: Watch) -> None:
        self.world, self.house, self.watch = world, house, watch
        self.wrongs: list[str] = []
        self.parsing = parsing()
        self.sent = 0
        self.most = (0.0, "")

    async def send(self, one: Served, body: bytes, what: str) -> None:
        admins = one.route.path.startswith(("/flavors", "/os-quota", "/quotas"))
        assert len(body) <= ROOM
        self.sent += 1
        gc.freeze()  # what the test holds is nothing that the collector would look through in the process that serves
        user = self.world.admin if admins else self.house.owner

        async def answered() -> HttpReply:
            self.watch.longest = 0.0  # what the test itself has done before this is over and noted down
            return await user.call(
                one.route.method,
                self.house.path(one),
                body=body,
                headers={"Content-Type": type_of(one)},
                version="2.104" if one.service.type == "compute" else "",
            )

        reply = await asyncio.create_task(answered())
        held = self.watch.longest / self.parsing
        for _ in range(AGAIN):
            # What shares a core with us costs CPU seconds too: of what is refused each time the least counts.
            if held > HELD and reply.status >= 400:
                self.parsing = parsing()
                await asyncio.create_task(answered())
                held = min(held, self.watch.longest / self.parsing)
        wrongs = faults_of(one.service.type, reply)
        self.most = max(self.most, (held, f"{one}: {what}"[:200]))
        if held > HELD:
            wrongs.append(f"the loop was held {held:.1f} times as long as the parser needs ({reply.status})")
        if len(reply.body) > 50_000 and reply.status >= 400:
            wrongs.append(f"an error of {len(reply.body)} bytes")
        self.wrongs += [f"{one}: {what}: {wrong}"[:400] for wrong in wrongs]


async def _besieged(world: World, watch: Watch, service: str) -> tuple[Siege, list[Served]]:
    house = await furnish(world, world.user("ann"))
    routes = [
        one
        for one in await served(world)
        if one.service.type == service
        and one.route.method in ("POST", "PUT", "PATCH")
        and not (one.gone or one.route.raw or one.route.path.endswith(".json"))
    ]
    return Siege(world, house, watch), routes


@pytest.mark.parametrize("service", ["compute", "network", "image", "volume"])
async def test_no_list_or_map_holds_the_loop(world: World, watch: Watch, service: str) -> None:
    siege, routes = await _besieged(world, watch, service)
    for one in routes:
        body = body_of(one, siege.house)
        if body is None:
            continue
        places = {way: value for way, value in _values(body) if isinstance(value, list | dict)}
        items = {
            way: (value[0] if isinstance(value, list) and value else None) for way, value in places.items()
        }
        declared = {way: item for way, item in _declared(one, body) if way not in items}
        for way, item in {**items, **declared}.items():
            for what, filling in _fillings(item):
                await siege.send(one, _filled(body, way, filling), f"{'.'.join(map(str, way))}: {what}")
    assert siege.sent > 200
    assert siege.wrongs == [], f"{len(siege.wrongs)} of {siege.sent}:\n" + "\n".join(siege.wrongs[:60])


@pytest.mark.slow
@pytest.mark.parametrize("service", ["compute", "network", "image", "volume"])
async def test_no_long_value_holds_the_loop(world: World, watch: Watch, service: str) -> None:
    siege, routes = await _besieged(world, watch, service)
    for one in routes:
        body = body_of(one, siege.house)
        for way, value in _values(body):
            if not isinstance(value, list | dict):
                for what, filling in _scalars():
                    await siege.send(one, _filled(body, way, filling), f"{'.'.join(map(str, way))}: {what}")
    assert siege.wrongs == [], f"{len(siege.wrongs)} of {siege.sent}:\n" + "\n".join(siege.wrongs[:60])


def test_every_body_of_compute_with_a_list_or_a_map_is_looked_at() -> None:
    found = set()
    for _, model in inspect.getmembers(bodies, inspect.isclass):
        is_body = issubclass(model, bodies.Body) and model.__name__.endswith("Body")
        if is_body and list(_of_struct(introspect.type_info(model), ())):
            found.add(model)
    assert found == set(MODELS.values())


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_list_of_the_network_api_states_how_long_it_may_be(kind: str) -> None:
    """Those that are given and have a check that takes lists."""
    for name, attribute in KINDS[kind].items():
        if attribute.check is None or not (attribute.post or attribute.put):
            continue
        try:
            takes_lists = attribute.check([]) is None
        except Exception:
            takes_lists = False
        assert takes_lists is (attribute.bound is not None), name
    assert set(KINDS) == {"network", "subnet", "port", "security_group", "security_group_rule"} | {
        "address_group",
        "address_scope",
        "default_security_group_rule",
        "qos_policy",
        "router",
        "subnetpool",
        "floatingip",
        "trunk",
        "metering_label",
        "metering_label_rule",
        "network_flavor",
        "service_profile",
    }
    assert attributes.MOST <= MOST_ENTRIES
