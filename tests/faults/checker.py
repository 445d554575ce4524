"""Holds what was promised against what is. It knows no machine: only the journal, our API, and the children's.

Each `Wrong` names the promise that was broken, the thing, and why. A run is well when there are none.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from tests.faults import declared
from tests.faults.model import MAYBE, NO, YES, Model, Thing
from tests.faults.promises import (
    DOUBLED,
    ERROR,
    FOREIGN,
    LOST,
    ORPHAN,
    PHANTOM,
    PROMISES,
    QUOTA,
    STATE,
    TWICE,
    UNDEAD,
    UNREQUESTED,
    Wrong,
)  # fmt: skip
from tests.faults.storage import Storage, there_as
from tests.faults.truth import Documents, Truth

#: Our kinds -> the kinds of presences.
_STORED = {"group": "security_group", "address_group": "group_members"}
#: Things of the model that are pairs of others: judged where both are known.
_JOINED = ("attachment", "interface", "reservation")
_CARRIED = ("network", "subnet", "port", "group", "image", *declared.NAMED_THERE)


class Checker:
    """One look at everything. `foreign`: cloud -> what was put there before, as documents by kind."""

    def __init__(
        self,
        model: Model,
        truth: Truth,
        foreign: dict[str, Documents],
        fixtures: set[str],
        *,
        since: float = 0.0,
    ) -> None:
        self._model = model
        self._truth = truth
        self._foreign = foreign
        self._fixtures = fixtures
        self._by_id = {thing.id: thing for thing in model.things.values() if thing.id}
        self._api = {kind: {one["id"]: one for one in items} for kind, items in truth.api.items()}
        groups = self._api["group"].values()
        self._rules = {rule["id"]: rule for group in groups for rule in group["security_group_rules"]}
        self._restored = {cloud for cloud, _, _ in model.restores}
        self._copies = second_copies(truth)
        self._storage = Storage(model, truth, self._there(), self._restored, self._true)
        self.reasons: Counter[str] = Counter()
        """Why servers are in ERROR, and it is true; what else is not as asked, and operators are shown."""
        for kind, _, _ in self._copies:
            self.reasons[f"a second {kind} that a network made, shown as an orphan"] += 1

    def wrongs(self) -> list[Wrong]:
        """All broken promises."""
        found = [Wrong(why.split(":")[0], "", "", why) for why in self._model.wrongs]
        for check in (
            self._promised, self._unrequested, self._servers, self._ports, self._marked, self._held,
            self._as_asked_there, self._untouched, self._quota, self._boots, self._stored,
        ):  # fmt: skip
            found += check()
        return found

    # ------------------------------------------------------------------ our API

    def _in_api(self, thing: Thing) -> dict[str, Any] | None:
        """How our API shows it; where no answer had the id, it is found by its name."""
        if thing.kind == "keypair":
            return {"id": thing.name} if thing.name in self._truth.keypairs.get(thing.tenant, []) else None
        if thing.kind == "rule":
            return self._rule(thing)
        every = self._api[thing.kind]
        if thing.id:
            return every.get(thing.id)
        names = thing.fields.get("name", [thing.name])
        found = [one for one in every.values() if one.get("name") in names]
        return found[0] if found else None

    def _rule(self, thing: Thing) -> dict[str, Any] | None:
        return self._rules.get(thing.id)

    def _promised(self) -> Iterator[Wrong]:
        """What was promised is there as asked; what was refused or deleted is not."""
        for thing in self._model.things.values():
            if thing.kind in _JOINED:
                continue
            reported = self._in_api(thing)
            if thing.exists == YES and reported is None:
                yield Wrong(
                    LOST, thing.kind, thing.id or thing.name, f"{thing.name} was promised and is not there"
                )
            elif thing.exists == NO and reported is not None:
                yield Wrong(
                    UNDEAD, thing.kind, reported["id"], f"{thing.name} was refused or deleted and is there"
                )
            elif reported is not None:
                yield from self._fields(thing, reported)

    def _fields(self, thing: Thing, reported: dict[str, Any]) -> Iterator[Wrong]:
        # What a cloud has forgotten is shown as it is there now, and reported to operators as drift: nothing else may
        # be shown otherwise than it was asked for. What is missing there altogether cannot get what is asked of it.
        held = [
            one
            for one in self._truth.held
            if one.kind == _STORED.get(thing.kind, thing.kind) and one.id == reported["id"]
            if one.cloud in self._restored
        ]
        if thing.kind == "volume" and any(one.memory.get("missing") for one in held):
            return
        forgotten = {field for one in held for field in one.memory.get("drift") or ()}
        for field, allowed in thing.fields.items():
            found = _value(field, reported)
            compared = field in _COMPARED or thing.kind in declared.KINDS
            if allowed and compared and found not in allowed and field not in forgotten:
                yield Wrong(
                    STATE, thing.kind, reported["id"], f"{field} is {found!r}, asked were {allowed!r}"
                )

    def _unrequested(self) -> Iterator[Wrong]:
        """Nothing is shown that nobody asked for, and nothing twice."""
        names = {
            name
            for thing in self._model.things.values()
            for name in [thing.name, *thing.fields.get("name", [])]
        }
        for kind, items in self._api.items():
            twice = Counter(one["name"] for one in items.values() if one.get("name") in names)
            for name, number in twice.items():
                if number > 1:
                    yield Wrong(DOUBLED, kind, name, f"our API tells {number} of them")
            for id, one in items.items():
                if id in self._by_id or id in self._fixtures or one.get("name") in names:
                    continue
                if not self._goes_with_another(kind, one) and not self._may_be_nameless(kind, one):
                    yield Wrong(
                        UNREQUESTED, kind, id, f"our API tells {one.get('name')!r}, which nobody asked for"
                    )

    def _may_be_nameless(self, kind: str, one: dict[str, Any]) -> bool:
        """What has no name, and whose create had no answer, cannot be distinguished from others of its project."""
        return "name" not in one and any(
            thing.kind == kind and not thing.id and thing.exists == MAYBE
            for thing in self._model.things.values()
        )

    def _goes_with_another(self, kind: str, one: dict[str, Any]) -> bool:
        """A project's default group; a port that was made for a server which is there; the policy by which an external
        network is external, as Neutron makes one.
        """
        if kind == "group":
            return one["name"] == "default"
        if kind == "rbac_policy":
            external = self._api["network"].get(one["object_id"], {}).get("router:external", False)
            return one["action"] == "access_as_external" and external
        having = ("server", "router", "floatingip")
        return kind == "port" and any(one["device_id"] in self._api.get(other, {}) for other in having)

    # ------------------------------------------------------------------ servers

    def _there(self) -> dict[tuple[str, str], list[tuple[str, dict[str, Any]]]]:
        """(kind, marker) -> where it is: (cloud, document)."""
        found = defaultdict(list)
        for cloud, kinds in self._truth.children.items():
            for kind, items in kinds.items():
                for one in items:
                    marker = marker_of(kind, one)
                    if marker and (kind, cloud, one.get("id")) not in self._copies:
                        found[kind, marker].append((cloud, one))
        return found

    def _servers(self) -> Iterator[Wrong]:
        """Each as asked, in one cloud, once; or in ERROR, and it is true why."""
        there = self._there()
        for id, reported in self._api["server"].items():
            places = there.get(("server", id), [])
            if len(places) > 1:
                yield Wrong(DOUBLED, "server", id, f"it is in {sorted(cloud for cloud, _ in places)}")
            thing = self._by_id.get(id) or self._named(reported["name"])
            if thing is None:
                continue
            if reported["status"] == "ERROR":
                yield from self._error(thing, reported)
                continue
            yield from self._running(thing, reported, places)

    def _running(
        self, thing: Thing, reported: dict[str, Any], places: list[tuple[str, dict[str, Any]]]
    ) -> Iterator[Wrong]:
        id, zone = reported["id"], reported.get("OS-EXT-AZ:availability_zone", "")
        allowed = ["ACTIVE", "SHUTOFF"] if zone in self._restored else thing.fields.get("power", ["ACTIVE"])
        if reported["status"] not in allowed:
            yield Wrong(STATE, "server", id, f"its status is {reported['status']}, asked were {allowed}")
        if [cloud for cloud, _ in places] != [zone]:
            where = [cloud for cloud, _ in places]
            yield Wrong(LOST if not where else ORPHAN, "server", id, f"shown in {zone!r}, it is in {where}")
            return
        [(_, document)] = places
        if document["status"] != reported["status"]:
            yield Wrong(STATE, "server", id, f"{reported['status']} here, {document['status']} in {zone}")
        names = thing.fields.get("name", [thing.name])
        if document["name"] not in names and zone not in self._restored:
            yield Wrong(
                STATE, "server", id, f"its name in {zone} is {document['name']!r}, asked were {names}"
            )
        ours = {one["addr"] for net in reported["addresses"].values() for one in net}
        theirs = {one["addr"] for net in document["addresses"].values() for one in net}
        if ours != theirs:
            yield Wrong(
                STATE, "server", id, f"its addresses are {sorted(ours)} here, {sorted(theirs)} in {zone}"
            )

    def _named(self, name: str) -> Thing | None:
        for thing in self._model.things.values():
            if thing.kind == "server" and name in [thing.name, *thing.fields.get("name", [])]:
                return thing
        return None

    def _error(self, thing: Thing, reported: dict[str, Any]) -> Iterator[Wrong]:
        message = (reported.get("fault") or {}).get("message", "")
        why = self._true(thing, message)
        if why:
            self.reasons[why] += 1
        else:
            yield Wrong(ERROR, "server", reported["id"], f"it is in ERROR, saying {message!r}")

    def _true(self, thing: Thing, message: str) -> str:
        """Why a server may be in ERROR with this message: something that did happen. Empty: nothing like it did."""
        for cloud in self._restored:
            if f"gone from {cloud}" in message or f"deleted in {cloud}" in message:
                return "its cloud has forgotten it"
        asked = next(
            (line for line in thing.events if line["what"] == "asked" and line["act"] == "create"), {}
        )
        for used in asked.get("uses", []):
            reported = used in message or (message.startswith("keypair ") and message.endswith("was deleted"))
            if reported and (used in self._model.deleted_ids or self._may_be_gone(used)):
                return "what it needed was deleted"
            # A port that a floating IP leads to is where that is; it may have been led elsewhere since.
            if f"port {used} is only in " in message:
                return "what it needed is in another cloud than it asked for"
        return ""

    def _may_be_gone(self, id: str) -> bool:
        thing = self._by_id.get(id)
        return thing is not None and (thing.exists != YES or thing.deleted_in_doubt)

    def _ports(self) -> Iterator[Wrong]:
        """No address and no MAC is given twice on one network; each server has the ports that it was asked with."""
        seen: Counter[tuple[str, str]] = Counter()
        for port in self._api["port"].values():
            if port["mac_address"]:  # those of gateways and floating IPs are their clouds' affair
                seen[port["network_id"], port["mac_address"]] += 1
            for fixed in port["fixed_ips"]:
                seen[port["network_id"], fixed["ip_address"]] += 1
        for (network, what), number in seen.items():
            if number > 1:
                yield Wrong(DOUBLED, "port", what, f"{number} ports of network {network} have it")
        having = Counter(port["device_id"] for port in self._api["port"].values())
        for id in self._api["server"]:
            thing = self._by_id.get(id)
            asked = next((line for line in thing.events if "nets" in line), None) if thing else None
            if asked is not None and having[id] != asked["nets"]:
                yield Wrong(STATE, "server", id, f"it has {having[id]} ports, asked were {asked['nets']}")

    # ------------------------------------------------------------------ children

    def _marked(self) -> Iterator[Wrong]:
        """Nothing with our marker is there twice, or without somebody who asked for it."""
        held = {(one.kind, one.cloud, one.remote_id) for one in self._truth.held}
        known = {(one.kind, one.id) for one in self._truth.held}
        for (kind, marker), places in self._there().items():
            stored = _STORED.get(kind, kind)
            for cloud, number in Counter(cloud for cloud, _ in places).items():
                if number > 1:
                    ids = [one["id"] for where, one in places if where == cloud]
                    yield Wrong(DOUBLED, kind, marker, f"{number} of it are in {cloud}: {ids}")
            for cloud, one in places:
                remote = one["name"] if kind == "keypair" else one["id"]
                if (stored, cloud, remote) in held:
                    continue
                why = (
                    "another one is ours"
                    if (stored, marker) in known
                    else "nobody asked for it, or it was deleted"
                )
                yield Wrong(ORPHAN, kind, marker, f"{remote} ({one.get('name')}) is in {cloud}: {why}")

    def _held(self) -> Iterator[Wrong]:
        """What our store says is somewhere is there."""
        there = {
            (kind, cloud, one["name"] if kind == "keypair" else one["id"])
            for cloud, kinds in self._truth.children.items()
            for kind, items in kinds.items()
            for one in items
        }
        there |= set(there_as(self._truth))
        reverse = {stored: kind for kind, stored in _STORED.items()}
        for one in self._truth.held:
            kind = reverse.get(one.kind, one.kind)
            if one.remote_id is None:
                continue
            reported = self._api.get(kind, {}).get(one.id, {})
            blocked = str(reported.get("status", "")).lower().startswith("error")
            # Reported to operators as drift, and made anew when something needs it there.
            reported_missing = bool(one.memory.get("missing")) and one.cloud in self._restored
            if (kind, one.cloud, one.remote_id) not in there and not blocked and not reported_missing:
                yield Wrong(
                    PHANTOM, kind, one.id, f"our store says it is {one.remote_id} in {one.cloud}, it is not"
                )

    def _as_asked_there(self) -> Iterator[Wrong]:
        """What was carried to a cloud is there as our API tells it."""
        drifted = {
            (one.kind, one.id, one.cloud)
            for one in self._truth.held
            if one.memory.get("drift") and one.cloud in self._restored
        }
        for (kind, id), places in self._there().items():
            reported = self._api.get(kind, {}).get(id)
            if reported is None or kind not in _CARRIED:
                continue
            for cloud, one in places:
                if (_STORED.get(kind, kind), id, cloud) in drifted:
                    # A change that its cloud forgot is reported as drift; it is the operators' to have it repaired.
                    self.reasons["reported as drift: its cloud has forgotten a change"] += 1
                    continue
                for what, read in _SAME_THERE[kind].items():
                    if read(one) != read(reported) and not _default_group(kind, reported):
                        yield Wrong(
                            STATE, kind, id, f"{what} is {read(reported)!r} here and {read(one)!r} in {cloud}"
                        )

    def _untouched(self) -> Iterator[Wrong]:
        """What was there before, and is not ours, is the same to the byte."""
        for cloud, kinds in self._foreign.items():
            for kind, items in kinds.items():
                now = {
                    one["id"] if "id" in one else one["name"]: one
                    for one in self._truth.children[cloud][kind]
                }
                for before in items:
                    id = before["id"] if "id" in before else before["name"]
                    after = now.get(id)
                    if after is None:
                        yield Wrong(FOREIGN, kind, id, f"{before.get('name')} of {cloud} is gone")
                    elif _bytes(before) != _bytes(after):
                        changed = [key for key in before if before[key] != after.get(key)]
                        yield Wrong(
                            FOREIGN, kind, id, f"{before.get('name')} of {cloud} was changed: {changed}"
                        )

    def _stored(self) -> Iterator[Wrong]:
        yield from self._storage.wrongs()
        self.reasons.update(self._storage.reasons)

    # ------------------------------------------------------------------ sums

    def _quota(self) -> Iterator[Wrong]:
        """What the quotas say is used is what there is, counted anew."""
        for project, used in self._truth.used.items():
            there = self._count(project)
            for what, number in used.items():
                if number != there[what]:
                    why = f"{number} {what} are said to be used, {there[what]} are there"
                    yield Wrong(QUOTA, what, project, why)
        for owner, what, why in self._truth.recounted:
            yield Wrong(QUOTA, what, owner, why)

    def _count(self, project: str) -> Counter[str]:
        """What a project has, by our API's lists."""
        count = self._storage.count(project)
        for server in self._api["server"].values():
            if server.get("tenant_id") == project:
                count.update(
                    {"instances": 1, "cores": server["flavor"]["vcpus"], "ram": server["flavor"]["ram"]}
                )
        for kind, items in self._api.items():
            stored = _STORED.get(kind, kind)
            for one in items.values():
                if one.get("project_id") == project and kind in _OF_PROJECTS:
                    count[stored] += 1
                    count["security_group_rule"] += len(one.get("security_group_rules", ()))
        return count

    def _boots(self) -> Iterator[Wrong]:
        """No server began to run more often than somebody asked for."""
        there = self._there()
        for (kind, id), places in there.items():
            thing = self._by_id.get(id)
            if kind != "server" or thing is None:
                continue
            for cloud, one in places:
                boots = self._truth.boots.get(cloud, {}).get(one["id"], 0)
                if boots > 1 + thing.starts and cloud not in self._restored:
                    yield Wrong(
                        TWICE, "server", id, f"it began to run {boots} times, asked were {1 + thing.starts}"
                    )


def second_copies(truth: Truth) -> set[tuple[str, str, str]]:
    """(kind, cloud, id there) of block storage that is there a second time, and rightly so.

    What holds data is never removed because of what it is called (law 6). A create that a network delivers twice leaves
    two, and the one that is not ours is shown to operators as an orphan. Not shown, or more of them than there were
    such creates, they are a broken promise.
    """
    held = {(one.kind, one.cloud, one.remote_id) for one in truth.held}
    found: set[tuple[str, str, str]] = set()
    for cloud, kinds in truth.children.items():
        for kind in declared.STORED:
            copies = [
                (kind, cloud, one["id"])
                for one in kinds.get(kind, ())
                if marker_of(kind, one) and (kind, cloud, one["id"]) not in held
            ]
            if len(copies) <= truth.doubled.get((kind, cloud), 0):
                found.update(one for one in copies if one in truth.orphans)
    return found


# ---------------------------------------------------------------------- reading documents

_OF_PROJECTS = ("network", "subnet", "port", "group", *declared.COUNTED)

_COMPARED = {"name", "tags", "mac_address", "fixed_ips", "metadata", "security_groups", "cidr"}


def _value(field: str, reported: dict[str, Any]) -> Any:
    if field == "fixed_ips":
        return sorted(one["ip_address"] for one in reported["fixed_ips"])
    if field in ("tags", "security_groups"):
        return sorted(reported.get(field, []))
    return reported.get(field)


def marker_of(kind: str, one: dict[str, Any]) -> str:
    """Our id in a thing of a child; empty where it is not ours."""
    if kind == "server" or kind in declared.STORED:
        return str((one.get("metadata") or {}).get("fractus_id", ""))
    if kind == "image":
        return str(one.get("fractus_id", ""))
    text = str(
        one["id"] if kind == "flavor" else one["name"] if kind == "keypair" else one.get("description") or ""
    )
    prefix = "fractus-" if kind in ("flavor", "keypair") else "fractus:"
    if not text.startswith(prefix):
        return ""
    # Behind it stand notes, and whose it is.
    return re.sub(r"-by-[0-9a-f]{12}\Z", "", text[len(prefix) :].partition(" ")[0])


def _default_group(kind: str, reported: dict[str, Any]) -> bool:
    """Its name may not be taken in a child."""
    return kind == "group" and reported["name"] == "default"


def _bytes(document: dict[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True).encode()


def _addresses(one: dict[str, Any]) -> list[str]:
    return sorted(fixed["ip_address"] for fixed in one["fixed_ips"])


def _rules(one: dict[str, Any]) -> list[str]:
    fields = ("direction", "ethertype", "protocol", "port_range_min", "port_range_max", "remote_ip_prefix")
    return sorted(str([rule.get(field) for field in fields]) for rule in one["security_group_rules"])


_NAME = {"name": lambda one: one["name"]}
_SAME_THERE: dict[str, dict[str, Any]] = {
    "network": _NAME,
    "subnet": _NAME | {"cidr": lambda one: one["cidr"]},
    "port": _NAME | {"mac_address": lambda one: one["mac_address"], "fixed_ips": _addresses},
    "group": _NAME | {"rules": _rules},
    # An image is carried to be built from; what it is called there is nobody's business.
    "image": {"status": lambda one: one["status"]},
    **dict.fromkeys(declared.NAMED_THERE, _NAME),
}

__all__ = ["MAYBE", "NO", "PROMISES", "YES", "Checker", "Wrong", "marker_of"]
