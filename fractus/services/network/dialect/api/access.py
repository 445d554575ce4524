"""Who may do what to Neutron's things: the rule of the action, and one for each attribute that has its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from fractus.model.errors import PreconditionFailed
from fractus.model.network import SHARED_WITH
from fractus.model.resource import Resource
from fractus.services.field import Fields
from fractus.services.network.dialect.schema.attributes import Item
from fractus.services.network.dialect.schema.errors import (
    bad_request,
    denied,
    malformed,
    not_carried,
    not_found,
)
from fractus.services.network.dialect.view import among, to
from fractus.store.resources import Resources
from fractus.store.transaction import Reader
from fractus.web.routing import Call

_REVISION = "revision_number="
_TAG = re.compile(r'(?:^|\s)(W/)?"([^"]*)"')

_INSIDE = ("fixed_ips", "allowed_address_pairs", "external_gateway_info")


def authorise(
    call: Call, action: str, attributes: Fields, item: Item, target: Mapping[str, Any], *, create: bool
) -> None:
    """`Forbidden`, in Neutron's words, unless the caller may do `action` with all that is in `item`.

    At a create an attribute that is given its default needs no rule (Neutron's `_is_attribute_explicitly_set`).
    """
    rules, shown = [action], f"rule:{action}"
    for name, attribute in attributes.items():
        if not attribute.rule or name not in item.given:
            continue
        value = item.values.get(name)
        if create and value == attribute.default:
            continue
        own = f"{action}:{name}"
        parts: Any = [value] if isinstance(value, dict) else value
        inside = [f"{own}:{key}" for one in parts for key in one] if name in _INSIDE and value else []
        rules += [own, *inside]
        if inside:
            below = " and ".join(f"rule:{rule}" for rule in inside)
            shown = f"({shown} and (rule:{own} and ({below})))"
        else:
            shown = f"({shown} and rule:{own})"
    if not all(call.allows(rule, target) for rule in rules):
        raise denied(shown)


def refuse_foreign(fields: Fields, item: Item) -> None:
    """Refuse what belongs to the clouds, by name (law 10). To be asked after the policy."""
    for name, field in fields.items():
        if field.foreign is not None and name in item.given and field.foreign(item.values[name]):
            raise not_carried(name, field.why)


def visible(
    call: Call,
    resource: Resource | None,
    target: Callable[[Resource], Mapping[str, Any]],
    missing: Exception,
    *,
    rule: str = "",
) -> Resource:
    """The resource, where it is there and the caller may know of it; else `missing`. `rule`: of whoever may."""
    if resource is None or resource.deleted_at is not None:
        raise missing
    if not call.allows(rule or f"get_{resource.kind}", target(resource)):
        raise missing
    return resource


async def fetch_visible(
    reader: Reader,
    resources: Resources,
    call: Call,
    kind: str,
    id: str,
    target: Callable[[Resource], Mapping[str, Any]],
    *,
    rule: str = "",
    to_write: bool = False,
) -> Resource:
    """What a request names by its id, where the caller may know of it; else Neutron's `NotFound`. `rule` as above."""
    found = await resources.fetch(reader, kind, id, to_write=to_write)
    return visible(call, found, target, not_found(kind, id), rule=rule)


def shown_to(call: Call, resource: Resource) -> bytes:
    """Its document as the caller's project is shown it."""
    with_whom = resource.desired.get(SHARED_WITH)
    return to(resource.summary, among(with_whom) if with_whom else None, call.principal.project_id)


def revision_asked(call: Call) -> int | None:
    """The revision number that `If-Match` names, if it names one; `Invalid` where it is no number.

    Tags are those that WebOb finds: the quoted ones that are not weak, or else the whole header.
    """
    header = call.headers.get("if-match", "")
    if _REVISION not in header:
        return None
    quoted = _TAG.findall(header)
    tags = [tag for weak, tag in quoted if not weak] if quoted else [header]
    named = [tag for tag in tags if tag.startswith(_REVISION)]
    if len(named) > 1:
        raise bad_request("if-match", "Multiple revision_number etags are not supported.")
    try:
        return int(named[0].split(_REVISION)[1]) if named else None
    except ValueError:
        raise bad_request(
            "if-match", "Revision number etag must be in the format of revision_number=<int>"
        ) from None


def check_revision(asked: int | None, resource: Resource, collection: str) -> None:
    """`PreconditionFailed` where the caller has not seen the last revision of what is to be changed."""
    if asked is None:
        return
    current = msgspec.json.decode(resource.summary).get("revision_number")
    if current is None:
        # Neutron means to say this, and fails over it (500) or passes over the condition.
        raise bad_request(collection, "Revision matching not supported for this resource")
    if current != asked:
        raise PreconditionFailed(
            f"Constrained to {asked}, but current revision is {current}",
            type="RevisionNumberConstraintFailed",
        )


def refuse_body(call: Call) -> None:
    """A DELETE has none."""
    if call.body is not None:
        raise malformed("Request body is not supported in DELETE.")
