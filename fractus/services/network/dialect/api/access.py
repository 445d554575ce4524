"""Who may do what to Neutron's things: the rule of the action, and one for each attribute that has its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fractus.model.network import SHARED_WITH
from fractus.model.resource import Resource
from fractus.services.field import Fields
from fractus.services.network.dialect.schema.attributes import Item
from fractus.services.network.dialect.schema.errors import bad_request, denied, malformed, not_carried
from fractus.services.network.dialect.view import among, to
from fractus.web.routing import Call

_INSIDE = ("fixed_ips", "allowed_address_pairs")


def authorise(
    call: Call, action: str, attributes: Fields, item: Item, target: Mapping[str, Any], *, create: bool
) -> None:
    """`Forbidden`, in Neutron's words, unless the caller may do `action` with all that is in `item`.

    At a create an attribute that is given its default needs no rule (Neutron's `_is_attribute_explicitly_set`).
    """
    rules, shown = [action], f"rule:{action}"
    for name, attribute in attributes.items():
        value = item.values.get(name)
        if not attribute.rule or name not in item.given or (create and value == attribute.default):
            continue
        own = f"{action}:{name}"
        inside = [f"{own}:{key}" for one in value for key in one] if name in _INSIDE and value else []
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


def seen(
    call: Call, resource: Resource | None, target: Callable[[Resource], Mapping[str, Any]], missing: Exception
) -> Resource:
    """The resource, where it is there and the caller may know of it; else `missing`."""
    if resource is None or resource.deleted_at is not None:
        raise missing
    if not call.allows(f"get_{resource.kind}", target(resource)):
        raise missing
    return resource


def shown_to(call: Call, resource: Resource) -> bytes:
    """Its document as the caller's project is shown it."""
    with_whom = resource.desired.get(SHARED_WITH)
    return to(resource.summary, among(with_whom) if with_whom else None, call.principal.project_id)


def refuse_constraint(call: Call) -> None:
    """Neutron without its extension `revision-if-match` does not pass over a condition that it cannot check."""
    if "revision_number=" in call.headers.get("if-match", ""):
        raise bad_request(
            "if-match", "This server does not support constraining operations based on revision numbers"
        )


def refuse_body(call: Call) -> None:
    """A DELETE has none."""
    if call.body is not None:
        raise malformed("Request body is not supported in DELETE.")
