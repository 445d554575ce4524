"""What limits hold for a project, and where they come from."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Protocol

from msgspec import Struct
from sqlalchemy import BigInteger, and_, bindparam, delete, or_, select

from fractus.quota.costs import UNLIMITED
from fractus.quota.tables import QUOTA_LIMIT
from fractus.store.transaction import Query, Reader, Transaction, upsert

CLASS, PROJECT, USER = "class", "project", "user"

#: The class whose limits hold for every project that has none of its own.
DEFAULT = "default"

_c = QUOTA_LIMIT.c
_owned = (_c.scope == bindparam("s"), _c.owner == bindparam("o"))
_of = Query(select(_c.name, _c.amount).where(*_owned))
_all = Query(
    select(_c.scope, _c.name, _c.amount).where(
        or_(
            and_(_c.scope == CLASS, _c.owner == DEFAULT),
            and_(_c.scope == PROJECT, _c.owner == bindparam("p")),
            and_(_c.scope == USER, _c.owner == bindparam("u")),
        )
    )
)
_key: dict[str, Any] = {"scope": bindparam("s"), "owner": bindparam("o"), "name": bindparam("n")}
_set = upsert(QUOTA_LIMIT, {**_key, "amount": bindparam("a")}, {"amount": bindparam("a", type_=BigInteger)})
_drop = Query(delete(QUOTA_LIMIT).where(*_owned, _c.name == bindparam("n")))
_like = Query(
    select(_c.owner, _c.name, _c.amount).where(_c.scope == USER, _c.owner.like(bindparam("o"), escape="\\"))
)
_owners = Query(select(_c.owner, _c.name).where(_c.scope == PROJECT))


_PROJECT_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}")


def is_project_id(text: str) -> bool:
    """Whether Keystone could have a project of this id. Whether it has one is for the services to ask, or not to."""
    return _PROJECT_ID.fullmatch(text) is not None


class Bound(Struct, frozen=True):
    """One limit: what `projects` use of `name` together may not be more. `user`: what that user uses, in the one."""

    name: str
    limit: int
    projects: tuple[str, ...]
    user: str = ""


class Source(Protocol):
    """Where limits come from."""

    writable: bool
    """Whether they can be set through the quota APIs."""

    async def shown(self, reader: Reader, project_id: str, user_id: str = "") -> Mapping[str, int]:
        """The limits of a project, or of a user in it, of all names; what is not in it is unlimited."""
        ...

    async def defaults(self, reader: Reader) -> Mapping[str, int]:
        """The limits of a project that has none of its own."""
        ...

    async def of_class(self, reader: Reader, name: str) -> Mapping[str, int]:
        """The limits of a quota class."""
        ...

    async def bounds(
        self, reader: Reader, project_id: str, user_id: str, names: Collection[str]
    ) -> list[Bound]:
        """All that holds for `names`; what is unlimited is left out."""
        ...

    def family(self, project_id: str) -> str:
        """The project at whose row those queue who share a limit with others; empty where nothing is shared."""
        ...


class StoredLimits:
    """Limits as the quota APIs set them, in our own store. `given` are those of the settings."""

    writable = True

    def __init__(self, given: Mapping[str, int]) -> None:
        self._given = dict(given)

    async def shown(self, reader: Reader, project_id: str, user_id: str = "") -> Mapping[str, int]:
        """A user's own limit, else the project's, else the class's, else the settings'."""
        classes, project, user = await self._rows(reader, project_id, user_id)
        return {**self._given, **classes, **project, **user}

    async def defaults(self, reader: Reader) -> Mapping[str, int]:
        """The class `default`, else the settings."""
        return await self.of_class(reader, DEFAULT)

    async def of_class(self, reader: Reader, name: str) -> Mapping[str, int]:
        """Its own, else the settings."""
        return {**self._given, **await limits_of(reader, CLASS, name)}

    async def bounds(
        self, reader: Reader, project_id: str, user_id: str, names: Collection[str]
    ) -> list[Bound]:
        """The project's limit for all its users together, and the user's own besides, where there is one."""
        classes, project, user = await self._rows(reader, project_id, user_id)
        every = {**self._given, **classes, **project}
        found = []
        for name in sorted(names):
            limit = every.get(name, UNLIMITED)
            if limit >= 0:
                found.append(Bound(name, limit, (project_id,)))
            own = user.get(name, UNLIMITED)
            if own >= 0:
                found.append(Bound(name, own, (project_id,), user_id))
        return found

    def family(self, project_id: str) -> str:
        """Nothing is shared."""
        return ""

    async def _rows(
        self, reader: Reader, project_id: str, user_id: str
    ) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
        found: dict[str, dict[str, int]] = {CLASS: {}, PROJECT: {}, USER: {}}
        user = user_owner(project_id, user_id) if user_id else ""
        for scope, name, amount in await reader.rows(_all, p=project_id, u=user):
            found[scope][name] = int(amount)
        return found[CLASS], found[PROJECT], found[USER]


def user_owner(project_id: str, user_id: str) -> str:
    """Who owns the limits of a user in a project."""
    return f"{project_id}/{user_id}"


async def limits_of(reader: Reader, scope: str, owner: str) -> dict[str, int]:
    """The limits that were set for an owner itself."""
    return {name: int(amount) for name, amount in await reader.rows(_of, s=scope, o=owner)}


async def set_limit(tx: Transaction, scope: str, owner: str, name: str, amount: int) -> None:
    """Set one."""
    await tx.execute(_set, s=scope, o=owner, n=name, a=amount)


async def drop_limits(tx: Transaction, scope: str, owner: str, names: Collection[str]) -> None:
    """Forget those of `names` that were set for an owner itself."""
    for name in sorted(names):
        await tx.execute(_drop, s=scope, o=owner, n=name)


async def drop_limits_of_users(tx: Transaction, project_id: str, names: Collection[str]) -> None:
    """Forget those of `names` that were set for any user in a project."""
    for user_id in sorted(await of_users(tx, project_id)):
        await drop_limits(tx, USER, user_owner(project_id, user_id), names)


async def of_users(reader: Reader, project_id: str) -> dict[str, dict[str, int]]:
    """The limits that were set for users in a project, by user."""
    found: dict[str, dict[str, int]] = {}
    for owner, name, amount in await reader.rows(_like, o=_pattern(project_id)):
        found.setdefault(owner.partition("/")[2], {})[name] = int(amount)
    return found


def _pattern(project_id: str) -> str:
    return user_owner(project_id.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_"), "%")


async def limited_projects(reader: Reader, names: Collection[str]) -> list[str]:
    """Projects that have limits of their own among `names`."""
    found = {owner for owner, name in await reader.rows(_owners) if name in names}
    return sorted(found)
