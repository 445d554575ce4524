"""`/workers/cleanup`: what services left undone when they ended is finished by others."""

from __future__ import annotations

from typing import Any

from fractus.model.errors import Invalid
from fractus.model.resource import Presence
from fractus.services.volume.dialect.kind import Verb
from fractus.services.volume.hosts import policy, queries, schema
from fractus.services.volume.hosts.api.access import Given, live, relayed
from fractus.services.volume.hosts.versions import CLEANED
from fractus.store import presences
from fractus.web.routing import Call, Reply, Route

_KINDS = ("snapshot", "volume")


class Workers:
    """One handler."""

    def __init__(self, given: Given) -> None:
        self._given = given

    def routes(self) -> list[Route]:
        """One."""
        verb = Verb(
            rule=policy.CLEANUP, schemas=(("", schema.CLEANUP),),
            summary="Have services finish what others left undone, in the clouds that are named.",
        )  # fmt: skip
        return [live(verb, "POST", "/workers/cleanup", self.clean, since=str(CLEANED))]

    async def clean(self, call: Call) -> Reply:
        """In the cloud of the host, the cluster or the resource that is named; else in all."""
        body = {name: value for name, value in call.body.items() if value is not None}
        kind = str(body.get("resource_type") or "").lower()
        if kind and kind not in _KINDS:
            listed = " or ".join(one.title() for one in _KINDS)
            raise Invalid(f"Invalid input received: Resource type {kind.title()} not valid, must be {listed}")
        clouds, there = await self._where(body, kind)
        said = relayed(
            "block_cleanup", "/workers/cleanup", method="POST", body=there, version=str(CLEANED),
            type=dict[str, list[dict[str, Any]]], missing="",
        )  # fmt: skip
        answers, stale = await self._given.each(clouds, said)
        shared = await self._given.names.shared()
        parts = {
            part: [
                {**one, "host": queries.shown(shared, one.get("host"), cloud)}
                for cloud, answer in answers
                for one in answer.get(part, [])
            ]
            for part in ("cleaning", "unavailable")
        }
        return Reply(202, parts, stale)

    async def _where(self, body: dict[str, Any], kind: str) -> tuple[list[str], dict[str, Any]]:
        """The clouds that are asked, and what: with their own names and ids."""
        names, there, clouds = self._given.names, dict(body), await self._given.clouds()
        for field, find in (("host", names.host), ("cluster_name", names.cluster)):
            if body.get(field):
                place = await find(body[field])
                clouds = [place.cloud] if place is not None and place.cloud in clouds else []
                there[field] = place.name if place is not None else body[field]
        if body.get("service_id") and len(clouds) > 1:
            raise Invalid(
                "Invalid input received: service_id: each cloud numbers its own services, so a host must be named, too."
            )
        if body.get("resource_id"):
            found = await self._resource(body["resource_id"], kind)
            if found is None or found.cloud not in clouds:
                why = ("There is no resource with UUID %s pending cleanup.", body["resource_id"])
                raise Invalid(f"Invalid input received: {why}")
            clouds, there["resource_id"] = [found.cloud], found.remote_id
        return clouds, there

    async def _resource(self, id: str, kind: str) -> Presence | None:
        for one in (kind,) if kind else _KINDS:
            every = await presences.of_resource(self._given.store, one, id)
            if every and every[0].remote_id:
                return every[0]
        return None
