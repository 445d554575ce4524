"""Names of projects, for the descriptions that their mapped projects get in children."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Any

from fractus.auth.calls import Caller, CallFailed
from fractus.auth.tokens import ServiceCredential
from fractus.base.ids import is_uuid
from fractus.base.log import logger
from fractus.model.cloud import HOME, Scope
from fractus.model.errors import Invalid

log = logger("auth.project_names")

_KEPT = 10_000


class KeystoneProjects:
    """Looks names up in Keystone, once each. A name that cannot be had is left empty: it is only a description."""

    def __init__(self, credential: ServiceCredential) -> None:
        """`credential`: a user who may read projects."""
        self._credential = credential
        self._known: OrderedDict[str, Scope] = OrderedDict()
        self._asking: dict[str, asyncio.Task[Scope]] = {}
        self._token = ""
        """Our own, until Keystone refuses it: a login computes a hash, and a project's first server waits for it."""

    async def scope_of(self, project_id: str) -> Scope:
        """The scope for calls on behalf of a project; no project: the credential's own."""
        if not project_id:
            return HOME
        known = self._known.get(project_id)
        if known is not None:
            return known
        # A hundred clouds may want it at the same moment, and one question will do.
        asking = self._asking.get(project_id)
        if asking is None:
            asking = self._asking[project_id] = asyncio.create_task(self._ask(project_id))
            asking.add_done_callback(lambda _: self._asking.pop(project_id, None))
        return await asyncio.shield(asking)

    async def _ask(self, project_id: str) -> Scope:
        try:
            body = await self._read(f"projects/{project_id}")
        except CallFailed as failed:
            log.warning("project's name not known", project=project_id, error=str(failed))
            return Scope(project_id)
        scope = Scope(project_id, str(body["project"]["name"]))
        self._known[project_id] = scope
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return scope

    async def _read(self, path: str) -> Any:
        async with Caller(self._credential.ca_file) as caller:
            caller.token = self._token
            if self._token:
                try:
                    return await caller.call("GET", f"{self._credential.auth_url}/{path}")
                except CallFailed as failed:
                    if failed.status != 401:
                        raise
            await _log_in(caller, self._credential)
            self._token = caller.token
            return await caller.call("GET", f"{self._credential.auth_url}/{path}")


async def project_named(credential: ServiceCredential, text: str) -> str:
    """The id of a project of ours, by its name or id; `Invalid` where there is none, or more than one."""
    try:
        listed = (await _read(credential, "projects"))["projects"]
    except CallFailed as failed:
        if is_uuid(text):
            return text
        raise Invalid(
            f"Keystone could not be asked for the project '{text}': {failed}. Give its id."
        ) from failed
    found = [str(one["id"]) for one in listed if text in (one["id"], one["name"])]
    if len(found) == 1:
        return found[0]
    if not found:
        raise Invalid(f"fractus has no project '{text}': openstack project list.")
    raise Invalid(f"There are {len(found)} projects named '{text}'. Say which by its id.")


async def _read(credential: ServiceCredential, path: str) -> Any:
    """What Keystone answers to a GET of `path` by this user; `CallFailed` where it does not."""
    async with Caller(credential.ca_file) as caller:
        await _log_in(caller, credential)
        return await caller.call("GET", f"{credential.auth_url}/{path}")


async def _log_in(caller: Caller, credential: ServiceCredential) -> None:
    await caller.log_in(
        credential.auth_url,
        credential.username,
        credential.password,
        credential.project,
        user_domain=credential.user_domain,
        project_domain=credential.project_domain,
    )
