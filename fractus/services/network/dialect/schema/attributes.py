"""Attribute maps: what may be in a request about a kind, and what its list may be filtered and sorted by.

A map has one row for each attribute. Neutron's order of judgement is kept, for its sentences depend on it: shape of
the body, project, unknown names, names that may not be given here, missing ones and defaults, then values. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET, Struct, structs

from fractus.auth.principal import Principal
from fractus.model.carried import OURS
from fractus.model.errors import ApiError
from fractus.services.field import REQUIRED, Bound, Check, Field, Fields, Match
from fractus.services.network.dialect.schema import values
from fractus.services.network.dialect.schema.errors import invalid, malformed

#: Entries of a list that Neutron sets no bound to, and resources of one bulk create. Stated in docs/operations.md.
MOST = 256


def stated(name: str) -> Bound:
    """Our own bound of a list that Neutron leaves without one."""
    return Bound(
        MOST,
        lambda _of: malformed(f"Invalid input for {name}. Reason: more than {MOST} items are not allowed."),
    )


def exhausted(most: int, what: str, type: str) -> Bound:
    """Neutron's own bound of a list, by the name of its error."""

    def error(of: str) -> ApiError:
        return invalid(
            f"Unable to complete operation for {of}. The number of {what} exceeds the limit {most}.", type
        )

    return Bound(most, error)


def read_only(name: str, column: str = "", *, match: Match | None = None, sort: bool = True) -> Field:
    """A field of answers only, with `column` to filter and sort by."""
    found = match or (Match(column) if column else None)
    return Field(name, match=found, sort=column if sort else "")


def _revision(text: str) -> int:
    """What is no number is no thing's revision: Neutron compares it all the same."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1


_tags = values.unique(values.string(values.NAME_SIZE))


def identity() -> list[Field]:
    """What everything has: an id and a project."""
    project = Field(
        "project_id", post=True, desired="", default=UNSET, check=values.string(values.PROJECT_SIZE),
        match=Match("project_id"), sort="project_id",
    )  # fmt: skip
    return [read_only("id", "id"), structs.replace(project, name="tenant_id"), project]


def standard(*, tags_on_create: bool) -> list[Field]:
    """What most of Neutron's resources have: identity, description, revision, tags.

    `tags_on_create`: the extension `tag-creation` is for ports, networks and subnets only.
    """
    tags = Field(
        "tags", carried=OURS, why="they change nothing of what it does, and lists are filtered by them here"
    )
    return [
        *identity(),
        read_only("revision_number", "revision", match=Match("revision", _revision)),
        *(Field(name) for name in ("created_at", "updated_at", "tags-any", "not-tags", "not-tags-any")),
        Field(
            "description", post=True, put=True, default="", shown="", check=values.string(values.DESCRIPTION_SIZE),
            carried=OURS, why="the description there holds our mark",
            match=Match("description"), sort="description",
        ),
        structs.replace(tags, post=True, default=[], shown="", bound=stated("tags"), check=_tags)
        if tags_on_create
        else tags,
    ]  # fmt: skip


class Item(Struct):
    """One resource of a request. `given`: what stood in the body; `values`: that, converted, and the defaults."""

    values: dict[str, Any]
    given: frozenset[str]

    def set(self, name: str) -> bool:
        """Whether there is a value other than null (Neutron's `is_attr_set`)."""
        value = self.values.get(name, UNSET)
        return value is not UNSET and value is not None


class Request(Struct):
    """A body, read. `bulk`: it came as a list and is answered as one."""

    items: list[Item]
    bulk: bool


def listed(body: Any, name: str, of: str, check: Check) -> list[Any]:
    """The list `name` that the body of an action is; each of its entries passes `check`. `of`: what it belongs to."""
    found = body.get(name) if isinstance(body, dict) else None
    if not found or not isinstance(found, list):
        raise malformed("Request body contains invalid data")
    stated(name).check(found, of)
    wrong = next((why for one in found if (why := check(one))), None)
    if wrong:
        raise malformed(f"Invalid input for {name}. Reason: {wrong}.")
    return found


def bounded(kind: str, attributes: Fields, *, create: bool) -> frozenset[str]:
    """The lists of a body about `kind` that `read` counts, for `Route.bounded`."""
    names = [name for name, attribute in attributes.items() if attribute.bound is not None]
    if not create:
        return frozenset(f"{kind}.{name}" for name in names)
    places = (kind, f"{kind}s", f"{kind}s.{kind}")
    return frozenset([f"{kind}s", *(f"{place}.{name}" for place in places for name in names)])


def read(
    kind: str,
    attributes: Fields,
    body: Any,
    principal: Principal,
    *,
    create: bool,
    core: bool = True,
    bulk: bool = True,
    id: str = "",
) -> Request:
    """The resources in a body about `kind`; `Invalid` in Neutron's words. `id`: of the one that is changed.

    `core`: of Neutron's core, which looks at an empty body another way than its extensions. `bulk`: several may be made
    at once.
    """
    collection = f"{kind}s"
    if not body and not core:
        raise malformed("Resource body required")
    if body is None:
        raise malformed(f"Unable to find '{kind}' in request body")
    if collection not in body:
        return Request([_read_one(kind, attributes, body, principal, create=create, id=id)], bulk=False)
    if not create or not bulk:
        raise malformed("Bulk operation not supported")
    entries = body[collection]
    if not entries:
        raise malformed("Resources required")
    if isinstance(entries, str | dict):
        raise malformed(f"Object '{kind}' contains invalid data")
    if not isinstance(entries, list):
        raise malformed("Body contains invalid data")
    stated(collection).check(entries, kind)
    wrapped = [entry if isinstance(entry, dict) and kind in entry else {kind: entry} for entry in entries]
    return Request([_read_one(kind, attributes, one, principal, create=True) for one in wrapped], bulk=True)


def _read_one(
    kind: str,
    attributes: Fields,
    body: Mapping[str, Any],
    principal: Principal,
    *,
    create: bool,
    id: str = "",
) -> Item:
    found = body.get(kind)
    if found is None:
        raise malformed(f"Unable to find '{kind}' in request body")
    if not isinstance(found, dict):
        raise malformed(f"Object '{kind}' contains invalid data")
    given = frozenset(found)
    item = dict(found)
    _set_project(item, principal, fill=create and "project_id" in attributes)
    unknown = sorted(set(item) - set(attributes))
    if unknown:
        raise malformed(f"Unrecognized attribute(s) '{', '.join(unknown)}'")
    if create:
        _fill(attributes, item)
    else:
        for name, attribute in attributes.items():
            if name in item and not attribute.put:
                raise malformed(f"Cannot update read-only attribute {name}")
    _convert(attributes, item, id or f"new {kind}")
    return Item(item, given)


def _set_project(item: dict[str, Any], principal: Principal, *, fill: bool) -> None:
    project = item.get("project_id", item.get("tenant_id"))
    if "project_id" in item or "tenant_id" in item:
        if item.get("tenant_id", project) != project:
            raise malformed("'project_id' and 'tenant_id' do not match")
        if project != principal.project_id and not (principal.is_admin or principal.is_service):
            raise malformed(
                "Specifying 'project_id' other than the authenticated project in request is not allowed "
                "for the current user."
            )
    elif not fill:
        return
    elif principal.project_id:
        project = principal.project_id
    else:
        raise malformed("Running without keystone AuthN requires that project_id is specified")
    item["project_id"] = item["tenant_id"] = project


def _fill(attributes: Fields, item: dict[str, Any]) -> None:
    for name, attribute in attributes.items():
        if not attribute.post:
            if name in item:
                raise malformed(f"Attribute '{name}' not allowed in POST")
        elif name not in item:
            if attribute.default is REQUIRED:
                raise malformed(f"Failed to parse request. Required attribute '{name}' not specified")
            item[name] = attribute.default


def _convert(attributes: Fields, item: dict[str, Any], of: str) -> None:
    for name, attribute in attributes.items():
        value = item.get(name, UNSET)
        if value is UNSET:
            continue
        bound = attribute.bound
        if bound is not None and isinstance(value, list | dict):
            bound.check(value, of)
        if attribute.convert is not None:
            item[name] = attribute.convert(item[name])
        wrong = attribute.check(item[name]) if attribute.check is not None else None
        if wrong:
            raise malformed(f"Invalid input for {name}. Reason: {wrong}.")
