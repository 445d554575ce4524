"""The routes of tasks, and of the locations of images as other services add them."""

from __future__ import annotations

import re
from typing import Any, Protocol

import msgspec

from fractus.model.errors import Conflict, Forbidden, Invalid, NotAllowed, NotFound
from fractus.services.image.images import policy, schema
from fractus.services.image.images.api.access import Access
from fractus.services.image.images.api.running import Runner
from fractus.services.image.images.table import IMAGE_TASK
from fractus.services.image.images.writes import tasks
from fractus.store.listing import Filter, Sort, UnknownMarker, page
from fractus.web.microversion import Version
from fractus.web.paging import Paging, glance_links
from fractus.web.routing import Call, Query, Reply, Route

_TYPES = ("import", "api_image_import", "location_import")
_SORTS = ("id", "type", "status", "created_at", "updated_at", "expires_at")
_UUID = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)


class Permits(Protocol):
    """What may be downloaded."""

    def permits(self, url: object) -> bool:
        """Whether a URL may be asked."""


def _task_schema(body: Any, _version: Version) -> None:
    if body is None:
        raise Invalid("Body expected in request.")
    for name in ("type", "input"):
        if not isinstance(body, dict) or name not in body:
            raise Invalid(f"Task '{name}' is required")
    if body["type"] not in _TYPES:
        raise Invalid(
            f"Provided object does not match schema 'task': {body['type']!r} is not one of {list(_TYPES)}"
        )
    if body["input"] is not None and not isinstance(body["input"], dict):
        raise Invalid(
            f"Provided object does not match schema 'task': {body['input']!r} is not of type 'null', 'object'"
        )


def _location_schema(body: Any, _version: Version) -> None:
    if body is None:
        raise Invalid("Body expected in request.")
    schema.check_location(body)


class TasksApi:
    """Tasks."""

    def __init__(self, access: Access, runner: Runner, downloads: Permits | None) -> None:
        """Read from `access`; `runner` does what tasks say, `downloads` judges where they bring bits from."""
        self._access, self._runner, self._downloads = access, runner, downloads

    def routes(self) -> list[Route]:
        """Everything below /tasks, and what images have to do with them."""
        one = "/tasks/{task_id}"
        return [
            Route(method="GET", path="/tasks", handler=self.index, rule=policy.TASKS, summary="List tasks."),
            Route(
                method="POST",
                path="/tasks",
                handler=self.create,
                rule=policy.TASKS,
                schema=_task_schema,
                summary="Create a task.",
            ),
            Route(method="GET", path=one, handler=self.show, rule=policy.TASKS, summary="Show a task."),
            Route(
                method="DELETE",
                path=one,
                handler=self.delete,
                rule=policy.TASKS,
                summary="Tasks expire and are not deleted, as in Glance.",
            ),
            Route(
                method="GET",
                path="/images/{image_id}/tasks",
                handler=self.of_image,
                rule=policy.LIST,
                summary="List the tasks of an image.",
            ),
            Route(
                method="POST",
                path="/images/{image_id}/locations",
                handler=self.add_location,
                rule=policy.MODIFY,
                schema=_location_schema,
                summary="Add a location: refused, as in a Glance whose stores are not the callers' to write to.",
            ),
        ]

    async def index(self, call: Call) -> Reply:
        """A page of tasks, newest first."""
        query = call.query
        paging = _paging(query)
        filters = [Filter("deleted_at", "null"), *_filters(query)]
        if not call.principal.is_admin:
            filters.append(Filter("project_id", "eq", call.principal.project_id))
        try:
            rows = await page(
                self._access.store,
                IMAGE_TASK,
                filters,
                sorts=[Sort(column, not ascending) for column, ascending in paging.sorts],
                marker=paging.marker,
                limit=paging.limit or 0,
            )
        except UnknownMarker:
            raise Invalid(f"No task found with ID {paging.marker}") from None
        links = glance_links(call, paging, len(rows), rows[-1][0] if rows else None)
        rest = msgspec.json.encode({**links, "schema": "/v2/schemas/tasks"})
        return Reply(200, b'{"tasks":[' + b",".join(summary for _, summary in rows) + b"]," + rest[1:])

    async def create(self, call: Call) -> Reply:
        """A task of the old way: an image whose bits come from another host."""
        type, given = call.body["type"], call.body["input"] or {}
        if type == tasks.LEGACY:
            source = given.get("import_from")
            if self._downloads is None or not self._downloads.permits(source):
                raise Invalid(f"URI for legacy import task does not pass filtering: {source}")
        async with self._access.store.transaction() as tx:
            task = await self._access.tasks.begin(
                tx,
                call.principal,
                type,
                given,
                request_id=call.request_id,
                left=["fractus"],
            )
            task.desired.update(stores=["fractus"], source=given.get("import_from"), all_must_succeed=True)
            await self._access.tasks.save(tx, task)
            shown = tasks.document(task)
            if type != tasks.LEGACY:
                await self._access.tasks.end(
                    tx, task, failure=f"Tasks of type {type} are made by requests of images"
                )
        if type == tasks.LEGACY:
            await self._runner.start(task)
        return Reply(201, shown, {"Location": f"/v2/tasks/{task.id}"})

    async def show(self, call: Call) -> Reply:
        """One task."""
        id = call.params["task_id"]
        found = await self._access.tasks.fetch(self._access.store, id)
        if found is None or not (call.principal.is_admin or found.project_id == call.principal.project_id):
            raise NotFound(f"Failed to find task {id}. Reason: No task found with ID {id}")
        return Reply(200, tasks.document(found))

    async def delete(self, _call: Call) -> Reply:
        """405."""
        raise NotAllowed(
            "This operation is currently not permitted on Glance Tasks. They are auto deleted after reaching the "
            "time based on their expires_at property."
        )

    async def of_image(self, call: Call) -> Reply:
        """The tasks of one image, those of the caller's project."""
        image = await self._access.image(self._access.store, call, policy.GET)
        found = await self._access.tasks.of_image(self._access.store, image.id)
        who = call.principal
        seen = [tasks.row(one) for one in found if who.is_admin or one.project_id == who.project_id]
        return Reply(200, {"tasks": seen})

    async def add_location(self, call: Call) -> Reply:
        """Stores are ours and the clouds' own: what lies in them is registered by adopting it."""
        image = await self._access.image(self._access.store, call)
        if image.status != "queued":
            raise Conflict(f"It's not allowed to add locations if image status is {image.status}.")
        self._access.check(call, policy.ADD_LOCATION, image)
        raise Forbidden("http store must be enabled to use location API by normal user.")


def _paging(query: Query) -> Paging:
    direction, key = query.one("sort_dir", "desc"), query.one("sort_key", "created_at")
    if direction not in ("asc", "desc"):
        raise Invalid(f"Invalid sort direction: {direction}")
    marker = query.one("marker")
    if marker is not None and not _UUID.fullmatch(marker):
        raise Invalid("Invalid marker format")
    text = query.one("limit", "25")
    try:
        limit = int(text or "")
    except ValueError:
        raise Invalid("limit param must be an integer") from None
    if limit < 0:
        raise Invalid("limit param must be positive")
    if key not in _SORTS:
        raise Invalid(f"Sort key supplied is invalid: {key}")
    column = "updated_at" if key == "expires_at" else str(key)
    return Paging(min(limit, 1000), marker, ((column, direction == "asc"), ("id", direction == "asc")))


def _filters(query: Query) -> list[Filter]:
    found = []
    for name, known in (("status", ("pending", "processing", "success", "failure")), ("type", ("import",))):
        value = query.one(name)
        if value:
            if value not in known:
                raise Invalid(f"Invalid {name} value: {value}")
            found.append(Filter(name, "eq", value))
    return found
