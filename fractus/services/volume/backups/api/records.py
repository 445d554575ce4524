"""Records of backups: what is known of one, to be made known again where that was lost.

A cloud writes a record in its own ids. Ours is the same with our id, and says besides in which cloud the backup is and
what it is called there: so it is made known again in that cloud, and keeps its id. A record that was written by a cloud
itself is tried where there is a choice.
"""

from __future__ import annotations

import base64
import dataclasses
from typing import TYPE_CHECKING, Any

import msgspec

from fractus.base.ids import is_uuid
from fractus.model.errors import Invalid
from fractus.model.live import LiveCall
from fractus.model.resource import Resource
from fractus.services.relay import DEADLINE, Relay
from fractus.services.volume.backups import kind, schema
from fractus.services.volume.backups.kind import KIND, NO_VOLUME
from fractus.services.volume.dialect.api.collection import route
from fractus.services.volume.dialect.kind import Verb
from fractus.store import clouds, presences
from fractus.store.ledger import Ledger
from fractus.store.transaction import Store, Transaction
from fractus.web.routing import Call, Reply, Route

if TYPE_CHECKING:
    from fractus.services.volume.backups.api import BackupsApi

#: What is ours in a record: `cloud` and `id` there.
_OURS = "fractus"

_EXPORT = LiveCall(
    name="backup_record",
    noun="the record of a backup",
    service="volume",
    path="/{project}/backups/{id}/export_record",
    key="backup-record",
    type=dict[str, str],
    admin=True,
    missing="Backup {id} could not be found.",
    not_ready="Backup {id} is not made yet.",
    refusals=frozenset({400}),
)


class RecordsApi:
    """Export and import."""

    def __init__(self, backups: BackupsApi, store: Store, ledger: Ledger, live: Relay) -> None:
        """Of what `backups` finds; `live` asks clouds for records."""
        self._backups, self._store, self._ledger, self._live = backups, store, ledger, live

    def routes(self) -> list[Route]:
        """Both."""
        written = route(Verb(rule=kind.EXPORT), "GET", "/backups/{id}/export_record", self.export)
        taken = Verb(rule=kind.IMPORT, schemas=(("", schema.IMPORT),))
        return [
            dataclasses.replace(written, live=True, deadline=DEADLINE),
            route(taken, "POST", "/backups/import_record", self.take),
        ]

    async def export(self, call: Call) -> Reply:
        """The record that its cloud writes, with our id."""
        backup = await self._backups.fetch(self._store, call, kind.EXPORT.name, to_write=False)
        if backup.status != "available":
            raise Invalid(f"Invalid backup: Backup status must be available and not {backup.status}.")
        answer = await self._live.ask(backup, _EXPORT)
        there = (await presences.of_resource(self._store, KIND.name, backup.id))[0]
        record = _decoded(answer["backup_url"])
        record |= {"id": backup.id, _OURS: {"cloud": there.cloud, "id": there.remote_id}}
        shown = {"backup_service": answer["backup_service"], "backup_url": _encoded(record)}
        return Reply(200, {"backup-record": shown})

    async def take(self, call: Call) -> Reply:
        """Make a backup known again."""
        given = call.body["backup-record"]
        record = _decoded(given["backup_url"])
        if "id" not in record:
            raise Invalid("Invalid input received: Provided backup record is missing an id")
        if "size" not in record:
            raise Invalid("Invalid input received: Provided backup record is missing size attribute")
        id, size = record["id"], record["size"]
        if not isinstance(id, str) or not is_uuid(id) or not isinstance(size, int) or size < 0:
            raise Invalid("Invalid input received: Can't parse backup record.")
        ours = record.pop(_OURS, None) or {}
        record["id"] = ours.get("id", id)
        async with self._store.transaction() as tx:
            cloud = str(ours.get("cloud", ""))
            if cloud and cloud not in await clouds.enabled(tx):
                raise Invalid(
                    f"Invalid backup: there is no availability zone {cloud}, in which the backup is."
                )
            await self._make_room(tx, id)
            said = {"service": given["backup_service"], "url": _encoded(record), "id": record["id"]}
            backup = await self._make(call, tx, id, record, said, cloud)
        return self._backups.in_brief(call, backup.summary, 201)

    async def _make_room(self, tx: Transaction, id: str) -> None:
        """The row of one that was deleted goes, as Cinder uses it again."""
        before = await self._ledger.resources.fetch(tx, KIND.name, id, to_write=True)
        if before is None:
            return
        if before.deleted_at is None or await presences.of_resource(tx, KIND.name, id):
            raise Invalid("Invalid backup: Backup already exists in database.")
        await self._ledger.resources.drop(tx, KIND.name, id)

    async def _make(
        self, call: Call, tx: Transaction, id: str, record: dict[str, Any], said: dict[str, str], cloud: str
    ) -> Resource:
        who = call.principal
        desired = {
            "name": record.get("display_name"),
            "description": record.get("display_description"),
            "metadata": {},
            "volume_id": NO_VOLUME,
            "snapshot_id": "",
            "parent_id": "",
            "size": record["size"],
            "container": record.get("container") or "",
            "data_at": None,
            "record": said,
            "zone": cloud,
        }
        backup = Resource(
            kind=KIND.name, id=id, project_id=who.project_id, user_id=who.user_id, name=desired["name"] or "",
            desired=desired, request_id=call.request_id, created_at=tx.now(), updated_at=tx.now(),
        )  # fmt: skip
        return await self._ledger.create(
            tx, backup, KIND.summarise(backup, ()), KIND.needs(backup), assign=True
        )


def _decoded(text: str) -> dict[str, Any]:
    try:
        record = msgspec.json.decode(base64.b64decode(text))
    except (ValueError, msgspec.DecodeError):
        raise Invalid("Invalid input received: Can't parse backup record.") from None
    if not isinstance(record, dict):
        raise Invalid("Invalid input received: Can't parse backup record.")
    return record


def _encoded(record: dict[str, Any]) -> str:
    return base64.b64encode(msgspec.json.encode(record)).decode()
