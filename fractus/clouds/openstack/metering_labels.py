"""Metering labels of a child's Neutron, with their rules: only administrators make them, and are shown the rules."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
from msgspec import Struct, structs

from fractus.clouds.openstack.neutron import Document, NeutronKind
from fractus.clouds.openstack.services import Ask, segment
from fractus.model.cloud import HOME, Scope, Step
from fractus.model.errors import Missing, Refused
from fractus.model.metering import MeteringLabelObserved, MeteringLabelWanted, MeteringRule

_PATH = "/metering/metering-label-rules"
_PAGE = 500


class _Rule(Struct, kw_only=True):
    id: str
    metering_label_id: str
    direction: str
    excluded: bool = False
    remote_ip_prefix: str | None = None
    source_ip_prefix: str | None = None
    destination_ip_prefix: str | None = None


class MeteringLabels(NeutronKind[MeteringLabelWanted, MeteringLabelObserved]):
    """The actuator of metering labels. Rules are things of their own there, and steps of their own."""

    def fields(self, document: Document) -> dict[str, Any]:
        """A label does not show its rules: they are asked for apart."""
        return {name: value for name, value in super().fields(document).items() if name != "rules"}

    async def observe(self, scope: Scope, remote_id: str) -> MeteringLabelObserved:
        """What is there now, with its rules."""
        label = await super().observe(HOME, remote_id)
        return structs.replace(label, rules=(await self._rules(remote_id)).get(remote_id, []))

    async def find(self, scope: Scope, wanted: MeteringLabelWanted) -> MeteringLabelObserved | None:
        """The one with our marker in this project, with its rules."""
        found = await super().find(scope, wanted)
        return None if found is None else await self.observe(scope, found.remote_id)

    async def create(self, scope: Scope, wanted: MeteringLabelWanted) -> MeteringLabelObserved:
        """Make it. A new one has no rules."""
        return structs.replace(await super().create(scope, wanted), rules=[])

    async def _make(self, scope: Scope, body: dict[str, Any]) -> Document:
        return await self._make_as_admin(scope, body)

    async def delete(self, scope: Scope, remote_id: str) -> None:
        """Delete it, with its rules."""
        await super().delete(HOME, remote_id)

    async def apply(self, scope: Scope, remote_id: str, step: Step) -> None:
        """Verbs: add_rule, delete_rule. What is so already is done."""
        match step.verb:
            case "add_rule":
                body = {"metering_label_rule": {**step.body, "metering_label_id": remote_id}}
                ask = Ask(service="network", method="POST", path=_PATH, body=body)
                await self._child.send(HOME, ask)
            case "delete_rule":
                path = f"{_PATH}/{segment(step.body['remote_id'])}"
                try:
                    await self._child.send(HOME, Ask(service="network", method="DELETE", path=path))
                except Missing:
                    return
            case verb:
                raise Refused(f"a metering label of {self._child.name} has no verb {verb}")

    async def list_changed(self, since: str) -> AsyncIterator[MeteringLabelObserved]:
        """All of all projects, with their rules. Neutron keeps no times of them."""
        if await self._lacks_all():
            return
        rules = await self._rules()
        async for label in super().list_changed(""):
            yield label if label.unread else structs.replace(label, rules=rules.get(label.remote_id, []))

    async def has_cursor(self) -> bool:
        """There is none: labels have no times."""
        return False

    async def _rules(self, label_id: str = "") -> dict[str, list[MeteringRule]]:
        """By label; those of one, or all."""
        of = {"metering_label_id": label_id} if label_id else {}
        ask = Ask(service="network", path=_PATH, query={"sort_key": "id", "sort_dir": "asc", **of})
        found: dict[str, list[MeteringRule]] = {}
        async for page in self._child.pages(HOME, ask, "metering_label_rules", limit=_PAGE):
            for raw in page:
                one = msgspec.json.decode(raw, type=_Rule)
                said = {name: getattr(one, name) for name in one.__struct_fields__}
                id, label = said.pop("id"), said.pop("metering_label_id")
                found.setdefault(label, []).append(MeteringRule(**said, remote_id=id))
        return found
