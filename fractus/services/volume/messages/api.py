"""The routes of messages."""

from __future__ import annotations

from typing import Any

from fractus.model.errors import Invalid
from fractus.model.resource import Resource
from fractus.services.volume.dialect.api.collection import CollectionApi
from fractus.services.volume.messages.kind import KIND
from fractus.store.transaction import Transaction
from fractus.web.routing import Call, Reply


class MessagesApi(CollectionApi):
    """Messages: nobody makes or changes one by a request."""

    kind = KIND

    async def draft(self, call: Call, tx: Transaction, given: dict[str, Any]) -> Resource:
        """It has no verb `create`."""
        raise Invalid("Messages are not made by requests.")

    async def change(self, call: Call, tx: Transaction, resource: Resource, given: dict[str, Any]) -> None:
        """It has no verb `update`."""
        raise Invalid(f"Message {resource.id} cannot be changed.")

    async def delete(self, call: Call) -> Reply:
        """It has been read."""
        async with self._store.transaction() as tx:
            message = await self.fetch(tx, call, KIND.verbs["delete"].rule.name)
            await self._ledger.resources.drop(tx, KIND.name, message.id)
        return Reply(204)
