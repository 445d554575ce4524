"""Tenants: each carries out their own sequence of operations against the endpoint, and writes down what came of it."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import aiohttp

from tests.faults import declared, joins, journal, plan
from tests.faults.journal import Journal
from tests.faults.model import MAYBE, NO, YES, Model
from tests.faults.plan import Op

COMPUTE, NETWORK, IMAGE = "/compute/v2.1", "/network/v2.0", "/image/v2"
VERSION, VOLUME_VERSION = "2.79", "3.71"

#: Seconds that a tenant waits for an answer.
PATIENCE = 20.0

COLLECTION = {
    "network": f"{NETWORK}/networks",
    "subnet": f"{NETWORK}/subnets",
    "port": f"{NETWORK}/ports",
    "group": f"{NETWORK}/security-groups",
    "rule": f"{NETWORK}/security-group-rules",
    "keypair": f"{COMPUTE}/os-keypairs",
    "flavor": f"{COMPUTE}/flavors",
    "image": f"{IMAGE}/images",
    "server": f"{COMPUTE}/servers",
    **declared.ROOTS,
}
WRAPPER = {
    "group": "security_group",
    "rule": "security_group_rule",
    "image": "",
    **{name: kind.key for name, kind in declared.KINDS.items()},
}

BITS = b"An image for the fault suite.\n" * 40
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHs0v9GLLbl3GXzP7G0nG0q4NvyjcJbhyXyD2F1Vh0zm faults"


@dataclasses.dataclass
class Reply:
    """What came back. `status` 0: nothing, or not all of it."""

    status: int
    body: Any = None
    why: str = ""

    @property
    def unknown(self) -> bool:
        """Whether nobody can say if it was done."""
        return self.status == 0 or self.status >= 500

    def message(self) -> str:
        """The sentence in an error."""
        if not isinstance(self.body, dict):
            return str(self.body or "")[:200]
        inner = next((one for one in self.body.values() if isinstance(one, dict)), self.body)
        return str(inner.get("message", ""))[:200]


class Endpoint:
    """The API: several processes, of which a caller takes the next one that is there, as a balancer would."""

    def __init__(self, urls: Sequence[str], counts: Counter[str]) -> None:
        self._urls = list(urls)
        self._turn = itertools.cycle(range(len(self._urls)))
        self._session: aiohttp.ClientSession | None = None
        self.counts = counts
        self.statuses: Counter[int] = Counter()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            # One connection for each request: what a killed process does to a kept one is an error of the pool's.
            connector = aiohttp.TCPConnector(limit=0, force_close=True)
            self._session = aiohttp.ClientSession(connector=connector)
            # A PUT or DELETE whose answer is lost must not be sent again behind our back: we would hear of the second.
            self._session._retry_connection = False
        return self._session

    async def call(self, method: str, path: str, token: str, body: Any = None, data: bytes = b"") -> Reply:
        """One request. Where nobody listens, the next process is asked: nothing had left yet."""
        reply = Reply(0, why="no API process listens")
        for _ in range(3 * len(self._urls)):
            try:
                reply = await self._ask(self._urls[next(self._turn)] + path, method, token, body, data)
                break
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(0.2)
        self.counts["requests"] += 1
        self.statuses[reply.status] += 1
        if reply.unknown:
            self.counts["failed requests"] += 1
        return reply

    async def _ask(self, url: str, method: str, token: str, body: Any, data: bytes) -> Reply:
        version = f"volume {VOLUME_VERSION}" if "/volume/" in url else f"compute {VERSION}"
        headers = {"X-Auth-Token": token, "OpenStack-API-Version": version}
        if method == "PATCH":
            headers["Content-Type"] = "application/openstack-images-v2.1-json-patch"
        sent: dict[str, Any] = {
            "data": data,
            "headers": {**headers, "Content-Type": "application/octet-stream"},
        }
        if not data:
            sent = {"json": body, "headers": headers} if body is not None else {"headers": headers}
        try:
            timeout = aiohttp.ClientTimeout(total=PATIENCE, sock_connect=5.0)
            async with self._opened().request(method, url, timeout=timeout, **sent) as answer:
                text = await answer.read()
                kind = answer.headers.get("Content-Type", "")
                return Reply(answer.status, await answer.json() if text and "json" in kind else None)
        except aiohttp.ClientConnectorError:
            raise
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return Reply(0, why=f"{type(error).__name__}: {error}")


class Tenant:
    """Somebody with a project of their own, and slots for what they have."""

    def __init__(
        self, name: str, endpoint: Endpoint, token: str, book: Journal, model: Model, fixtures: dict[str, str]
    ) -> None:
        """`model` is kept up to date as the journal is written; `fixtures` are ids of what everybody may use."""
        self.name = name
        self.endpoint = endpoint
        self.token = token
        self.fixtures = fixtures
        self.done: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.wrongs: list[str] = []
        self._book = book
        self._model = model
        self._slots: dict[tuple[str, int], str] = {}
        self.joined: dict[tuple[str, str], str] = {}
        """(what joins, the key of what has it) -> the key of the last one."""
        self.secrets: dict[str, str] = {}
        """The key of an offered volume -> what whoever takes it must say."""
        self._rules: dict[str, list[str]] = defaultdict(list)
        self._verbs: dict[str, Callable[[Op], Any]] = {
            "list": self._list,
            "show": self._show,
            "port groups": self._set_groups,
            "flavor specs": self._set_specs,
            "rule delete": self._delete_rule,
            "subnet delete": self._delete_subnet,
            "server stop": lambda op: self._power(op, "os-stop", "SHUTOFF", 0),
            "server start": lambda op: self._power(op, "os-start", "ACTIVE", 1),
            "server reboot": lambda op: self._power(op, "reboot", "ACTIVE", 1),
        }

    async def act(self, op: Op) -> None:
        """Carry out one operation."""
        special, joining = self._verbs.get(op.verb), joins.OPERATIONS.get(op.verb)
        if special is not None:
            happened = await special(op)
        elif joining is not None:
            happened = await joining(self, op)
        else:
            kind, action = op.verb.split(" ")
            happened = await getattr(self, f"_{action}")(op, kind)
        (self.skipped if happened is False else self.done)[op.verb] += 1

    # ------------------------------------------------------------------ asking

    async def ask(
        self,
        act: str,
        key: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        data: bytes = b"",
        **more: Any,
    ) -> Reply:
        """One request that changes something, with its two lines in the journal."""
        line = {"tenant": self.name, "act": act, "key": key, "method": method, "path": path, **more}
        number = self._write(journal.ASKED, **line)
        reply = await self.endpoint.call(method, path, self.token, body, data)
        if reply.unknown:
            self._write(journal.UNKNOWN, to=number, status=reply.status, why=reply.why or reply.message())
        else:
            reported = (
                _reported(more.get("kind", ""), reply.body) if reply.status < 300 and act == "create" else {}
            )
            if reply.status >= 400:
                reported["message"] = reply.message()
                self.refused[
                    f"{more.get('kind', '')} {act} {reply.status} {_plain(reported['message'])}"
                ] += 1
            self._write(journal.ANSWERED, to=number, status=reply.status, **reported)
        return reply

    def _write(self, what: str, **more: Any) -> int:
        line = self._book.write(what, **more)
        self._model.take(line)
        return int(line["n"])

    def thing(self, kind: str, slot: int | None) -> Any:
        """What the slot holds, if it is known to be there and its id is known."""
        return self.known(self._slots.get((kind, slot if slot is not None else -1), ""))

    def known(self, key: str) -> Any:
        """The thing of this key, if it is known to be there and its id is known."""
        thing = self._model.things.get(key)
        return thing if thing is not None and thing.id and thing.exists == YES else None

    # ------------------------------------------------------------------ create

    async def _create(self, op: Op, kind: str) -> bool:
        slot = op.args["slot"]
        name = f"{self.name}-{kind}-{op.number}"
        key = f"{self.name}/{kind}/{slot}#{op.number}"
        maker = getattr(self, f"_body_of_{kind}", None)
        made = self._declared(kind, name) if maker is None else maker(op, name)
        if made is None:
            return False
        body, fields, more = made
        if kind not in ("subnet", "rule"):
            self._slots[kind, slot] = key
        wrapped = body if kind == "image" else {WRAPPER.get(kind, kind): body}
        reply = await self.ask(
            "create", key, "POST", COLLECTION[kind], wrapped, kind=kind, name=name, fields=fields, **more
        )
        if reply.status >= 300 or reply.unknown:
            return True
        if kind == "network":
            await self._create(op._replace(args={**op.args, "first": True}), "subnet")
        if kind == "rule":
            self._rules[more["parent"]].append(key)
        if kind == "volume_transfer":
            self.secrets[key] = reply.body["transfer"]["auth_key"]
        if kind == "image":
            path = f"{IMAGE}/images/{reply.body['id']}/file"
            await self.ask("change", key, "PUT", path, data=BITS, fields={"bits": True})
        return True

    def _body_of_network(self, op: Op, name: str) -> Any:
        return {"name": name}, {"name": name}, {}

    def _body_of_subnet(self, op: Op, name: str) -> Any:
        network = self.thing("network", op.args["slot"])
        if network is None:
            return None
        salt = op.args["salt"]
        cidr = f"10.{10 + salt % 200}.{salt // 200 % 250}.0/24" if op.args.get("first") else (
            f"172.{16 + salt % 16}.{salt // 16 % 250}.0/24"
        )  # fmt: skip
        body = {"name": name, "network_id": network.id, "ip_version": 4, "cidr": cidr}
        return body, {"name": name, "cidr": cidr}, {"parent": network.key}

    def _body_of_group(self, op: Op, name: str) -> Any:
        return {"name": name}, {"name": name}, {}

    def _body_of_rule(self, op: Op, name: str) -> Any:
        group = self.thing("group", op.args["slot"])
        if group is None:
            return None
        port = 1000 + op.number
        body = {"security_group_id": group.id, "direction": "ingress", "protocol": "tcp",
                "port_range_min": port, "port_range_max": port}  # fmt: skip
        return body, {"port_range_min": port}, {"parent": group.key}

    def _body_of_port(self, op: Op, name: str) -> Any:
        network = self.thing("network", op.args["network"])
        if network is None:
            return None
        return {"name": name, "network_id": network.id}, {"name": name}, {"on": network.id}

    def _body_of_keypair(self, op: Op, name: str) -> Any:
        return {"name": name, "public_key": KEY}, {}, {}

    def _body_of_image(self, op: Op, name: str) -> Any:
        body = {"name": name, "disk_format": "raw", "container_format": "bare"}
        if self.name == "admin":
            body["visibility"] = "public"
        return body, {"name": name}, {}

    def _body_of_flavor(self, op: Op, name: str) -> Any:
        body = {"name": name, "vcpus": 1, "ram": 64 + op.number, "disk": 1}
        return body, {"name": name}, {}

    def _body_of_server(self, op: Op, name: str) -> Any:
        args = op.args
        network, port = self.thing("network", args["network"]), self.thing("port", args["port"])
        image, keypair = self.thing("image", args["image"]), self.thing("keypair", args["keypair"])
        groups = [one for slot in args["groups"] if (one := self.thing("group", slot)) is not None]
        if network is None and port is None and not args["shared"]:
            return None
        nets = [{"port": port.id}] if port else [{"uuid": network.id}] if network else []
        if args["shared"]:
            nets.append({"uuid": self.fixtures["network"]})
        flavor = self.fixtures["flavor"]
        if args["flavor"] is not None:
            flavor = self.fixtures.get(f"flavor {args['flavor']}", flavor)
        body: dict[str, Any] = {
            "name": name,
            "flavorRef": flavor,
            "imageRef": image.id
            if image and True in image.fields.get("bits", [])
            else self.fixtures["image"],
            "networks": nets,
        }
        if keypair:
            body["key_name"] = keypair.name
        if groups and not port:
            body["security_groups"] = [{"name": group.id} for group in groups]
        if args["zone"]:
            body["availability_zone"] = args["zone"]
        uses = [one.id for one in (network, port, image, keypair, *groups) if one is not None]
        return body, {"name": name, "power": "ACTIVE", "metadata": {}}, {
            "nets": len(nets), "uses": [*uses, flavor], "zone": args["zone"]
        }  # fmt: skip

    def _body_of_volume(self, op: Op, name: str) -> Any:
        """Empty, or of an image; where its cloud is not named, it is chosen."""
        made = self._declared("volume", name)
        if made is None:
            return None
        body, fields, more = made
        image = self.thing("image", op.args["image"])
        if image is not None and True in image.fields.get("bits", []):
            body, more = {**body, "imageRef": image.id}, {**more, "uses": [image.id]}
        if op.args["zone"]:
            body = {**body, "availability_zone": op.args["zone"]}
        return body, fields, more

    def _declared(self, kind: str, name: str) -> Any:
        used: list[Any] = []

        def find(what: str) -> str:
            if what in ("external network", "volume type"):
                return self.fixtures[what]
            slots = [self.thing(what, slot) for slot in range(plan.SLOTS.get(what, 0))]
            if what == "subnet":
                slots = [self.subnet_of(self.thing("network", slot)) for slot in range(plan.SLOTS["network"])]
            there = [one for one in slots if one is not None]
            if not there:
                raise LookupError(what)
            used.append(there[0])
            return str(there[0].id)

        body = declared.body_of(kind, name, find)
        if body is None:
            return None
        more = {"parent": used[-1].key} if used and kind not in declared.OUTLIVES else {}
        return body, declared.checked(body), more

    # ------------------------------------------------------------------ change

    async def _alter(self, op: Op, kind: str) -> bool:
        """A change of a declared kind, as its example says."""
        thing = self.thing(kind, op.args["slot"])
        if thing is None:
            return False
        fields = declared.change_of(kind, f"{thing.name}-r{op.number}")
        path = f"{COLLECTION[kind]}/{thing.id}"
        await self.ask(
            "change", thing.key, "PUT", path, {WRAPPER[kind]: fields}, fields=declared.checked(fields)
        )
        return True

    async def _rename(self, op: Op, kind: str) -> bool:
        thing = self.thing("network" if kind == "subnet" else kind, op.args["slot"])
        if kind == "subnet":
            thing = self.subnet_of(thing)
        if thing is None:
            return False
        name = f"{thing.name}-r{op.number}"
        if kind == "image":
            path = f"{IMAGE}/images/{thing.id}"
            body: Any = [{"op": "replace", "path": "/name", "value": name}]
            await self.ask("change", thing.key, "PATCH", path, body, fields={"name": name})
            return True
        await self.ask(
            "change", thing.key, "PUT", f"{COLLECTION[kind]}/{thing.id}", {WRAPPER.get(kind, kind): {"name": name}},
            fields={"name": name},
        )  # fmt: skip
        return True

    def subnet_of(self, network: Any) -> Any:
        if network is None:
            return None
        for one in self._model.things.values():
            if one.kind == "subnet" and one.parent == network.key and one.exists == YES and one.id:
                return one
        return None

    async def _tag(self, op: Op, kind: str) -> bool:
        thing = self.thing(kind, op.args["slot"])
        if thing is None:
            return False
        tags = [f"tag{op.args['salt'] % 5}", f"tag{op.number}"]
        path = f"{COLLECTION[kind]}/{thing.id}/tags"
        if kind == "image":
            await self.ask("change", thing.key, "PUT", f"{path}/{tags[1]}", fields={f"tag {tags[1]}": True})
        else:
            await self.ask("change", thing.key, "PUT", path, {"tags": tags}, fields={"tags": sorted(tags)})
        return True

    async def _set_groups(self, op: Op) -> bool:
        port = self.thing("port", op.args["slot"])
        groups = [one for slot in op.args["groups"] if (one := self.thing("group", slot)) is not None]
        if port is None:
            return False
        ids = [group.id for group in groups]
        body = {"port": {"security_groups": ids}}
        await self.ask(
            "change",
            port.key,
            "PUT",
            f"{COLLECTION['port']}/{port.id}",
            body,
            fields={"security_groups": sorted(ids)},
        )
        return True

    async def _set_specs(self, op: Op) -> bool:
        flavor = self.thing("flavor", op.args["slot"])
        if flavor is None:
            return False
        spec = {f"spec{op.args['salt'] % 3}": str(op.number)}
        path = f"{COLLECTION['flavor']}/{flavor.id}/os-extra_specs"
        await self.ask("change", flavor.key, "POST", path, {"extra_specs": spec}, fields={})
        return True

    async def _metadata(self, op: Op, kind: str) -> bool:
        server = self.thing("server", op.args["slot"])
        if server is None:
            return False
        metadata = {f"key{op.args['salt'] % 3}": str(op.number)}
        path = f"{COLLECTION['server']}/{server.id}/metadata"
        await self.ask(
            "change", server.key, "PUT", path, {"metadata": metadata}, fields={"metadata": metadata}
        )
        return True

    async def _power(self, op: Op, action: str, then: str, starts: int) -> bool:
        server = self.thing("server", op.args["slot"])
        if server is None:
            return False
        path = f"{COLLECTION['server']}/{server.id}/action"
        argument = {"type": op.args["type"]} if action == "reboot" else None
        await self.ask(
            "change", server.key, "POST", path, {action: argument}, fields={"power": then}, starts=starts
        )
        return True

    # ------------------------------------------------------------------ delete

    async def _delete(self, op: Op, kind: str) -> bool:
        thing = self.thing(kind, op.args["slot"])
        if thing is None:
            return False
        id = thing.name if kind == "keypair" else thing.id
        await self.ask("delete", thing.key, "DELETE", f"{COLLECTION[kind]}/{id}")
        return True

    async def _delete_rule(self, op: Op) -> bool:
        group = self.thing("group", op.args["slot"])
        keys = self._rules[group.key] if group is not None else []
        rules = [one for key in keys if (one := self._model.things[key]).exists == YES and one.id]
        if not rules:
            return False
        rule = random.Random(op.args["salt"]).choice(rules)
        await self.ask("delete", rule.key, "DELETE", f"{COLLECTION['rule']}/{rule.id}")
        return True

    async def _delete_subnet(self, op: Op) -> bool:
        subnet = self.subnet_of(self.thing("network", op.args["slot"]))
        if subnet is None:
            return False
        await self.ask("delete", subnet.key, "DELETE", f"{COLLECTION['subnet']}/{subnet.id}")
        return True

    # ------------------------------------------------------------------ read

    async def _list(self, op: Op) -> None:
        """A list is never shorter than what was promised, and tells nothing that was deleted."""
        kind = op.args["kind"]
        mine = [one for one in self._model.things.values() if one.tenant == self.name and one.kind == kind]
        there = {self._id(one) for one in mine if one.exists == YES and not one.deleted_in_doubt}
        gone = {self._id(one) for one in mine if one.exists == NO and one.id}
        # What is being deleted is shown until its cloud has confirmed.
        gone = set() if kind == "server" or kind in declared.STORED else gone
        reply = await self.endpoint.call("GET", COLLECTION[kind], self.token)
        if reply.status != 200:
            return
        listed = {_id_in(kind, item) for item in _items(reply.body)}
        for id in there - listed:
            self.wrongs.append(f"lost: a list of {kind}s did not tell {id} of {self.name}")
        for id in gone & listed:
            self.wrongs.append(f"undead: a list of {kind}s showed {id} of {self.name}, which was deleted")

    async def _show(self, op: Op) -> bool:
        kind = op.args["kind"]
        mine = [
            one
            for one in self._model.things.values()
            if one.tenant == self.name and one.kind == kind and one.exists == YES and one.id
        ]
        if not mine:
            return False
        thing = mine[op.number % len(mine)]
        if thing.deleted_in_doubt:
            return False
        reply = await self.endpoint.call("GET", f"{COLLECTION[kind]}/{self._id(thing)}", self.token)
        if reply.status == 404:
            self.wrongs.append(f"lost: {kind} {thing.id} of {self.name} was answered 404")
        return True

    @staticmethod
    def _id(thing: Any) -> str:
        return str(thing.name if thing.kind == "keypair" else thing.id)

    def in_doubt(self) -> int:
        """How many things of theirs nobody can tell of."""
        return sum(one.tenant == self.name and one.exists == MAYBE for one in self._model.things.values())


def _items(body: Any) -> list[Any]:
    """The items of a listing: the one list in it that holds no links."""
    return next(
        value for key, value in body.items() if isinstance(value, list) and not key.endswith("_links")
    )


def _id_in(kind: str, item: Any) -> str:
    return str(item["keypair"]["name"] if kind == "keypair" else item["id"])


def _plain(message: str) -> str:
    """A message without the ids in it, to be counted by."""
    words = [word if not any(part.isdigit() for part in word) else "..." for word in message.split()]
    return " ".join(words)[:110]


def _reported(kind: str, body: Any) -> dict[str, Any]:
    """What an answer to a create tells for good: the id, and the addresses and MAC that were chosen."""
    if not isinstance(body, dict):
        return {}
    if kind == "interface":
        return {"id": body["port_id"]}
    inner = body if kind == "image" else next(iter(body.values()))
    if kind == "keypair":
        return {"id": inner["name"]}
    if kind == "attachment":
        return {"id": f"{inner['serverId']}/{inner['volumeId']}"}
    reported: dict[str, Any] = {"id": inner["id"]}
    if kind == "port":
        reported["fields"] = {
            "mac_address": inner["mac_address"],
            "fixed_ips": sorted(one["ip_address"] for one in inner["fixed_ips"]),
        }
    return reported
