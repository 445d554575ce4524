"""Images that a task of Glance's old way makes (`POST /tasks`, type `import`)."""

from __future__ import annotations

from fractus.base.ids import new_id
from fractus.model.errors import Invalid
from fractus.model.resource import Resource
from fractus.services.image.images import schema, view
from fractus.store.ledger import Ledger
from fractus.store.transaction import Transaction

_REQUIRED = ("import_from", "import_from_format", "image_properties")


async def make_image(tx: Transaction, ledger: Ledger, task: Resource) -> Resource:
    """The image that a task describes, queued. `Invalid` where it does not say enough, or what no image may say."""
    given = task.desired["input"]
    for name in _REQUIRED:
        if not given.get(name):
            raise Invalid(f"Input does not contain '{name}' field")
    body = given["image_properties"]
    schema.create(body)
    desired = schema.wanted({"visibility": "private", **body})
    image = Resource(
        kind="image",
        id=body.get("id") or new_id(),
        project_id=task.project_id,
        user_id=task.user_id,
        name=desired["name"] or "",
        status="queued",
        desired=desired,
        request_id=task.request_id,
        created_at=tx.now(),
        updated_at=tx.now(),
    )
    if await ledger.resources.fetch(tx, "image", image.id) is not None:
        raise Invalid(f"Image ID {image.id} already exists!")
    return await ledger.create(tx, image, view.summarise(image), assign=False)
