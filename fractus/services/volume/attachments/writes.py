"""How attachments are written: they, and what servers and volumes show of them, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct

from fractus.auth.principal import Principal
from fractus.base.clock import iso_micro
from fractus.base.ids import new_id
from fractus.model.resource import Presence, Resource, Summary, at_home
from fractus.model.volumes import DESTINATION, UNWRITTEN
from fractus.services.volume.attachments.kind import (
    ATTACHED,
    ATTACHING,
    BOOT,
    DETACHED,
    DETACHING,
    DIRECT,
    ERROR,
    RESERVE,
    RESERVED,
    attachment_of,
    needs,
    summarise,
)
from fractus.store import presences
from fractus.store.ledger import Ledger
from fractus.store.transaction import Reader, Transaction

Summarise: TypeAlias = "Callable[[Resource, list[Presence]], Summary]"

#: Where servers and volumes keep what they show of attachments, in what is desired of them.
_KEYS: Mapping[str, str] = {"server": "volumes", "volume": "attached"}


class Direct(Struct, frozen=True):
    """An attachment that block storage is asked for. `how`: `RESERVE`, or `NOTE` with a `device`."""

    how: str
    server_id: str = ""
    host: str = ""
    device: str = ""
    mode: str = ""


class AttachmentWrites:
    """Writes attachments. Which may be made is judged by who calls."""

    def __init__(self, ledger: Ledger, summaries: Mapping[str, Summarise]) -> None:
        """`summaries`: how a `server` and a `volume` are shown."""
        self._ledger = ledger
        self._summaries = summaries

    async def volume(self, reader: Reader, project_id: str | None, id: str) -> Resource | None:
        """A volume that is a project's; None: anybody's."""
        return await self._ledger.resources.visible(reader, "volume", id, project_id)

    async def zone_of(self, reader: Reader, volume: Resource) -> str:
        """The cloud that a volume is in; empty where none is chosen yet."""
        return _cloud_of(volume, await presences.of_resource(reader, "volume", volume.id))

    async def movable(self, reader: Reader, volume: Resource) -> bool:
        """Whether it can be made again in another cloud, for nothing has been written to it and nothing made of it."""
        if not volume.desired.get(UNWRITTEN):
            return False
        return not await self._ledger.resources.needed_by(reader, "volume", volume.id)

    # --- what users ask for ----------------------------------------------------------------------

    async def attach(
        self, tx: Transaction, server: Resource, volume: Resource, asked: Mapping[str, Any], device: str
    ) -> None:
        """A server is to have a volume. `asked`: `device`, `tag`, `delete_on_termination`; `boot`: it is built with it,
        and `root`: on it. `device`: where it will be, as far as is known. The caller writes the server.
        """
        there = at_home(server.home, await presences.of_resource(tx, "server", server.id))
        every = await presences.of_resource(tx, "volume", volume.id)
        entry = {
            "attachment_id": new_id(),
            "device": device,
            "tag": asked.get("tag") or None,
            "delete_on_termination": asked["delete_on_termination"],
        }
        boot = {BOOT: True} if asked.get("boot") else {}
        attachment = attachment_of(server, volume, entry, asked_device=asked.get("device") or "", **boot)
        attachment.request_id = server.request_id
        server.desired["volumes"] = [
            *server.desired.get("volumes", []),
            {"id": volume.id, "bdm_uuid": new_id(), **entry, **({"root": True} if asked.get("root") else {})},
        ]
        volume.desired["attached"] = [
            *volume.desired.get("attached", []),
            {
                "attachment_id": attachment.id,
                "server_id": server.id,
                "server_there": there.remote_id if there is not None else "",
                "device": device,
                "attached_at": "",
                "state": ATTACHING,
            },
        ]
        volume.desired.pop(UNWRITTEN, None)
        if there is not None and _cloud_of(volume, every) not in ("", there.cloud):
            volume.desired[DESTINATION] = there.cloud
        volume.updated_at = tx.now()
        shown = self._summaries["volume"](volume, every)
        if DESTINATION in volume.desired:
            await self._ledger.change(tx, volume, shown)
        else:
            await self._ledger.resources.save(tx, volume, shown)
        await self._ledger.create(tx, attachment, summarise(attachment), needs(attachment), assign=True)

    async def direct(
        self, tx: Transaction, volume: Resource, asked: Direct, who: Principal, request_id: str
    ) -> Resource:
        """Block storage alone is asked for an attachment. Whose server that is, if any's, does not matter."""
        server = (
            await self._ledger.resources.fetch(tx, "server", asked.server_id) if asked.server_id else None
        )
        there = (
            at_home(server.home, await presences.of_resource(tx, "server", server.id))
            if server is not None
            else None
        )
        attachment = Resource(
            kind="volume_attachment",
            id=new_id(),
            project_id=volume.project_id,
            user_id=who.user_id,
            desired={
                "name": "",
                "server_id": asked.server_id,
                "server_is_ours": server is not None,
                "volume_id": volume.id,
                "device": asked.device,
                "asked_device": asked.device,
                "tag": "",
                "delete_on_termination": False,
                DIRECT: asked.how,
                "host": asked.host,
                "mode": asked.mode,
            },
            request_id=request_id,
        )
        volume.desired["attached"] = [
            *volume.desired.get("attached", []),
            {
                "attachment_id": attachment.id,
                "server_id": asked.server_id,
                "server_there": (there.remote_id if there is not None else "") or asked.server_id,
                "host_name": asked.host or None,
                "device": asked.device,
                "attached_at": "",
                "state": RESERVED if asked.how == RESERVE else ATTACHING,
            },
        ]
        volume.desired.pop(UNWRITTEN, None)
        await self._ledger.create(tx, attachment, summarise(attachment), needs(attachment), assign=True)
        await self._save(tx, volume)
        return attachment

    async def fetch(self, tx: Transaction, id: str) -> Resource | None:
        """One, to be changed."""
        return await self._fetch(tx, "volume_attachment", id)

    async def complete(self, tx: Transaction, attachment: Resource) -> None:
        """Its cloud is to mark it as attached."""
        attachment.desired["completed"] = True
        every = await presences.of_resource(tx, "volume_attachment", attachment.id)
        await self._ledger.change(tx, attachment, summarise(attachment, every))

    async def look(self, tx: Transaction, attachment_id: str) -> None:
        """Something was done to it there: how it is now is looked at."""
        await self._ledger.look_again(tx, "volume_attachment", attachment_id)

    async def others(self, tx: Transaction, attachment: Resource) -> list[Resource]:
        """What else is attached to its volume."""
        volume = await self._ledger.resources.fetch(tx, "volume", attachment.desired["volume_id"])
        ids = [one["attachment_id"] for one in volume.desired.get("attached", ())] if volume else []
        found = await self._ledger.resources.many(tx, "volume_attachment", ids)
        return [one for one in found.values() if one.id != attachment.id and one.wanted]

    async def detach(self, tx: Transaction, attachment_id: str) -> None:
        """A server is to have its volume no longer; it shows it until its cloud has confirmed that."""
        attachment = await self._fetch(tx, "volume_attachment", attachment_id)
        if attachment is None or not attachment.wanted:
            return
        attachment.desired["apart"] = True
        await self._ledger.remove(tx, attachment, summarise(attachment), hide=False)
        await self._show_in_volume(tx, attachment, state=DETACHING)

    async def withdraw_reset(self, tx: Transaction, volume: Resource) -> None:
        """A status that an administrator has set ends with a detach by force, as in Cinder, if it is set yet or not."""
        reset = volume.desired.get("reset")
        if reset and reset["body"].pop("status", None):
            await self._save(tx, volume)

    async def keep(self, tx: Transaction, attachment_id: str, *, delete_on_termination: bool) -> None:
        """Whether the volume ends with its server. The caller writes the server."""
        attachment = await self._fetch(tx, "volume_attachment", attachment_id)
        if attachment is not None:
            attachment.desired["delete_on_termination"] = delete_on_termination
            every = await presences.of_resource(tx, "volume_attachment", attachment.id)
            await self._ledger.change(tx, attachment, summarise(attachment, every))

    # --- what comes of it ------------------------------------------------------------------------

    async def release(self, tx: Transaction, server_id: str) -> None:
        """A server is gone from its cloud, and so are its attachments there."""
        for id in await self._ledger.resources.needed_by_kind(tx, "server", server_id, "volume_attachment"):
            attachment = await self._fetch(tx, "volume_attachment", id)
            if attachment is not None and attachment.wanted:
                await self._ledger.remove(tx, attachment, summarise(attachment), hide=False)

    async def progressed(self, tx: Transaction, attachment: Resource) -> None:
        """Its status or device has changed. One that its cloud refused ends."""
        if not attachment.wanted:
            return
        if attachment.status == ERROR:
            attachment.desired["apart"] = not await self._server_ends(tx, attachment)
            await self._ledger.remove(tx, attachment, summarise(attachment), hide=False)
            await self._show_in_volume(tx, attachment, state=DETACHING)
            return
        shown = msgspec.json.decode(attachment.summary)
        device = shown["device"]
        state = attachment.status if attachment.status in (ATTACHED, RESERVED) else ATTACHING
        at = shown["attached_at"] or iso_micro(tx.now())
        about: dict[str, Any] = {"attached_at": at} if state == ATTACHED else {}
        if attachment.desired.get(BOOT) and state == ATTACHED:
            about["server_there"] = await self._server_there(tx, attachment)
        await self._show(tx, "server", attachment.desired["server_id"], attachment.id, {"device": device})
        await self._show_in_volume(tx, attachment, device=device, state=state, **about)

    async def unattachable(self, tx: Transaction, volume: Resource) -> None:
        """A volume does not come to the cloud of the server that is to have it: its attachments end, and it is free.
        The caller writes the volume.
        """
        for id in await self._ledger.resources.needed_by_kind(tx, "volume", volume.id, "volume_attachment"):
            attachment = await self._fetch(tx, "volume_attachment", id)
            if attachment is not None and attachment.wanted:
                attachment.desired["apart"] = True
                await self._ledger.remove(tx, attachment, summarise(attachment), hide=False)
        volume.desired["attached"] = [{**one, "state": DETACHING} for one in volume.desired["attached"]]

    async def ended(self, tx: Transaction, attachment: Resource) -> None:
        """It has left its cloud. How its volume is there now is looked at."""
        desired = attachment.desired
        await self._show(tx, "server", desired["server_id"], attachment.id, None)
        if desired.get(BOOT):
            await self._needs_no_longer(tx, desired["server_id"], desired["volume_id"])
        volume = await self._show_in_volume(tx, attachment, state=DETACHED)
        if volume is None or not volume.wanted:
            return
        ends = desired["delete_on_termination"] and not desired.get("apart")
        if ends and await self._server_ends(tx, attachment):
            volume.wanted = False
            await self._ledger.remove(tx, volume, await self._summary(tx, volume), hide=False)
            return
        await self._ledger.look_again(tx, "volume", volume.id)

    async def _needs_no_longer(self, tx: Transaction, server_id: str, volume_id: str) -> None:
        """A server that was built with a volume has it no more."""
        known = await self._ledger.resources.needs(tx, "server", server_id)
        kept = [one for one in known if (one.kind, one.id) != ("volume", volume_id)]
        if len(kept) < len(known):
            await self._ledger.resources.set_needs(tx, "server", server_id, kept)

    async def _server_there(self, tx: Transaction, attachment: Resource) -> str:
        """The id of its server in its cloud, which was not there yet when it was asked for."""
        server_id = attachment.desired["server_id"]
        server = await self._ledger.resources.fetch(tx, "server", server_id)
        there = at_home(server.home if server else None, await presences.of_resource(tx, "server", server_id))
        return (there.remote_id or "") if there is not None else ""

    async def _server_ends(self, tx: Transaction, attachment: Resource) -> bool:
        """Whether its server is to be deleted, or is: then its cloud ends it, and who sees that first does not matter.

        One that ends before its server (`apart`, in what is desired of it) leaves the volume as it is.
        """
        server = await self._ledger.resources.fetch(tx, "server", attachment.desired["server_id"])
        return server is None or not server.wanted

    # --- what servers and volumes show -----------------------------------------------------------

    async def _show_in_volume(self, tx: Transaction, attachment: Resource, **about: Any) -> Resource | None:
        return await self._show(tx, "volume", attachment.desired["volume_id"], attachment.id, about)

    async def _show(
        self, tx: Transaction, kind: str, id: str, attachment_id: str, about: Mapping[str, Any] | None
    ) -> Resource | None:
        """Say something of an attachment where it is shown; None: that there is none any more."""
        resource, key = await self._fetch(tx, kind, id), _KEYS[kind]
        if resource is None or resource.deleted_at is not None:
            return None
        before = resource.desired.get(key, [])
        after = list(_changed(before, attachment_id, about))
        if after != before:
            resource.desired[key] = after
            await self._save(tx, resource)
        return resource

    async def _fetch(self, tx: Transaction, kind: str, id: str) -> Resource | None:
        return await self._ledger.resources.fetch(tx, kind, id, to_write=True)

    async def _save(self, tx: Transaction, resource: Resource) -> None:
        resource.updated_at = tx.now()
        await self._ledger.resources.save(tx, resource, await self._summary(tx, resource))

    async def _summary(self, tx: Transaction, resource: Resource) -> Summary:
        every = await presences.of_resource(tx, resource.kind, resource.id)
        return self._summaries[resource.kind](resource, every)


def _cloud_of(volume: Resource, every: Sequence[Presence]) -> str:
    there = at_home(volume.home, every)
    return there.cloud if there is not None else volume.home or ""


def _changed(
    entries: Sequence[dict[str, Any]], attachment_id: str, about: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    found = []
    for one in entries:
        if one["attachment_id"] != attachment_id:
            found.append(one)
        elif about is not None:
            found.append({**one, **about})
    return found
