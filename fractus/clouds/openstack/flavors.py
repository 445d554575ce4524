"""Flavors of a child's Nova. They belong to no project, so all is done with the credential's own rights."""

from __future__ import annotations

import hashlib
from typing import Any

from fractus.clouds.openstack import marks
from fractus.clouds.openstack.nova import NovaKind
from fractus.clouds.openstack.services import Ask, reaches, segment
from fractus.model.cloud import HOME, Scope, Step
from fractus.model.compute import FLAVOR, FlavorObserved, FlavorWanted
from fractus.model.errors import Missing, Refused

#: The last that takes any extra spec; from 2.86 on a child refuses those that it has not heard of.
_EXTRA_SPECS = "2.85"

_LONGEST_NAME = 255

#: From here on a flavor has a description.
_DESCRIBED = "2.55"
_LONGEST_DESCRIPTION = 65535


class Flavors(NovaKind[FlavorWanted, FlavorObserved]):
    """The actuator of flavors. Where the credential may not make one, an equal public one of the child's own serves; it
    carries no marker, and is never changed or deleted.
    """

    vocabulary = FLAVOR
    #: Brings the extra specs into every answer about a flavor.
    version = "2.61"
    listing = "/flavors/detail"
    listed_with = {"is_public": "none"}
    #: No swap is an empty text before 2.75, and so is no factor.
    printed = {"swap": int | str | None, "rxtx_factor": float | str | None}

    def body(self, wanted: FlavorWanted, version: str) -> dict[str, Any]:
        """Without its extra specs: they are steps of their own."""
        body = {**super().body(wanted, version), "name": remote_name(wanted, self._child.by)}
        if reaches(version, _DESCRIBED):
            body["description"] = self._description(wanted.id, wanted.notes, self._child.by)
        return body

    @staticmethod
    def _description(id: str, notes: dict[str, Any], by: str) -> str:
        return marks.noted(id, notes, _LONGEST_DESCRIPTION, by)

    def common_fields(self, document: Any) -> dict[str, Any]:
        """The id may have had to be derived; where there is a description, it has ours whole."""
        own, described = marks.from_name(document.id), marks.described(document.description)
        judged = self._child.judged(
            own and (described.marker or own), marks.by_name(document.id) or described.by
        )
        text = None if described.marker else document.description
        return {**super().common_fields(document), **judged, "notes": described.notes, "description": text}

    async def observed(self, document: Any) -> FlavorObserved:
        """Extra specs are asked for where the flavor has none in it: before 2.61, or for those who may not see them."""
        if document.extra_specs is None:
            ask = Ask(service="compute", path=f"{self.path_of(document.id)}/os-extra_specs")
            document.extra_specs = await self._child.item(HOME, ask, "extra_specs", dict[str, str])
        document.swap = int(document.swap or 0)
        document.rxtx_factor = float(document.rxtx_factor or 1.0)
        return await super().observed(document)

    async def observed_new(self, document: Any) -> FlavorObserved:
        """A new one has no extra specs. They are not asked for."""
        document.extra_specs = document.extra_specs or {}
        return await self.observed(document)

    def is_listed(self, document: Any) -> bool:
        """One that is disabled cannot be used."""
        return not document.disabled

    async def instead(self, scope: Scope, wanted: FlavorWanted, refusal: Refused) -> FlavorObserved:
        """An equal one of the child's own, where we may make none."""
        if refusal.status != 403 or refusal.elsewhere:
            return await super().instead(scope, wanted, refusal)
        async for observed in self.listed({"is_public": "true"}):
            if not observed.marker and not observed.managed_by and observed.name and _equal(observed, wanted):
                return observed
        raise Refused(
            f"{self._child.name} has no flavor like {wanted.name} ({wanted.vcpus} vCPUs, {wanted.ram} MiB,"
            f" {wanted.disk} GiB), and the credential may not make one: {refusal.reason}",
            status=403,
            elsewhere=True,
        )

    async def apply(self, scope: Scope, remote_id: str, step: Step) -> None:
        """Verbs: set_extra_specs, unset_extra_spec, admit, expel, note; on flavors of our making only."""
        if not self.is_ours(remote_id):
            raise Refused(f"flavor {remote_id} of {self._child.name} is not of our making and stays as it is")
        path = f"{self.path_of(remote_id)}/os-extra_specs"
        match step.verb:
            case "set_extra_specs":
                specs = step.body["extra_specs"]
                version = await self.version_of(_EXTRA_SPECS)
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
            case _:
                await super().apply(scope, remote_id, step)

    async def _let(self, remote_id: str, step: Step) -> None:
        """Let a project use a private one, or no longer. What is so already is done."""
        action = "addTenantAccess" if step.verb == "admit" else "removeTenantAccess"
        project_id = await self._child.project(Scope(step.body["project_id"]))
        path = f"{self.path_of(remote_id)}/action"
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
        version = await self.version_of(self.version)
        if not reaches(version, _DESCRIBED):
            return
        text = self._description(step.body["id"], step.body["notes"], marks.by_name(remote_id))
        body = {"flavor": {"description": text}}
        path = self.path_of(remote_id)
        await self._child.send(
            HOME, Ask(service="compute", method="PUT", path=path, body=body, version=version)
        )

    async def access(self, remote_id: str) -> list[str]:
        """The child's ids of the projects that may use a private flavor."""
        ask = Ask(service="compute", path=f"{self.path_of(remote_id)}/os-flavor-access")
        listed = await self._child.item(HOME, ask, "flavor_access", list[dict[str, str]])
        return [one["tenant_id"] for one in listed if one.get("tenant_id")]


def remote_name(wanted: FlavorWanted, by: str = "") -> str:
    """Its name in the child: unique there, as Nova demands, though two of ours may share a name over time, and another
    fractus may have one of the same id and name.
    """
    suffix = f".fractus-{hashlib.sha256(f'{wanted.id}{by}'.encode()).hexdigest()[:8]}"
    return wanted.name[: _LONGEST_NAME - len(suffix)] + suffix


def _equal(observed: FlavorObserved, wanted: FlavorWanted) -> bool:
    def size(flavor: FlavorObserved | FlavorWanted) -> tuple[int, ...]:
        return flavor.vcpus, flavor.ram, flavor.disk, flavor.ephemeral, flavor.swap

    return size(observed) == size(wanted) and observed.extra_specs == wanted.extra_specs
