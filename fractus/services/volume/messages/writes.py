"""Writing messages: what failed is reported once, and forgotten after a while."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import bindparam, select

from fractus.base.ids import derived_id
from fractus.model.resource import Resource
from fractus.services.volume.messages.kind import KIND
from fractus.store.ledger import Ledger
from fractus.store.transaction import Query, Transaction

#: Seconds that a message is kept (Cinder's `message_ttl`).
TTL = 2592000.0

#: Messages that are dropped at a time, where their time is over.
_FEW = 10

_old = Query(select(KIND.table.c.id).where(KIND.table.c.expires_at < bindparam("now")).limit(_FEW))

#: Kind and status -> Cinder's name of the kind, and the numbers of what was done and what was wrong.
_FAILURES: Mapping[tuple[str, str], tuple[str, str, str]] = {
    ("volume", "error"): ("VOLUME", "008", "012"),
    ("volume", "error_extending"): ("VOLUME", "007", "010"),
    ("snapshot", "error"): ("VOLUME_SNAPSHOT", "009", "013"),
    ("backup", "error"): ("VOLUME_BACKUP", "013", "020"),
}
_NOWHERE = ("VOLUME", "001", "003")


class MessageWrites:
    """Writes messages for workers."""

    def __init__(self, ledger: Ledger) -> None:
        """Write through `ledger`."""
        self._ledger = ledger

    async def about(self, tx: Transaction, resource: Resource) -> None:
        """Tell its project what its state says, where that is a failure of what was asked for."""
        failure = _FAILURES.get((resource.kind, resource.status))
        said_so = (resource.desired.get("reset") or {}).get("token")
        if failure is None or not resource.wanted or said_so:
            return
        if failure == _FAILURES["volume", "error"] and resource.choice.get("error"):
            failure = _NOWHERE
        type_, action, detail = failure
        id = derived_id(resource.id, f"message/{action}/{resource.desired.get('refused_size', '')}")
        resources = self._ledger.resources
        if await resources.fetch(tx, KIND.name, id) is not None:
            return
        for (old,) in await tx.rows(_old, now=tx.now()):
            await resources.drop(tx, KIND.name, str(old))
        message = Resource(
            kind=KIND.name,
            id=id,
            project_id=resource.project_id,
            user_id=resource.user_id,
            desired={
                "name": "",
                "resource_uuid": resource.id,
                "resource_type": type_,
                "action": action,
                "detail": detail,
                "expires_at": tx.now() + TTL,
            },
            request_id=resource.request_id,
            created_at=tx.now(),
            updated_at=tx.now(),
        )
        await self._ledger.create(tx, message, KIND.summarise(message, ()), assign=False)
