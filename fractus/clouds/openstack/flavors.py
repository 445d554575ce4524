"""Flavors of a child's Nova. They belong to no project, so all is done with the credential's own rights."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from msgspec import Struct

from fractus.clouds.openstack import marks
from fractus.clouds.openstack.child import Child
from fractus.clouds.openstack.services import Ask, reaches, segment
from fractus.model.cloud import HOME, Scope, Step
from fractus.model.compute import FlavorObserved, FlavorWanted
from fractus.model.errors import Missing, Refused

#: Brings the extra specs into every answer about a flavor.
_READ = "2.61"

#: The last that takes any extra spec; from 2.86 on a child refuses those that it has not heard of.
_EXTRA_SPECS = "2.85"

_PAGE = 200
_LONGEST_NAME = 255

#: From here on a flavor has a description.
_DESCRIBED = "2.55"
_LONGEST_DESCRIPTION = 65535


class _Flavor(
    Struct,
    kw_only=True,
    rename={
        "ephemeral": "OS-FLV-EXT-DATA:ephemeral",
        "disabled": "OS-FLV-DISABLED:disabled",
        "is_public": "os-flavor-access:is_public",
    },
):
    """A flavor as Nova prints it; no swap is an empty text before 2.75."""

    id: str
    name: str = ""
    vcpus: int = 0
    ram: int = 0
    disk: int = 0
    swap: int | str = 0
    ephemeral: int = 0
    disabled: bool = False
    is_public: bool = True
    rxtx_factor: float | str = 1.0
    description: str | None = None
    extra_specs: dict[str, str] | None = None


class Flavors:
    """The actuator of flavors."""

    def __init__(self, child: Child) -> None:
        self._child = child

    async def observe(self, scope: Scope, remote_id: str) -> FlavorObserved:
        """What is there now."""
        ask = Ask(
            service="compute", path=f"/flavors/{segment(remote_id)}", version=await self._version(_READ)
        )
        return await self._seen(await self._child.item(HOME, ask, "flavor", _Flavor))

    async def find(self, scope: Scope, wanted: FlavorWanted) -> FlavorObserved | None:
        """The flavor that we made; where we may not make any, nothing is found before `create` looks for an equal."""
        for name in self._names(wanted.id):
            try:
                there = await self.observe(scope, name)
            except Missing:
                continue
            if not there.managed_by:
                return _marked(there, wanted)
        return None

    def _names(self, id: str) -> list[str]:
        """Its id there, and the one that versions of fractus gave it that did not say whose it is."""
        return list(dict.fromkeys((marks.name(id, self._child.by), marks.name(id))))

    def _ours(self, remote_id: str) -> bool:
        """Whether the id says that we made it."""
        return bool(self._child.judged(marks.from_name(remote_id), marks.by_name(remote_id))["marker"])

    async def create(self, scope: Scope, wanted: FlavorWanted) -> FlavorObserved:
        """Make it, without its extra specs: they are steps of their own.

        Where the credential may not make flavors, an equal public one of the child's own serves; it carries no marker,
        and is never changed or deleted.
        """
        body: dict[str, dict[str, Any]] = {
            "flavor": {
                "id": marks.name(wanted.id, self._child.by),
                "name": remote_name(wanted, self._child.by),
                "vcpus": wanted.vcpus,
                "ram": wanted.ram,
                "disk": wanted.disk,
                "OS-FLV-EXT-DATA:ephemeral": wanted.ephemeral,
                "swap": wanted.swap,
                "os-flavor-access:is_public": wanted.is_public,
            }
        }
        version = await self._version(_READ)
        if reaches(version, _DESCRIBED):
            body["flavor"]["description"] = marks.noted(
                wanted.id, wanted.notes, _LONGEST_DESCRIPTION, self._child.by
            )
        ask = Ask(service="compute", method="POST", path="/flavors", body=body, version=version)
        try:
            made = await self._child.item(HOME, ask, "flavor", _Flavor)
        except Refused as refusal:
            return await self._instead(scope, wanted, refusal)
        # A new one has no extra specs. They are not asked for: nothing that can fail may follow a create.
        made.extra_specs = made.extra_specs or {}
        return _marked(await self._seen(made), wanted)

    async def _instead(self, scope: Scope, wanted: FlavorWanted, refusal: Refused) -> FlavorObserved:
        """The flavor that makes a refused creation unnecessary, or the refusal."""
        if refusal.status == 409 and (there := await self.find(scope, wanted)) is not None:
            return there
        if refusal.status != 403 or refusal.elsewhere:
            raise refusal
        async for seen in self._all({"is_public": "true"}):
            if not seen.marker and not seen.managed_by and seen.name and _equal(seen, wanted):
                return seen
        raise Refused(
            f"{self._child.name} has no flavor like {wanted.name} ({wanted.vcpus} vCPUs, {wanted.ram} MiB,"
            f" {wanted.disk} GiB), and the credential may not make one: {refusal.reason}",
            status=403,
            elsewhere=True,
        )

    async def apply(self, scope: Scope, remote_id: str, step: Step) -> None:
        """Verbs: set_extra_specs, unset_extra_spec, admit, expel, note; on flavors of our making only."""
        if not self._ours(remote_id):
            raise Refused(f"flavor {remote_id} of {self._child.name} is not of our making and stays as it is")
        path = f"/flavors/{segment(remote_id)}/os-extra_specs"
        match step.verb:
            case "set_extra_specs":
                specs = step.body["extra_specs"]
                version = await self._version(_EXTRA_SPECS)
                # Setting what is set already changes nothing.
                ask = Ask(
                    service="compute",
                    method="POST",
                    path=path,
                    body={"extra_specs": specs},
                    version=version,
                    repeat=True,
                )
                await self._child.send(HOME, ask)
            case "unset_extra_spec":
                path = f"{path}/{segment(step.body['key'])}"
                try:
                    await self._child.send(HOME, Ask(service="compute", method="DELETE", path=path))
                except Missing:
                    await self.observe(
                        scope, remote_id
                    )  # the key is not there: done; or the flavor is not: Missing
            case "admit" | "expel":
                await self._let(remote_id, step)
            case "note":
                await self._note(remote_id, step)
            case verb:
                raise Refused(f"flavors of {self._child.name} have no verb {verb}")

    async def _let(self, remote_id: str, step: Step) -> None:
        """Let a project use a private one, or no longer. What is so already is done."""
        action = "addTenantAccess" if step.verb == "admit" else "removeTenantAccess"
        project_id = await self._child.project(Scope(step.body["project_id"]))
        path = f"/flavors/{segment(remote_id)}/action"
        # The lowest version: later ones let nobody in to a public flavor, and there it would change nothing.
        ask = Ask(
            service="compute", method="POST", path=path, body={action: {"tenant": project_id}}, repeat=True
        )
        try:
            await self._child.send(HOME, ask)
        except Missing:
            if step.verb == "admit" or project_id in await self.access(remote_id):
                raise
        except Refused as refusal:
            if step.verb != "admit" or refusal.status != 409:
                raise

    async def _note(self, remote_id: str, step: Step) -> None:
        """The notes, beside our marker; where flavors have no description there is no room for them."""
        version = await self._version(_READ)
        if not reaches(version, _DESCRIBED):
            return
        text = marks.noted(
            step.body["id"], step.body["notes"], _LONGEST_DESCRIPTION, marks.by_name(remote_id)
        )
        body = {"flavor": {"description": text}}
        path = f"/flavors/{segment(remote_id)}"
        await self._child.send(
            HOME, Ask(service="compute", method="PUT", path=path, body=body, version=version)
        )

    async def delete(self, scope: Scope, remote_id: str) -> None:
        """Delete it, if we made it. Of one that is the child's own, nothing of ours is there: `Missing`."""
        if not self._ours(remote_id):
            raise Missing(f"flavor {remote_id} of {self._child.name} is not of our making and stays")
        await self._child.send(
            HOME, Ask(service="compute", method="DELETE", path=f"/flavors/{segment(remote_id)}")
        )

    async def has_cursor(self) -> bool:
        """Nova keeps no stamps of flavors."""
        return False

    async def list_changed(self, since: str) -> AsyncIterator[FlavorObserved]:
        """All flavors, always: Nova keeps no stamp of their changes and does not list deleted ones."""
        async for seen in self._all({"is_public": "none"}):
            yield seen

    async def access(self, remote_id: str) -> list[str]:
        """The child's ids of the projects that may use a private flavor."""
        ask = Ask(service="compute", path=f"/flavors/{segment(remote_id)}/os-flavor-access")
        listed = await self._child.item(HOME, ask, "flavor_access", list[dict[str, str]])
        return [one["tenant_id"] for one in listed if one.get("tenant_id")]

    async def _all(self, query: dict[str, str]) -> AsyncIterator[FlavorObserved]:
        ask = Ask(service="compute", path="/flavors/detail", query=query, version=await self._version(_READ))
        async for page in self._child.pages(HOME, ask, "flavors", limit=_PAGE, gently=True):
            for raw in page:
                try:
                    flavor = msgspec.json.decode(raw, type=_Flavor)
                except msgspec.DecodeError as error:
                    remote_id = self._child.unreadable("flavor", raw, error)
                    if remote_id:
                        yield FlavorObserved(remote_id=remote_id, unread=str(error))
                    continue
                if not flavor.disabled:
                    yield await self._seen(flavor)

    async def _seen(self, flavor: _Flavor) -> FlavorObserved:
        specs = flavor.extra_specs
        if specs is None:  # before 2.61, or for those who may not see them in the flavor itself
            ask = Ask(service="compute", path=f"/flavors/{segment(flavor.id)}/os-extra_specs")
            specs = await self._child.item(HOME, ask, "extra_specs", dict[str, str])
        return FlavorObserved(
            remote_id=flavor.id,
            # The id may have had to be derived; where there is a description, it has ours whole.
            **self._child.judged(
                marks.from_name(flavor.id)
                and (marks.from_tag(flavor.description) or marks.from_name(flavor.id)),
                marks.by_name(flavor.id) or marks.by_note(flavor.description),
            ),
            notes=marks.notes_of(flavor.description),
            name=flavor.name,
            vcpus=flavor.vcpus,
            ram=flavor.ram,
            disk=flavor.disk,
            ephemeral=flavor.ephemeral,
            swap=int(flavor.swap or 0),
            extra_specs=specs,
            is_public=flavor.is_public,
            disabled=flavor.disabled,
            rxtx_factor=float(flavor.rxtx_factor or 1.0),
            description=None if marks.from_tag(flavor.description) else flavor.description,
        )

    async def _version(self, at_most: str) -> str:
        return await self._child.services.version(at_most)


def remote_name(wanted: FlavorWanted, by: str = "") -> str:
    """Its name in the child: unique there, as Nova demands, though two of ours may share a name over time, and another
    fractus may have one of the same id and name.
    """
    suffix = f".fractus-{hashlib.sha256(f'{wanted.id}{by}'.encode()).hexdigest()[:8]}"
    return wanted.name[: _LONGEST_NAME - len(suffix)] + suffix


def _marked(seen: FlavorObserved, wanted: FlavorWanted) -> FlavorObserved:
    """With our id as we know it: from an id that had to be derived it cannot be read back."""
    return msgspec.structs.replace(seen, marker=wanted.id)


def _equal(seen: FlavorObserved, wanted: FlavorWanted) -> bool:
    def size(flavor: FlavorObserved | FlavorWanted) -> tuple[int, ...]:
        return flavor.vcpus, flavor.ram, flavor.disk, flavor.ephemeral, flavor.swap

    return size(seen) == size(wanted) and seen.extra_specs == wanted.extra_specs
