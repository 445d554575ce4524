"""How every route comes to its namespace, and what Glance says where it does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fractus.model.errors import ApiError, Forbidden, NotFound
from fractus.model.resource import Resource
from fractus.services.image.metadefs import policy, queries, view
from fractus.store.resources import Resources
from fractus.store.transaction import Reader, Store, Transaction
from fractus.web.faults import NOT_FOUND
from fractus.web.microversion import Version
from fractus.web.routing import Call, Handler, Route

NAMESPACES = "/metadefs/namespaces"
ONE = f"{NAMESPACES}/{{namespace}}"


def absent(name: str) -> NotFound:
    """There is none of that name."""
    return NotFound(f"Metadata definition namespace={name} was not found.")


def hidden(name: str) -> NotFound:
    """The same in other words, which Glance has in most places."""
    return NotFound(f"Namespace {name} not found")


class Access:
    """The store, and namespaces in it."""

    def __init__(self, store: Store, resources: Resources) -> None:
        """Read and write `resources` in `store`."""
        self.store, self.resources = store, resources

    async def namespace(
        self,
        reader: Reader,
        call: Call,
        *rules: str,
        missing: Callable[[str], ApiError] = hidden,
        to_write: bool = False,
    ) -> Resource:
        """The namespace of the call's path, which the caller may know of, and to which each rule lets them do it.

        Whether there is one that they may not know of is not revealed, as Glance does by its choice of words.
        """
        name = call.params["namespace"]
        found = await self.resources.fetch(reader, queries.KIND, name, to_write=to_write)
        if found is None or not queries.visible(found, call.principal):
            raise missing(name)
        for rule in rules:
            self.check(call, rule, found)
        return found

    def check(self, call: Call, rule: str, namespace: Resource) -> None:
        """Refuse unless policy lets the caller do `rule` to the namespace."""
        target = view.target(namespace)
        if call.allows(rule, target):
            return
        if rule == policy.GET or not call.allows(policy.GET, target):
            raise NotFound(NOT_FOUND)
        raise forbidden(rule)

    async def save(self, tx: Transaction, namespace: Resource) -> None:
        """Write a changed namespace back. What it defines changes nothing of its own times, as in Glance."""
        await self.resources.save(tx, namespace, view.summarise(namespace))

    async def know_type(self, tx: Transaction, name: str) -> None:
        """There is a type of resources of that name from now on."""
        if await self.resources.fetch(tx, queries.TYPE_KIND, name) is None:
            made = Resource(kind=queries.TYPE_KIND, id=name, name=name, desired={})
            made.created_at = made.updated_at = tx.now()
            await self.resources.add(tx, made, view.summarise_type(made))


def forbidden(rule: str) -> Forbidden:
    """Glance's sentence for what policy does not allow."""
    return Forbidden(f"You are not authorized to complete {rule} action.")


def protected(what: str, name: str) -> Forbidden:
    """What belongs to a protected namespace, or is one, is not deleted."""
    return Forbidden(f"Metadata definition {what} {name} is protected and cannot be deleted.")


def any_body(_body: Any, _version: Version) -> None:
    """Bodies are judged in the handler, whose order of complaints is Glance's."""


def judged(read: Callable[[Any], Any]) -> Callable[[Any, Version], None]:
    """A body that is judged before anything is looked up."""

    def schema(body: Any, _version: Version) -> None:
        read(body)

    return schema


def route(
    method: str, path: str, handler: Handler, summary: str, read: Callable[[Any], Any] | None = None
) -> Route:
    """One route. Which rule it asks depends on the namespace, which the handler knows."""
    schema = None if read is None else judged(read)
    return Route(method=method, path=path, handler=handler, rule=policy.LIST, schema=schema, summary=summary)
