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
    if not item.keys() <= attributes.keys():
        unknown = sorted(set(item) - set(attributes))
        raise malformed(f"Unrecognized attribute(s) '{', '.join(unknown)}'")
    plan = _plan(attributes)
    if create:
        _check_post(attributes, plan, item)
        if plan.refused:
            item = {**plan.refused, **item}
    elif not item.keys() <= plan.put:
        wrong = next(name for name in attributes if name in item and name not in plan.put)
        raise malformed(f"Cannot update read-only attribute {wrong}")
    _convert(plan, item, id or f"new {kind}")
    if create:
        for name, value, is_list in plan.defaults:
            if name not in item:
                item[name] = value.copy() if is_list else value
    return Item(item, given)


class _Plan(Struct, frozen=True):
    """What can be said of a map before any request: constants are converted and checked once."""

    post: frozenset[str]
    put: frozenset[str]
    required: frozenset[str]
    """Those that a create must give."""
    defaults: tuple[tuple[str, Any, bool], ...]
    """Those that it need not give: name, value in its one form, and whether that is a list, which is not shared."""
    refused: Mapping[str, Any]
    """Defaults that are wrong, so that leaving the attribute out is refused like giving them."""
    judged: tuple[Field, ...]
    """Those of which a value is counted, converted or checked."""


#: By the identity of the map, which is a constant of its module.
_plans: dict[int, tuple[Fields, _Plan]] = {}


def _plan(attributes: Fields) -> _Plan:
    held = _plans.get(id(attributes))
    if held is None or held[0] is not attributes:
        held = _plans[id(attributes)] = attributes, _planned(attributes)
    return held[1]


def _planned(attributes: Fields) -> _Plan:
    fields = attributes.values()
    defaults, refused = [], {}
    for one in fields:
        if one.post and one.default is not REQUIRED:
            try:
                value = _default(one)
            except (ApiError, ValueError):
                refused[one.name] = one.default
            else:
                defaults.append((one.name, value, isinstance(value, list | dict)))
    return _Plan(
        post=frozenset(one.name for one in fields if one.post),
        put=frozenset(one.name for one in fields if one.put),
        required=frozenset(one.name for one in fields if one.post and one.default is REQUIRED),
        defaults=tuple(defaults),
        refused=refused,
        judged=tuple(one for one in fields if one.bound or one.convert or one.check),
    )


def _default(field: Field) -> Any:
    """The default in its one form; `ApiError` or `ValueError` where a request may not give it."""
    if field.default is UNSET:
        return UNSET
    value = field.default if field.convert is None else field.convert(field.default)
    if field.check is not None and (wrong := field.check(value)):
        raise ValueError(wrong)
    return value


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


def _check_post(attributes: Fields, plan: _Plan, item: Mapping[str, Any]) -> None:
    """All that must be given is, and nothing else. The first attribute of the map that is wrong is named."""
    if item.keys() <= plan.post and plan.required <= item.keys():
        return
    for name in attributes:
        if name in item and name not in plan.post:
            raise malformed(f"Attribute '{name}' not allowed in POST")
        if name in plan.required and name not in item:
            raise malformed(f"Failed to parse request. Required attribute '{name}' not specified")


def _convert(plan: _Plan, item: dict[str, Any], of: str) -> None:
    """What was given, in its one form; what is wrong is named in the order of the map."""
    for attribute in plan.judged:
        name = attribute.name
        if name not in item:
            continue
        value, bound = item[name], attribute.bound
        if bound is not None and isinstance(value, list | dict):
            bound.check(value, of)
        if attribute.convert is not None:
            item[name] = value = attribute.convert(value)
        wrong = attribute.check(value) if attribute.check is not None else None
        if wrong:
            raise malformed(f"Invalid input for {name}. Reason: {wrong}.")
