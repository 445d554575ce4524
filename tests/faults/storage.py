"""What was promised of block storage against what is: volumes, what is made of them, and the servers that have them.

The end of whatever happened is one thing, in one cloud, in the state that was asked for, or in an error that has a
reason; and one that its cloud and we tell alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fractus.services.volume.volumes.lifecycle import PASSING
from tests.faults.model import NO, YES, Model, Thing
from tests.faults.promises import DOUBLED, ERROR, LOST, ORPHAN, STATE, UNDEAD, Wrong
from tests.faults.truth import Truth

Places = Mapping[tuple[str, str], list[tuple[str, dict[str, Any]]]]
"""(kind, marker) -> where it is: (cloud, document)."""

#: States that only we know of: a volume that is offered is none the less there as ever.
_HERE_ONLY = {"awaiting-transfer": "available"}

#: Where a document says whose it is.
_OWNERS = {
    "volume": "os-vol-tenant-attr:tenant_id",
    "snapshot": "os-extended-snapshot-attributes:project_id",
    "backup": "os-backup-project-attr:project_id",
}


class Storage:
    """`there`: see `Places`. `why`: the true reason in a text, by the thing it is about; empty where it is not true."""

    def __init__(
        self, model: Model, truth: Truth, there: Places, restored: set[str], why: Callable[[Thing, str], str]
    ) -> None:
        self._model, self._truth, self._there, self._restored, self._why = model, truth, there, restored, why
        self._errors = {(one.kind, one.id): one.error for one in truth.held}
        # A volume that its cloud has back in an older size is shown so, as drift. What was asked of it still counts:
        # operators may have it made so again at any time.
        self._asked: dict[tuple[str, str], int] = {
            (one.kind, one.id): one.memory["drift"]["size"]["wanted"]
            for one in truth.held
            if one.cloud in restored and "size" in (one.memory.get("drift") or {})
        }
        self.reasons: Counter[str] = Counter()
        """Why things are in an error, and it is true."""

    def wrongs(self) -> Iterator[Wrong]:
        """All broken promises."""
        for kind in _OWNERS:
            for reported in self._truth.api.get(kind, ()):
                yield from self._one(kind, reported)
        yield from self._joined("attachment", self._attached())
        yield from self._joined("interface", self._plugged())
        yield from self._reserved_as_asked()

    # ------------------------------------------------------------------ volumes, snapshots, backups

    def _thing(self, kind: str, reported: dict[str, Any]) -> Thing | None:
        return next(
            (
                one
                for one in self._model.things.values()
                if one.kind == kind
                and (one.id == reported["id"] or (not one.id and one.name == reported["name"]))
            ),
            None,
        )

    def _one(self, kind: str, reported: dict[str, Any]) -> Iterator[Wrong]:
        id, status = reported["id"], reported["status"]
        thing = self._thing(kind, reported)
        if thing is None:
            return
        if status in PASSING and not (status == "reserved" and self._is_reserved(thing)):
            yield Wrong(STATE, kind, id, f"its status is {status} at rest")
            return
        places = self._there.get((kind, id), [])
        if len(places) > 1:
            yield Wrong(DOUBLED, kind, id, f"it is in {sorted(cloud for cloud, _ in places)}")
        homes = {one.cloud for one in self._truth.held if one.kind == kind and one.id == id}
        if homes & self._restored:
            return  # what its cloud has forgotten is shown as it is there now
        if status.startswith("error"):
            said = self._errors.get((kind, id)) or reported.get("fail_reason") or ""
            reason = self._why(thing, said)
            if reason:
                self.reasons[reason] += 1
            else:
                yield Wrong(ERROR, kind, id, f"its status is {status}, saying {said!r}")
            return
        if len(places) != 1:
            where = [cloud for cloud, _ in places]
            yield Wrong(ORPHAN if where else LOST, kind, id, f"{status} here, it is in {where}")
            return
        [(cloud, document)] = places
        for what, ours in (("status", _HERE_ONLY.get(status, status)), ("size", reported["size"])):
            if document[what] != ours:
                yield Wrong(STATE, kind, id, f"{what} is {ours!r} here and {document[what]!r} in {cloud}")

    # ------------------------------------------------------------------ what joins two

    def _is_reserved(self, volume: Thing) -> bool:
        return any(
            one.kind == "reservation" and one.parent == volume.key and one.exists != NO
            for one in self._model.things.values()
        )

    def _reserved_as_asked(self) -> Iterator[Wrong]:
        """Attachments that block storage was asked for, of volumes whose clouds remember them."""
        for one, why in self._model.unfound:
            volume = self._model.things.get(one.parent)
            if volume is None or not self._forgotten(volume.id):
                yield Wrong(LOST, one.kind, one.id, why)
        there = {one["id"] for one in self._truth.api.get("reservation", ())}
        for one in self._model.things.values():
            volume = self._model.things.get(one.parent)
            if one.kind != "reservation" or not one.id or volume is None or self._forgotten(volume.id):
                continue
            if one.exists == YES and one.id not in there:
                yield Wrong(LOST, one.kind, one.id, f"{one.name} was promised and is not there")
            elif one.exists == NO and one.id in there:
                yield Wrong(UNDEAD, one.kind, one.id, f"{one.name} was ended and is there")

    def _forgotten(self, volume_id: str) -> bool:
        """Its cloud was put back, or it is in an error."""
        return any(
            one.id == volume_id and (one.cloud in self._restored or one.error) for one in self._truth.held
        )

    def _attached(self) -> dict[str, str]:
        """Server and volume -> the cloud of the volume."""
        return {
            f"{one['server_id']}/{volume['id']}": volume.get("availability_zone") or ""
            for volume in self._truth.api.get("volume", ())
            for one in volume["attachments"]
        }

    def _plugged(self) -> dict[str, str]:
        """Router and subnet -> nothing: it is in as many clouds as need it."""
        return {
            f"{port['device_id']}/{fixed['subnet_id']}": ""
            for port in self._truth.api["port"]
            if port.get("device_owner", "").startswith("network:router_interface")
            for fixed in port["fixed_ips"]
        }

    def _joined(self, kind: str, there: dict[str, str]) -> Iterator[Wrong]:
        """Each pair was asked for as often as you like: it is there if the last word was yes."""
        asked: dict[str, list[Thing]] = {}
        for one in self._model.things.values():
            if one.kind == kind:
                asked.setdefault(one.name, []).append(one)
        for name, things in asked.items():
            exists = {one.exists for one in things}
            if YES in exists and name not in there and not self._undone(kind, name):
                yield Wrong(LOST, kind, name, "it was promised and is not there")
            elif exists == {NO} and name in there:
                yield Wrong(UNDEAD, kind, name, "it was refused or ended and is there")
        for name in there:
            if name not in asked:
                yield Wrong(ORPHAN, kind, name, "nobody asked for it")

    def _undone(self, kind: str, name: str) -> bool:
        """A cloud that was put back has forgotten it, or one of both is in an error."""
        if kind != "attachment":
            return False
        server, _, volume = name.partition("/")
        homes = {one.cloud for one in self._truth.held if one.id in (server, volume)}
        failed = [
            one["id"]
            for documents in (self._truth.api["server"], self._truth.api.get("volume", ()))
            for one in documents
            if one["status"].lower().startswith("error")
        ]
        return bool(homes & self._restored) or server in failed or volume in failed

    # ------------------------------------------------------------------ sums

    def count(self, project: str) -> Counter[str]:
        """What a project has of it, by our API's lists."""
        count: Counter[str] = Counter()
        for kind, owner in _OWNERS.items():
            sizes = [
                self._asked.get((kind, one["id"]), one["size"])
                for one in self._truth.api.get(kind, ())
                if one[owner] == project
            ]
            count[f"{kind}s"] += len(sizes)
            count["backup_gigabytes" if kind == "backup" else "gigabytes"] += sum(sizes)
        return count


def there_as(truth: Truth) -> Iterator[tuple[str, str, str]]:
    """(kind of a presence, cloud, id there) of what children show as a part of another document."""
    for cloud, kinds in truth.children.items():
        for port in kinds["port"]:
            yield "router_interface", cloud, port["id"]
        for one in kinds.get("reservation", ()):
            yield "volume_attachment", cloud, one["id"]
        for volume in kinds.get("volume", ()):
            for one in volume["attachments"]:
                yield "volume_attachment", cloud, f"{one['server_id']}/{volume['id']}"
