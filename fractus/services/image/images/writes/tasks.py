"""Tasks: what is done to an image after the answer, as a row that survives the process that does it.

A task is open from when its request is accepted until it succeeds or fails. Whoever runs tasks looks for open ones
(`fractus.services.image.images.api.running`). Ended ones are kept for two days, as Glance keeps them.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from fractus.auth.principal import Principal
from fractus.base.clock import iso
from fractus.base.ids import new_id
from fractus.model.resource import Resource, Summary
from fractus.services.image.images.table import IMAGE_TASK
from fractus.store.listing import Filter, Filters, Sort, page
from fractus.store.resources import Resources
from fractus.store.transaction import Reader, Transaction

KIND = "image_task"
IMPORT, LEGACY = "api_image_import", "import"

#: Seconds that an ended task is kept: Glance's task_time_to_live.
_KEPT = 48 * 3600.0
_OPEN = ("pending", "processing")
#: Tasks that are looked at together.
_MOST = 500


class Tasks:
    """Reads and writes tasks."""

    def __init__(self, resources: Resources) -> None:
        """They are rows of `resources`."""
        self._resources = resources

    async def begin(
        self,
        tx: Transaction,
        who: Principal,
        type: str,
        given: Mapping[str, Any],
        *,
        request_id: str = "",
        image_id: str = "",
        left: Sequence[str] = (),
    ) -> Resource:
        """A new one. `given`: its input, as it is shown; `left`: the stores that the bits have yet to reach."""
        task = Resource(
            kind=KIND,
            id=new_id(),
            project_id=who.project_id,
            user_id=who.user_id,
            status="pending",
            desired={
                "type": type,
                "input": dict(given),
                "image_id": image_id,
                "message": "",
                "result": None,
                "left": list(left),
                "failed": [],
                "expires_at": None,
            },
            request_id=request_id,
            created_at=tx.now(),
            updated_at=tx.now(),
        )
        return await self._resources.add(tx, task, summarise(task))

    async def save(self, tx: Transaction, task: Resource) -> None:
        """Write a changed one back."""
        task.updated_at = tx.now()
        await self._resources.save(tx, task, summarise(task))

    async def end(self, tx: Transaction, task: Resource, *, result: Any = None, failure: str = "") -> None:
        """It has succeeded with `result`, or failed."""
        task.status = "failure" if failure else "success"
        task.desired.update(message=failure, result=result, left=[], expires_at=tx.now() + _KEPT)
        await self.save(tx, task)

    async def fetch(self, reader: Reader, task_id: str, *, to_write: bool = False) -> Resource | None:
        """One that is kept."""
        found = await self._resources.fetch(reader, KIND, task_id, to_write=to_write)
        return None if found is None or found.deleted_at is not None else found

    async def open(self, reader: Reader, image_id: str = "") -> list[Resource]:
        """Those that have not ended, oldest first; of one image, where one is named."""
        filters: list[Any] = [Filter("deleted_at", "null"), Filter("status", "in", _OPEN)]
        return await self._some(
            reader, [*filters, *([Filter("image_id", "eq", image_id)] if image_id else [])]
        )

    async def of_image(self, reader: Reader, image_id: str) -> list[Resource]:
        """All of one image that are kept, oldest first."""
        return await self._some(reader, [Filter("deleted_at", "null"), Filter("image_id", "eq", image_id)])

    async def _some(self, reader: Reader, filters: Filters) -> list[Resource]:
        rows = await page(
            reader, IMAGE_TASK, filters, columns=("id",), sorts=[Sort("created_at", False)], limit=_MOST
        )
        found = [await self._resources.fetch(reader, KIND, id) for (id,) in rows]
        return [one for one in found if one is not None]

    async def expired(self, reader: Reader, now: float) -> list[str]:
        """The ids of those that are kept no longer."""
        filters = [Filter("status", "in", ("success", "failure")), Filter("updated_at", "lt", now - _KEPT)]
        return [id for (id,) in await page(reader, IMAGE_TASK, filters, columns=("id",), limit=_MOST)]

    async def drop(self, tx: Transaction, task_id: str) -> None:
        """It is kept no longer: nothing outside knows of it, so no tombstone is needed."""
        await self._resources.drop(tx, KIND, task_id)


def stub(task: Resource) -> dict[str, Any]:
    """A task in a list."""
    expires = task.desired["expires_at"]
    return {
        "id": task.id,
        "type": task.desired["type"],
        "status": task.status,
        "owner": task.project_id,
        **({"expires_at": iso(expires)} if expires else {}),
        "created_at": iso(task.created_at),
        "updated_at": iso(task.updated_at),
        "self": f"/v2/tasks/{task.id}",
        "schema": "/v2/schemas/task",
    }


def document(task: Resource) -> dict[str, Any]:
    """A task by itself."""
    about = {"image_id": task.desired["image_id"], "request_id": task.request_id, "user_id": task.user_id}
    given = {name: task.desired[name] for name in ("input", "message", "result")}
    return {**stub(task), **given, **{name: value for name, value in about.items() if value}}


def row(task: Resource) -> dict[str, Any]:
    """A task as GET /images/{id}/tasks shows it, which is how Glance keeps it."""
    desired = task.desired
    return {
        "id": task.id,
        "type": desired["type"],
        "status": task.status,
        "owner": task.project_id,
        "expires_at": _stamp(desired["expires_at"]),
        "created_at": _stamp(task.created_at),
        "updated_at": _stamp(task.updated_at),
        "deleted_at": None,
        "deleted": False,
        "image_id": desired["image_id"],
        "request_id": task.request_id,
        "user_id": task.user_id,
        "input": desired["input"],
        "result": desired["result"],
        "message": desired["message"],
    }


def _stamp(at: float | None) -> str | None:
    if at is None:
        return None
    return datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")


def summarise(task: Resource) -> Summary:
    """How a task is kept: lists show the stub."""
    columns = {"type": task.desired["type"], "image_id": task.desired["image_id"]}
    return Summary(task.status, stub(task), None, columns)
