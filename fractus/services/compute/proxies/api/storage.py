"""Volumes and snapshots."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fractus.model.errors import Invalid, NotFound
from fractus.services.compute.dialect.schema import values
from fractus.services.compute.proxies import policy, schema
from fractus.services.compute.proxies.api.asking import Proxy, limited, row
from fractus.services.compute.proxies.view import storage as view
from fractus.web.routing import Call, Reply, Route

_VOLUMES, _SNAPSHOTS = "/volumes", "/snapshots"
_VOLUME, _SNAPSHOT = "/volumes/{volume_id}", "/snapshots/{snapshot_id}"


class Storage(Proxy):
    """Handlers of volumes and snapshots."""

    service = "volume"

    def routes(self) -> list[Route]:
        """Rows of the route table."""
        volumes, snapshots = "/os-volumes", "/os-snapshots"
        of, of_snapshots = policy.VOLUMES, policy.SNAPSHOTS
        return [
            row("GET", volumes, self.volumes, f"{of}list", "List volumes."),
            row("GET", f"{volumes}/detail", self.volumes, f"{of}detail", "List volumes."),
            row("POST", volumes, self.create_volume, f"{of}create", "Create a volume.", check=schema.check_volume),
            row("GET", f"{volumes}/{{id}}", self.volume, f"{of}show", "Show a volume."),
            row("DELETE", f"{volumes}/{{id}}", self.delete_volume, f"{of}delete", "Delete a volume."),
            row("GET", snapshots, self.snapshots, f"{of_snapshots}list", "List snapshots."),
            row("GET", f"{snapshots}/detail", self.snapshots, f"{of_snapshots}detail", "List snapshots."),
            row(
                "POST", snapshots, self.create_snapshot, f"{of_snapshots}create", "Create a snapshot.",
                check=schema.check_snapshot,
            ),
            row("GET", f"{snapshots}/{{id}}", self.snapshot, f"{of_snapshots}show", "Show a snapshot."),
            row("DELETE", f"{snapshots}/{{id}}", self.delete_snapshot, f"{of_snapshots}delete", "Delete a snapshot."),
        ]  # fmt: skip

    async def volumes(self, call: Call) -> Reply:
        """Those of the project, newest first."""
        return Reply(200, {"volumes": await self._list(call, _VOLUMES, "volumes", view.volume)})

    async def snapshots(self, call: Call) -> Reply:
        """The same."""
        return Reply(200, {"snapshots": await self._list(call, _SNAPSHOTS, "snapshots", view.snapshot)})

    async def volume(self, call: Call) -> Reply:
        """One of them."""
        found = await self._of("Volume", call.params["id"], call, "GET", _VOLUME)
        return Reply(200, {"volume": view.volume(found["volume"])})

    async def snapshot(self, call: Call) -> Reply:
        """One of them."""
        found = await self._of("Snapshot", call.params["id"], call, "GET", _SNAPSHOT)
        return Reply(200, {"snapshot": view.snapshot(found["snapshot"])})

    async def delete_volume(self, call: Call) -> Reply:
        """Delete one that is not in use."""
        await self._of("Volume", call.params["id"], call, "DELETE", _VOLUME)
        return Reply(202)

    async def delete_snapshot(self, call: Call) -> Reply:
        """Delete one."""
        await self._of("Snapshot", call.params["id"], call, "DELETE", _SNAPSHOT)
        return Reply(202)

    async def create_volume(self, call: Call) -> Reply:
        """Make one."""
        asked = call.body["volume"]
        if "snapshot_id" in asked:
            await self._of("Snapshot", asked["snapshot_id"], call, "GET", _SNAPSHOT)
        wanted = {
            "size": int(asked["size"]),
            "name": asked.get("display_name"),
            "description": asked.get("display_description"),
            **{
                name: asked[name]
                for name in ("volume_type", "metadata", "snapshot_id", "availability_zone")
                if name in asked
            },
        }
        try:
            made = await self.ask(call, "POST", _VOLUMES, body={"volume": wanted})
        except Invalid as error:
            raise _input(error) from error
        shown = view.volume(made["volume"])
        return Reply(200, {"volume": shown}, {"Location": f"{call.url}/{shown['id']}"})

    async def create_snapshot(self, call: Call) -> Reply:
        """Make one of a volume, even of one in use where that is wanted (`force`)."""
        asked = call.body["snapshot"]
        wanted = {
            "volume_id": asked["volume_id"],
            "name": asked.get("display_name"),
            "description": asked.get("display_description"),
            "force": asked.get("force", False) in values.TRUE,
        }
        made = await self.ask(call, "POST", _SNAPSHOTS, body={"snapshot": wanted})
        return Reply(200, {"snapshot": view.snapshot(made["snapshot"])})

    async def _list(
        self, call: Call, path: str, key: str, shown: Callable[[Any], dict[str, Any]]
    ) -> list[dict[str, Any]]:
        found = (await self.ask(call, "GET", f"{path}/detail"))[key]
        return [shown(one) for one in limited(call, found)]

    async def _of(self, noun: str, id: str, call: Call, method: str, path: str) -> Any:
        try:
            return await self.ask(call, method, path, params={f"{noun.lower()}_id": id})
        except NotFound as error:
            raise NotFound(f"{noun} {id} could not be found.") from error
        except Invalid as error:
            raise _input(error) from error


def _input(error: Invalid) -> Invalid:
    return Invalid(f"Invalid input received: {error.message}")
