"""The routes of quota classes. The class `default` is what projects have that have no quotas of their own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fractus.model.errors import Invalid
from fractus.quota import limits
from fractus.quota.limits import CLASS
from fractus.quota.quota import Quota
from fractus.services.compute import only
from fractus.services.compute.limits import policy, schema, view
from fractus.services.compute.limits.versions import CLASSES
from fractus.store.transaction import Store
from fractus.web.microversion import Version
from fractus.web.routing import Call, Reply, Route

_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._:-]{0,254}")


def _check(body: Any, version: Version) -> None:
    CLASSES.request_check(body, version)
    schema.check_class_set(body)


class ClassesApi:
    """GET and PUT of a class."""

    def __init__(self, store: Store, quota: Quota) -> None:
        """Read from and write to `store`."""
        self._store = store
        self._quota = quota

    def routes(self) -> list[Route]:
        """Both."""
        one = "/os-quota-class-sets/{name}"
        return [
            Route(
                method="GET",
                path=one,
                handler=self.show,
                rule=policy.CLASS_SHOW,
                summary="Show the quotas of a class; those of `default` are everybody's.",
            ),
            Route(
                method="PUT",
                path=one,
                handler=self.update,
                rule=policy.CLASS_UPDATE,
                schema=_check,
                summary="Set quotas of a class; those of `default` are everybody's.",
            ),
        ]

    async def show(self, call: Call) -> Reply:
        """The quotas of a class, with the settings' where it has none."""
        if CLASSES.behaviour("strict_query", call.version):
            only(call.query.names(), ())
        name = call.params["name"]
        return self._reply(call, await self._quota.limits.of_class(self._store, name), name)

    async def update(self, call: Call) -> Reply:
        """Set those that are named."""
        name = call.params["name"]
        if not _NAME.fullmatch(name):
            raise Invalid("The name of a quota class has up to 255 letters, digits, and any of . _ : -")
        asked = schema.limits_of(call.body["quota_class_set"])
        if self._quota.limits.writable:
            async with self._store.transaction() as tx:
                for quota, amount in sorted(asked.items()):
                    await limits.set_limit(tx, CLASS, name, quota, amount)
        return self._reply(call, await self._quota.limits.of_class(self._store, name))

    @staticmethod
    def _reply(call: Call, found: Mapping[str, int], name: str = "") -> Reply:
        document = view.quota_class(found, name)
        return Reply(200, CLASSES.response_down(document, call.version, {"limit": view.limit_in(found)}))
