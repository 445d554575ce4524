"""What the machine must know of servers.

What a user asks for is sent to the cloud once. If the same thing is changed there by somebody else afterwards, that is
shown and not fought: a server that was stopped in its cloud stays stopped, and a name is sent only when its user
changed it. So the presence's memory holds what was last sent (`name`, `metadata`, `description`), and the token of the
last power action that was (`done`); `sent` is that token until the server was looked at once more, so that users do
not see the old state in between.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from fractus.base.clock import Clock
from fractus.model.action import ASKED, DONE, Action
from fractus.model.cloud import Step
from fractus.model.network import ServerPort
from fractus.model.placement import assigned
from fractus.model.resource import Need, Presence, Resource, Summary, at_home
from fractus.model.server_verbs import CLOUD_VERBS, ServerVerb, verb_between
from fractus.model.servers import ServerDisk, ServerObserved, ServerWanted
from fractus.reconcile import drift
from fractus.reconcile.kind import (
    Apply,
    Demand,
    Difference,
    Done,
    Fail,
    Item,
    Plan,
    Shared,
    Sweeping,
    Wait,
    adopt_fields,
)
from fractus.scheduling.choice import Group, GroupPolicy
from fractus.services.compute.servers import actions, view
from fractus.services.compute.servers.actions import SHELVED_IMAGE
from fractus.services.lifecycle import LifecycleDefaults
from fractus.store import presences
from fractus.store.resources import Resources
from fractus.store.transaction import Reader, Transaction

#: A fault of a server that never ran, after which another cloud may do better: words of Nova's own messages about
#: capacity and quota (`NoValidHost`, `MaxRetriesExceeded`, `ComputeResourcesUnavailable`, `TooManyInstances` ...).
_ELSEWHERE = re.compile(
    r"no valid host|exceeded|exceeds|quota|capacity|insufficient|not enough|no hosts? (?:found|available)",
    re.I,
)

#: Of a server that is busy: looked at after a fifth of the time it has taken so far, within these bounds. Seconds.
_SOON, _LATE = 2.0, 30.0

#: Where Nova takes new metadata.
_ACCEPT_METADATA = ("active", "paused", "suspended", "stopped")

#: Where it takes ports.
_TAKES_PORTS = ("active", "paused", "stopped")

#: States in which a server is known to run as it should, or not to.
_POWER_STATES = ("active", "stopped", "paused", "suspended", "rescued", "shelved", "shelved_offloaded")


class PortsHeld(Protocol):
    """What releases a server's ports and addresses."""

    async def release(self, tx: Transaction, server_id: str) -> None:
        """The server is gone from every cloud."""
        ...


class VolumesHeld(Protocol):
    """What releases a server's volumes."""

    async def release(self, tx: Transaction, server_id: str) -> None:
        """The server is gone from every cloud."""
        ...


class Sealed(Protocol):
    """What opens sealed passwords: `auth.vault.Vault` does."""

    def open(self, sealed: bytes) -> dict[str, Any]:
        """The document that was sealed."""
        ...


class ImagesMade(Protocol):
    """What writes the images that clouds make of servers."""

    async def failed(self, tx: Transaction, image_id: str) -> None:
        """The cloud will not make it."""
        ...

    async def over(self, tx: Transaction, image_id: str) -> None:
        """The cloud has done what it was asked for."""
        ...

    async def unshelved(self, tx: Transaction, image_id: str) -> None:
        """The server that was shelved in it is shelved no longer."""
        ...

    async def rotate(self, tx: Transaction, image_ids: Sequence[str], keep: int) -> None:
        """Keep so many of these, the newest."""
        ...


class ServerLifecycle(LifecycleDefaults):
    """The kind `server`."""

    name = "server"
    verbs = frozenset(CLOUD_VERBS)
    observed_type = ServerObserved
    traits = assigned()
    sweeping = Sweeping(changes=0.0)

    def __init__(
        self,
        ports: PortsHeld,
        clock: Clock,
        secrets: Sealed | None = None,
        images: ImagesMade | None = None,
        volumes: VolumesHeld | None = None,
    ) -> None:
        """`clock` only says how long a server has been busy, by our own stamps. `secrets` opens first passwords;
        without it there are none, neither here nor in the API. `images`: who is notified of the end of a snapshot.
        """
        self._images = images
        self._secrets = secrets
        self._ports = ports
        self._volumes = volumes
        self._clock = clock

    def demand(self, resource: Resource) -> Demand:
        """The zone that the user named, or the cloud of the server on whose host it is to be; and its group."""
        desired = resource.desired
        kinds = {"server", "flavor"}
        if desired["image_id"]:
            kinds.add("image")
        if desired["keypair_id"]:
            kinds.add("keypair")
        if desired.get("volumes"):
            kinds |= {"volume", "volume_attachment"}
        if "group" in desired:
            kinds.add("server_group")
        if desired["ports"]:
            kinds |= {"network", "subnet", "port", "security_group"}
        return Demand(
            cloud=desired["zone"] or desired.get("hinted_cloud", ""),
            kinds=frozenset(kinds),
            group=_group_of(desired),
            # Servers made before their networks were kept have none.
            shares=frozenset(
                Shared("network", id, by="port", of=self.name) for id in desired.get("networks", ())
            ),
        )

    async def prepare(self, tx: Transaction, resource: Resource, cloud: str) -> dict[str, Any]:
        """What is built now is built as it is wanted now: nothing is left to be sent to it."""
        last = actions.newest(resource.desired)
        desired = resource.desired
        out = {id: asked["token"] for id, asked in desired.get("unplugged", {}).items()}
        ports = {
            name: dict(done)
            for name, done in (("plugged", desired.get("plugged")), ("unplugged", out))
            if done
        }
        return {"done": 0 if last is None else last["token"], "sent": 0, **ports, **_sendable(resource)}

    def wanted(self, item: Item) -> ServerWanted:
        """The server in its cloud's own ids."""
        desired, remote = item.resource.desired, item.remote
        keypair = desired["keypair_id"]
        image = desired["image_id"]
        return ServerWanted(
            id=item.resource.id,
            name=desired["name"],
            notes={"user_id": item.resource.user_id} if item.resource.user_id else {},
            flavor_id=remote["flavor", desired["flavor_need"]],
            image_id=remote.get(("image", image), "") if image else "",
            disks=[_disk(one, item) for one in desired.get("disks", ())],
            key_name=remote["keypair", keypair] if keypair else "",
            port_ids=[remote["port", port] for port in desired["ports"]],
            port_tags=desired["port_tags"],
            metadata=desired["metadata"],
            user_data=desired["user_data"],
            config_drive=desired["config_drive"],
            description=desired["description"] or "",
            # A host name that was not asked for is made there, by the same rule, from the same name.
            hostname=desired["hostname"] if desired["hostname_given"] else "",
            disk_config=desired["disk_config"],
            personality=desired["personality"],
            admin_pass=self._password(desired),
            scheduler_hints=_hints(desired, remote),
        )

    def _password(self, desired: dict[str, Any]) -> str:
        kept = desired.get("admin_pass", "")
        if self._secrets is None or not kept:
            return ""
        password: str = self._secrets.open(kept.encode())["admin_pass"]
        return password

    def differences(self, item: Item, observed: ServerObserved) -> list[Difference]:
        """Texts, and whether it runs: as it was last asked to, or since it was built."""
        wanted = _sendable(item.resource)
        texts = _as_observed(observed, wanted)
        found = [
            Difference(name, wanted[name], texts[name]) for name in wanted if wanted[name] != texts[name]
        ]
        power = view.power_wanted(item.resource.desired)
        quiet = observed.task_state is None and view.underway(item.resource, item.presence) is None
        at_rest = quiet and observed.vm_state in _POWER_STATES
        if at_rest and not view.rests_as_wanted(item.resource.desired, observed.vm_state):
            mends = verb_between(observed.vm_state, power) is not None
            found.append(Difference("power_state", power, observed.vm_state, mends=mends))
        return found

    def as_desired(self, item: Item, observed: ServerObserved, fields: Collection[str]) -> ServerObserved:
        """As it is: `plan` sends only what was asked for."""
        return observed

    def plan(self, item: Item, observed: ServerObserved) -> Plan:
        """The next step."""
        if observed.gone:
            return Fail(view.lost(item.presence.cloud))
        if observed.status == "BUILD" or observed.vm_state == "building":
            return Wait(self._pause(item.presence.created_at), "it is being built")
        failed = observed.fault if observed.status == "ERROR" and observed.launched_at is None else None
        if failed is not None and _ELSEWHERE.search(failed.message):
            return Fail(failed.message, elsewhere=True)
        memory = self._known(item, observed)
        step = (
            self._act(item, observed, memory)
            or self._plug(item, observed, memory)
            or self._texts(item, observed, memory)
            or self._repair(item, observed, memory)
        )
        if step is not None:
            return step
        noted = memory["done"] != item.presence.memory.get("done", 0)
        if observed.task_state is not None and not noted:
            return Wait(self._pause(item.resource.updated_at), f"it is busy: {observed.task_state}")
        over = tuple(one.token for one in item.actions if one.token <= memory["done"])
        return Done({**memory, "sent": 0}, over=over)

    def adopt(self, resource: Resource, found: Mapping[str, Any], now: float) -> list[Need] | None:
        """Texts, and whether it runs, until its user says otherwise."""
        adopt_fields(resource, {name: value for name, value in found.items() if name != "power_state"})
        if "power_state" in found:
            action = actions.newest(resource.desired)
            after = 0 if action is None else action["token"]
            resource.desired["power_adopted"] = {"state": found["power_state"], "after": after}
        return None

    def settled(self, presence: Presence, observed: ServerObserved) -> bool:
        """Whether it is there and runs, or has run."""
        return observed.status not in ("BUILD", "ERROR") and not observed.gone

    def summarise(self, resource: Resource, presences: list[Presence]) -> Summary:
        """The server as users see it now."""
        return view.summarise(resource, presences)

    async def left(self, tx: Transaction, resource: Resource, presence: Presence) -> None:
        """Since when it ran there is kept: it is asked how long a server was used that is no more."""
        observed = view.observation_of(presence)
        if not resource.wanted and observed is not None and observed.launched_at:
            resource.choice = {**resource.choice, view.LAUNCHED: observed.launched_at}

    async def gone(self, tx: Transaction, resource: Resource) -> None:
        """Ports, addresses and volumes are free again."""
        await self._ports.release(tx, resource.id)
        if self._volumes is not None:
            await self._volumes.release(tx, resource.id)
        if self._images is not None and SHELVED_IMAGE in resource.desired:
            await self._images.unshelved(tx, resource.desired[SHELVED_IMAGE])

    # --- steps -----------------------------------------------------------------------------------

    def _act(self, item: Item, observed: ServerObserved, memory: dict[str, Any]) -> Plan | None:
        """Do the newest action, if it was not done yet; that it was is noted in `memory`."""
        action = _next_action(item, memory["done"])
        if action is None or action["token"] <= memory["done"]:
            return None
        verb, token, args = CLOUD_VERBS[action["verb"]], action["token"], action["args"]
        once, task = f"{verb.name}:{token}", observed.task_state
        if verb.makes_image:
            # The driver looks for the image before it asks for it again.
            done = False
        elif verb.again:
            # Its answer was lost: if it is being done there, or the server has changed since, that was ours.
            was = item.presence.memory
            moved = was.get("doing_from") not in (None, "", observed.changed_at)
            done = was.get("doing") == once and (task in verb.tasks or moved)
        else:
            done = verb.is_at(observed.vm_state) and task is None
        if done:
            memory["done"] = token
            return self._act(item, observed, memory)
        if task is not None and not verb.overtakes(args, task):
            return Wait(self._pause(item.resource.updated_at), f"it is busy: {task}")
        if task is None and item.presence.memory.get("doing") != once:
            # What was asked of its ports before comes before: it may end in a state that takes none.
            before = self._plug(item, observed, memory)
            if before is not None:
                return before
        body = self._body(item, verb, args)
        if body is None and once in item.presence.memory.get("failed", {}):
            memory["done"] = token  # what it names is not to be had
            return self._act(item, observed, memory)
        if body is None:
            return Wait(_SOON, "what it names is not there yet")
        over = tuple(one.token for one in item.actions if one.token < token)
        return Apply(Step(verb.name, body), {**memory, "done": token, "sent": token}, once=once, over=over)

    def _body(self, item: Item, verb: ServerVerb, args: Mapping[str, Any]) -> dict[str, Any] | None:
        """What a verb's cloud is sent: with its ids of what it names, and the secret in the clear; None: not yet."""
        body = dict(args)
        for name, kind in verb.refers.items():
            if body.get(name) and (kind, body[name]) not in item.remote:
                return None
            if body.get(name):
                body[name] = item.remote[kind, body[name]]
        if verb.secret in body and self._secrets is not None:
            body[verb.secret] = self._secrets.open(body[verb.secret].encode())["admin_pass"]
        return body

    def names(self, action: Action) -> Collection[tuple[str, str]]:
        """What its arguments refer to."""
        verb = CLOUD_VERBS.get(action.verb)
        refers = verb.refers if verb is not None else {}
        return [(kind, action.args[name]) for name, kind in refers.items() if action.args.get(name)]

    async def concluded(self, tx: Transaction, resource: Resource, action: Action) -> None:
        """The image that its cloud was to make never comes, or comes soon; then the oldest backups go. That of a
        shelved server goes when it is unshelved.
        """
        image_id = action.args.get("image_id")
        if self._images is None:
            return
        if action.verb == "unshelve" and action.state == DONE:
            await self._images.unshelved(tx, resource.desired.get(SHELVED_IMAGE, ""))
        if image_id is None:
            return
        if action.state != DONE:
            await self._images.failed(tx, image_id)
            return
        await self._images.over(tx, image_id)
        if "rotation" in action.args:
            made = resource.desired.get("backups", {}).get(action.args["backup_type"], [])
            await self._images.rotate(tx, made, action.args["rotation"])

    def learn(self, resource: Resource, presences: Sequence[Presence]) -> None:
        """Which flavor it has kept, once nothing is under way: whoever confirmed it, or went back, or refused it. And
        which ports its cloud has detached.
        """
        resize = resource.desired.get("resize")
        here = at_home(resource.home, presences)
        if here is not None and resource.desired.get("unplugged"):
            _forget_unplugged(resource.desired, here)
        if resize is None or here is None or here.observed_at is None:
            return
        observed, memory = view.observation_of(here), here.memory
        if observed is None or observed.task_state is not None or observed.vm_state == "resized":
            return
        if memory.get("done", 0) < resize["token"] or memory.get("sent", 0):
            return
        if view.has_new_flavor(resource.desired, observed):
            resource.desired.update(flavor=resize["flavor"], flavor_need=resize["flavor_need"])
        del resource.desired["resize"]

    def _plug(self, item: Item, observed: ServerObserved, memory: dict[str, Any]) -> Plan | None:
        """Attach a port that its user gave it since it was built, or detach one: one at a time, while it is at rest.

        `memory` keeps the ids there of those that have to wait: what a server needs is given only while that is new.
        """
        desired, done = item.resource.desired, item.presence.memory
        wanted, unwanted = desired.get("plugged", {}), desired.get("unplugged", {})
        plugged, unplugged = done.get("plugged", {}), done.get("unplugged", {})
        out = [id for id, asked in unwanted.items() if unplugged.get(id, 0) < asked["token"]]
        new = [id for id, token in wanted.items() if id in desired["ports"] and plugged.get(id, 0) < token]
        there = _there(item, new)
        if there or "ports_there" in done:
            memory["ports_there"] = there
        if not (there or out) or observed.vm_state not in _TAKES_PORTS:
            return None
        if observed.task_state is not None:
            return Wait(self._pause(item.resource.updated_at), f"it is busy: {observed.task_state}")
        # What is remembered of ports of which nothing is asked any more goes with it.
        if out:
            id, token = out[0], unwanted[out[0]]["token"]
            kept = {one: at for one, at in unplugged.items() if one in unwanted}
            body = {"port_id": unwanted[id]["remote_id"]}
            return Apply(
                Step("unplug", body),
                {**memory, "unplugged": {**kept, id: token}},
                once=f"unplug:{id}:{token}",
            )
        id, *later = there
        place, tags = desired["ports"].index(id), desired["port_tags"]
        tag = tags[place] if place < len(tags) else ""
        body = {"port_id": there[id], **({"tag": tag} if tag else {})}
        kept = {one: at for one, at in plugged.items() if one in wanted}
        memory = {**memory, "ports_there": {one: there[one] for one in later}}
        return Apply(
            Step("plug", body),
            {**memory, "plugged": {**kept, id: wanted[id]}},
            once=f"plug:{id}:{wanted[id]}",
        )

    def _texts(self, item: Item, observed: ServerObserved, memory: dict[str, Any]) -> Plan | None:
        """Send a name, description, host name or metadata that its user changed."""
        wanted = _sendable(item.resource)
        texts = _as_observed(observed, wanted)
        for field, verb in _VERBS:
            if field not in wanted:
                continue
            waits = field == "metadata" and observed.vm_state not in _ACCEPT_METADATA
            if texts[field] == wanted[field]:
                memory[field] = wanted[field]  # somebody made it so, or it was taken over from there
            again = texts[field] != wanted[field] and drift.insisted(item, field)
            if (memory[field] != wanted[field] or again) and not waits:
                once = f"{verb}:{item.resource.generation}"
                return Apply(Step(verb, {field: wanted[field]}), {**memory, field: wanted[field]}, once=once)
        return None

    @staticmethod
    def _repair(item: Item, observed: ServerObserved, memory: dict[str, Any]) -> Plan | None:
        """Make it as it is wanted where an operator asked for that: otherwise what others do there is not fought."""
        asked = item.presence.memory.get(drift.REPAIR)
        if asked is None:
            return None
        wanted, token = _sendable(item.resource), asked["token"]
        texts = _as_observed(observed, wanted)
        for field, verb in _VERBS:
            if field in asked["fields"] and field in wanted and wanted[field] != texts[field]:
                step = Step(verb, {field: wanted[field]})
                return Apply(step, {**memory, field: wanted[field]}, once=f"{verb}:{token}")
        power = view.power_wanted(item.resource.desired)
        mend = verb_between(observed.vm_state, power)
        if "power_state" not in asked["fields"] or observed.vm_state == power or mend is None:
            return None
        if observed.task_state is not None or item.presence.memory.get("power_sent") == token:
            return None
        return Apply(Step(mend.name), {**memory, "power_sent": token}, once=f"{mend.name}:{token}")

    @staticmethod
    def _known(item: Item, observed: ServerObserved) -> dict[str, Any]:
        """What the presence remembers. What it does not (it was adopted) counts as sent: it is as it is."""
        known = {"done": 0, "sent": 0, **_sendable(item.resource)}
        if "hostname" in known:
            known["hostname"] = observed.hostname or known["hostname"]
        return {name: item.presence.memory.get(name, value) for name, value in known.items()}

    def _pause(self, since: float) -> float:
        return min(_LATE, max(_SOON, (self._clock.now() - since) / 5))


def _disk(disk: Mapping[str, Any], item: Item) -> ServerDisk:
    """A block device in its cloud's own ids."""
    volume_id, source = disk["volume_id"], disk["source"]
    same = ("size", "boot_index", "device", "device_type", "disk_bus", "guest_format", "tag")
    if volume_id:
        return ServerDisk(
            source="volume",
            id=item.remote["volume", volume_id],
            **{name: disk[name] for name in same if name != "size"},
        )
    image = item.remote["image", item.resource.desired["image_id"]] if source == "image" else ""
    return ServerDisk(source=source, id=image, **{name: disk[name] for name in same})


def _group_of(desired: Mapping[str, Any]) -> Group | None:
    group = desired.get("group")
    return None if group is None else Group("server_group", group["id"], GroupPolicy(group["policy"]))


def _hints(desired: Mapping[str, Any], remote: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    """Scheduler hints in its cloud's own ids. Of servers to be apart from, those that are there are named."""
    hints = {name: list(values) for name, values in desired.get("scheduler_hints", {}).items()}
    for name in ("same_host", "different_host"):
        if name in hints:
            hints[name] = [remote["server", id] for id in hints[name] if ("server", id) in remote]
    if "group" in desired:
        hints["group"] = [remote["server_group", desired["group"]["id"]]]
    lists = ("same_host", "different_host", "different_cell")
    return {name: values if name in lists else values[0] for name, values in hints.items() if values}


def _next_action(item: Item, done: int) -> Mapping[str, Any] | None:
    """The newest; but first an older one that shows no task_state, so that more could be asked before it was sent."""
    newest = actions.newest(item.resource.desired)
    for one in item.actions:
        verb = CLOUD_VERBS.get(one.verb)
        older = newest is not None and done < one.token < newest["token"]
        if older and one.state == ASKED and verb is not None and verb.asked(one.args).task is None:
            return {"token": one.token, "verb": one.verb, "args": one.args}
    return newest


def _forget_unplugged(desired: dict[str, Any], here: Presence) -> None:
    """What was detached is asked for no longer."""
    done = here.memory.get("unplugged", {})
    desired["unplugged"] = {
        id: asked for id, asked in desired["unplugged"].items() if done.get(id, 0) < asked["token"]
    }


def _there(item: Item, ports: Collection[str]) -> dict[str, str]:
    """The ids in its cloud of those of its ports that are there."""
    known = item.presence.memory.get("ports_there", {})
    found = {id: item.remote.get(("port", id)) or known.get(id) for id in ports}
    return {id: remote_id for id, remote_id in found.items() if remote_id}


_VERBS = (
    ("name", "rename"),
    ("description", "describe"),
    ("hostname", "set_hostname"),
    ("metadata", "set_metadata"),
)


def _as_observed(observed: ServerObserved, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The same, as its cloud says it. A host name that we are not shown is as it should be."""
    texts = {"name": observed.name, "description": observed.description or "", "metadata": observed.metadata}
    if "hostname" in wanted:
        texts["hostname"] = observed.hostname or wanted["hostname"]
    return texts


def _sendable(resource: Resource) -> dict[str, Any]:
    """What of a server can be sent again. A host name that nobody asked for is the cloud's own."""
    desired = resource.desired
    wanted = {
        "name": desired["name"],
        "description": desired["description"] or "",
        "metadata": desired["metadata"],
    }
    if desired.get("hostname_given"):
        wanted["hostname"] = desired["hostname"]
    return wanted


class PortsOf(Protocol):
    """What knows the ports of servers."""

    async def of_server(self, reader: Reader, server_id: str) -> list[ServerPort]:
        """The ports that a server has, in their order."""
        ...


class ShownPorts:
    """Keeps what servers show of their ports as the ports are."""

    def __init__(self, resources: Resources, ports: PortsOf) -> None:
        self._resources = resources
        self._ports = ports

    async def ports_changed(self, tx: Transaction, server_id: str) -> None:
        """Tell a server again with its ports as they are; nothing if there is none of this id."""
        server = await self._resources.fetch(tx, "server", server_id) if server_id else None
        if server is None or not server.wanted:
            return
        ports = await self._ports.of_server(tx, server_id)
        fresh = {"addresses": view.addresses_of(ports), "security_groups": view.groups_of(ports)}
        if all(server.desired[name] == value for name, value in fresh.items()):
            return
        server.desired.update(fresh)
        server.updated_at = tx.now()
        every = await presences.of_resource(tx, "server", server_id)
        await self._resources.save(tx, server, view.summarise(server, every))
