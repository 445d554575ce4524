"""How what a policy says is written into what it shares: with whom, beside all else that is desired of the thing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from sqlalchemy import Table

from fractus.model.network import SHARED_WITH
from fractus.model.resource import Resource
from fractus.services.network.dialect.writes.writer import Writer
from fractus.store.listing import Filter, page
from fractus.store.transaction import Reader, Transaction

Follow: TypeAlias = "Callable[[Transaction, Resource], Awaitable[None]]"


async def _nothing(_tx: Transaction, _resource: Resource) -> None:
    """Nothing follows."""


class Shares:
    """Shares things of one kind."""

    def __init__(
        self,
        writes: Writer,
        target: Callable[[Resource], Mapping[str, Any]],
        of_user: Callable[[str], Filter],
        follow: Follow = _nothing,
        *,
        user: str | Table = "port",
        rule: str = "",
    ) -> None:
        """`of_user`: which things of the kind `user` (or rows of a table) use one; `follow`: what else is written when
        it is shared otherwise; `rule`: the policy rule of whoever may see one.
        """
        self.rule = rule or f"get_{writes.kind}"
        self._writes = writes
        self.target = target
        self._of_user, self._user = of_user, user
        self._follow = follow

    async def is_used(self, reader: Reader, id: str, of: Filter) -> bool:
        """Whether projects for which a condition on `project_id` holds have something that uses it."""
        user = self._user
        users = self._writes.ledger.resources.tables[user] if isinstance(user, str) else user
        alive = [Filter("deleted_at", "null")] if "deleted_at" in users.c else []
        using = [self._of_user(id), of, *alive]
        return bool(await page(reader, users, using, columns=("id",), limit=1))

    async def share(self, tx: Transaction, resource: Resource, target: str, *, there: bool) -> None:
        """It is shared with a project, or with all (`*`), from now on; or no longer."""
        if target == "*":
            resource.desired["shared"] = there
        else:
            others = [one for one in resource.desired.get(SHARED_WITH, ()) if one != target]
            resource.desired[SHARED_WITH] = sorted([*others, target]) if there else others
        await self._writes.change(tx, resource)
        await self._follow(tx, resource)
