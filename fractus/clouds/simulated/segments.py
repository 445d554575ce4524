"""Segments of the networks of a simulated cloud, and the ranges of their numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from fractus.base.clock import iso
from fractus.base.ids import derived_id, new_id
from fractus.clouds.simulated.record_store import Records
from fractus.clouds.simulated.records import NetworkRecord
from fractus.model.errors import Missing, Refused
from fractus.model.live import LiveCall

_SEGMENTS, _RANGES = "segment", "network_segment_range"
_SENTENCES = {
    _SEGMENTS: "Segment {} could not be found.",
    _RANGES: "Network Segment Range {} could not be found.",
}
_LEAST, _MOST = 1, 5000


class Segments:
    """Each network has one; others are those that administrators made."""

    def __init__(
        self, cloud: str, records: Records, made: dict[str, dict[str, dict[str, Any]]], began: float
    ) -> None:
        """`made`: what administrators made or changed, by noun and id. `began`: when the cloud came into being."""
        self._cloud, self._records, self._made = cloud, records, made
        self._times = {"created_at": iso(began), "updated_at": iso(began), "revision_number": 0}

    def segments(self) -> list[dict[str, Any]]:
        """All of them."""
        networks = self._records.every(NetworkRecord)
        found = {one["id"]: one for one in map(self._of_network, networks)}
        ids = {one.id for one in networks}
        made = {id: one for id, one in self._made.get(_SEGMENTS, {}).items() if one["network_id"] in ids}
        return self._there(_SEGMENTS, {**found, **made})

    def ranges(self) -> list[dict[str, Any]]:
        """All of them: the default one first."""
        id = derived_id("segment range", self._cloud)
        numbers = range(_LEAST, _MOST + 1)
        default = {
            "id": id, "name": "", "default": True, "shared": True, "project_id": None, "network_type": "geneve",
            "physical_network": None, "minimum": _LEAST, "maximum": _MOST, "used": {}, "available": [*numbers],
            "description": "", "tags": [], **self._times,
        }  # fmt: skip
        return self._there(_RANGES, {id: default, **self._made.get(_RANGES, {})})

    def _there(self, noun: str, found: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
        return [one for one in found.values() if not one.get("gone") and noun in _SENTENCES]

    def _of_network(self, network: NetworkRecord) -> dict[str, Any]:
        id = derived_id("segment", network.id)
        return {
            "id": id, "network_id": network.id, "name": None, "description": None, "physical_network": None,
            "network_type": network.network_type, "segmentation_id": int(id[:4], 16) % _MOST + 1, **self._times,
        }  # fmt: skip

    def answers(self, id: str, call: LiveCall) -> Mapping[str, Callable[[], Any]]:
        """What is answered to a live call about one, by the name of the call."""
        acts = {"create": self.create, "update": self.update, "delete": self.delete}
        body = call.body if isinstance(call.body, dict) else {}
        return {
            f"{noun}_{verb}": partial(act, noun, id, body.get(noun, {}))
            for noun in _SENTENCES
            for verb, act in acts.items()
        }

    def create(self, noun: str, _id: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """One more. No two segments have one number in the same physical network."""
        id = new_id()
        if noun == _SEGMENTS:
            wire = ("network_type", "physical_network", "segmentation_id")
            number = asked.get("segmentation_id")
            same = [
                one
                for one in self.segments()
                if [one[key] for key in wire] == [asked.get(key) for key in wire]
            ]
            if number is not None and same:
                raise Refused(
                    f"Unable to create the network. The VLAN {number} on physical network"
                    f" {asked.get('physical_network')} is in use.",
                    status=409,
                )
            base = self._of_network(NetworkRecord(id=asked["network_id"], project_id=""))
            made = {**base, "description": "", **asked, "id": id}
        else:
            numbers = [*range(asked["minimum"], asked["maximum"] + 1)]
            made = {**self.ranges()[0], "default": False, "available": numbers, **asked, "id": id}
        self._made.setdefault(noun, {})[id] = made
        return made

    def _of(self, noun: str, id: str) -> dict[str, Any]:
        every = self.segments() if noun == _SEGMENTS else self.ranges()
        found = next((one for one in every if one["id"] == id), None)
        if found is None:
            raise Missing(_SENTENCES[noun].format(id))
        return found

    def update(self, noun: str, id: str, change: Mapping[str, Any]) -> dict[str, Any]:
        """Change one."""
        found = self._of(noun, id)
        changed = {**found, **change, "revision_number": found["revision_number"] + 1}
        self._made.setdefault(noun, {})[id] = changed
        return changed

    def delete(self, noun: str, id: str, _asked: Mapping[str, Any]) -> None:
        """It is gone; the default range stays."""
        found = self._of(noun, id)
        if found.get("default"):
            raise Refused(
                f"Network Segment Range {id} is a default segment range which could not be updated or deleted.",
                status=400,
            )
        self._made.setdefault(noun, {})[id] = {**found, "gone": True}
