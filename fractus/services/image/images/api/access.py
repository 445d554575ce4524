"""How every route comes to its image: by id, if the caller may know of it, and if policy lets them."""

from __future__ import annotations

from collections.abc import Sequence

from fractus.model.errors import ApiError, Forbidden, NotFound
from fractus.model.resource import Resource
from fractus.services.image.images import policy, schema, view
from fractus.services.image.images.queries import image_fetch
from fractus.services.image.images.writes.tasks import Tasks
from fractus.store import presences
from fractus.store.ledger import Ledger
from fractus.store.transaction import Reader, Store, Transaction
from fractus.web.faults import NOT_FOUND
from fractus.web.routing import Call


def unknown(image_id: str) -> NotFound:
    """Glance's most frequent sentence."""
    return NotFound(f"No image found with ID {image_id}")


class Access:
    """The store and the ledger, and images in them."""

    def __init__(self, store: Store, ledger: Ledger) -> None:
        """Read from `store`, write through `ledger`."""
        self.store = store
        self.ledger = ledger
        self.tasks = Tasks(ledger.resources)

    async def image(
        self, reader: Reader, call: Call, *rules: str, missing: ApiError | None = None
    ) -> Resource:
        """The image of the call's path; `missing` (or `NotFound`) where the caller may not know of it.

        Then every rule must let them: what they may not even see is not there for them (404), else it is refused.
        """
        image_id = call.params["image_id"]
        found = await image_fetch(reader, self.ledger.resources, image_id, call.principal)
        if found is None:
            raise missing or unknown(image_id)
        for rule in rules:
            self.check(call, rule, found)
        return found

    def check(self, call: Call, rule: str, image: Resource) -> None:
        """Refuse unless policy lets the caller do `rule` to the image."""
        target = view.target(image, call.principal.project_id)
        if call.allows(rule, target):
            return
        if rule == policy.GET or not call.allows(policy.GET, target):
            raise NotFound(NOT_FOUND)
        raise Forbidden(f"You are not authorized to complete {rule} action.")

    async def save(self, tx: Transaction, image: Resource) -> None:
        """Write a changed image back."""
        image.updated_at = tx.now()
        there = await presences.of_resource(tx, "image", image.id)
        await self.ledger.change(tx, image, view.summarise(image, there))


def visibility_rule(visibility: str) -> Sequence[str]:
    """The rules that a visibility needs."""
    named = {"public": policy.PUBLICIZE, "community": policy.COMMUNITIZE}.get(visibility)
    return () if named is None else (named,)


def within(amount: int, what: str) -> None:
    """`TooLarge` above Glance's bound of tags, properties or members."""
    if amount > schema.QUOTA:
        raise schema.too_many(amount, what)
