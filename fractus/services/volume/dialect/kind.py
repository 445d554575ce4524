"""A kind of Cinder's, declared: what the dialect reads beside what `fractus.services.kind` says of every kind."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from msgspec import Struct

from fractus.auth.policy import RuleDefault
from fractus.model.errors import Invalid, QuotaExceeded
from fractus.model.resource import Resource
from fractus.quota.costs import Costs, Over
from fractus.services.kind import Kind
from fractus.services.volume.dialect.view import token
from fractus.store.listing import Filter, Filters

Finds: TypeAlias = "Callable[[str], Filters]"
"""What a query parameter asks of the rows of a list; raises `Invalid` of what says nothing."""


class Parameter(Struct, frozen=True):
    """A filter of a list. `since`: the microversion that brought it; before, it is passed over."""

    finds: Finds
    since: str = ""


class Verb(Struct, frozen=True, kw_only=True):
    """One of the routes that every collection may have. `schemas`: (since, schema of the body), the oldest first."""

    rule: RuleDefault
    summary: str = ""
    """One sentence for the documentation; empty: what the rule's says."""
    status: int = 200
    since: str = ""
    """The microversion that brought it."""
    schemas: Sequence[tuple[str, Mapping[str, Any]]] = ()


class VolumeKind(Kind, frozen=True, kw_only=True):
    """One kind of Cinder's."""

    service: str = "volume"
    verbs: Mapping[str, Verb]
    """What is served: `index`, `detail` (a list of whole documents), `show`, `create`, `update`, `delete`."""
    missing: str
    """Cinder's sentence about one that is not there, with `{}` for its id."""
    listed: str = ""
    """Names of what an entry of a list without detail has, with spaces between; empty: the whole document."""
    added: Mapping[str, str] = {}
    """Names in documents that a microversion brought -> that one."""
    unborn: Sequence[str] = ()
    """Names that the answer to a create does not have yet."""
    unchanged: Sequence[str] = ()
    """Names that the answer to a change does not have."""
    filters: Mapping[str, Parameter] = {}
    """Query parameters of lists that find something."""
    open_filters: Sequence[str] = ()
    """Those that everybody may use (Cinder's `resource_filters.json`); administrators may use all."""
    sorts: Mapping[str, str] = {}
    """Sort keys -> columns."""
    brief: bool = False
    """Who makes or changes one is answered with what a list without detail has."""
    linked: bool = False
    """Its documents have links (`dialect.view.STORED`)."""
    links: str = ""
    """What a list calls its links to the next page; empty: after the collection."""
    counted: bool = False
    """Its lists tell how many there are to those who ask."""
    read_rules: Mapping[str, str] = {}
    """Names that stand in `extra` -> the policy rule by which they are shown; empty: to administrators."""


def equals(column: str, convert: Callable[[str], Any] | None = None) -> Parameter:
    """A filter for one value of a column."""
    return Parameter(lambda text: (Filter(column, "eq", convert(text) if convert else text),))


def having(column: str, text: str) -> Filters:
    """A filter by items of metadata: the literal of an object, as Cinder reads it. What is none finds nothing."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        value = None
    items = value if isinstance(value, dict) else {text: ""}
    return [Filter(column, "like", token(key, one)) for key, one in items.items()]


def public(text: str) -> Filters:
    """Which types an administrator asks for: public ones, private ones, or all (`none`)."""
    lowered = text.lower()
    if lowered in ("none", ""):
        return ()
    if lowered in ("1", "t", "true", "on", "y", "yes"):
        return (Filter("is_public", "eq", True),)
    if lowered in ("0", "f", "false", "off", "n", "no"):
        return (Filter("is_public", "eq", False),)
    raise Invalid(f"Invalid is_public filter [{text}]")


def own(project_id: str) -> Filters:
    """What a project sees of a kind that is never shared."""
    return (Filter("project_id", "eq", project_id),)


def target(resource: Resource) -> dict[str, Any]:
    """A resource as policy rules know it."""
    return {"project_id": resource.project_id, "user_id": resource.user_id}


def rules_of(verbs: Mapping[str, Verb], *more: RuleDefault) -> tuple[RuleDefault, ...]:
    """Each rule of some verbs once, and `more`."""
    return tuple(dict.fromkeys((*(verb.rule for verb in verbs.values()), *more)))


def costs(names: tuple[str, ...], of: Callable[[Resource], Mapping[str, int]], noun: str) -> Costs:
    """What one takes of its project's quotas: so many `<noun>s`, and gigabytes; of its type, too."""

    def refuse(_project_id: str, overs: Sequence[Over]) -> QuotaExceeded:
        over = overs[0]
        if over.name == "backup_gigabytes":
            return QuotaExceeded(
                f"Requested backup exceeds allowed Backup gigabytes quota. Requested {over.requested}G,"
                f" quota is {over.limit}G and {over.used}G has been consumed."
            )
        if over.name.startswith("gigabytes"):
            return QuotaExceeded(
                f"Requested volume or snapshot exceeds allowed {over.name} quota. Requested {over.requested}G,"
                f" quota is {over.limit}G and {over.used}G has been consumed."
            )
        quota = f" for quota '{over.name}'." if noun == "volume" else ""
        return QuotaExceeded(f"Maximum number of {noun}s allowed ({over.limit}) exceeded{quota}")

    return Costs(service="volume", names=names, of=of, refuse=refuse)
