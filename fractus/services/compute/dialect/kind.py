"""A kind of Nova's, declared: what the dialect reads beside what `fractus.services.kind` says of every kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from msgspec import Struct

from fractus.auth.policy import RuleDefault
from fractus.model.resource import Presence, Resource, Summary
from fractus.services.compute.dialect.schema.fields import ComputeField
from fractus.services.kind import Kind, Summarise
from fractus.store.listing import Filters

Derive: TypeAlias = "Callable[[Resource, Sequence[Presence]], dict[str, Any]]"
"""Parts of a document, or columns, from a resource and where it is. Pure."""


class Parameter(Struct, frozen=True):
    """A query parameter. `since`: the microversion that brought it; `filters`: what it asks of the rows of a list."""

    name: str
    since: str = ""
    filters: Callable[[str], Filters] | None = None


class Verb(Struct, frozen=True, kw_only=True):
    """One of the routes that every collection may have."""

    rule: RuleDefault
    summary: str = ""
    """One sentence for the documentation; empty: what the rule's says."""
    since: str = ""
    """The microversion that brought the route."""
    status: int = 200
    status_since: tuple[str, int] | None = None
    """The microversion since which it answers another status, and that status."""
    parameters: tuple[Parameter, ...] = ()
    strict: str = ""
    """The microversion since which other parameters are refused; before, they are passed over."""


class ComputeKind(Kind, frozen=True, kw_only=True):
    """One kind of Nova's."""

    service: str = "compute"
    fields: Mapping[str, ComputeField]
    verbs: Mapping[str, Verb]
    """What is served: `index`, `detail` (a list of whole documents), `show`, `create`, `update`, `delete`."""
    scope: Callable[[str], Filters] = lambda _project_id: []
    target: Callable[[Resource], Mapping[str, Any]] = lambda _resource: {}
    missing: str = ""
    """Nova's sentence about one that is not there, with `{}` for what the caller calls it."""
    taken: str = ""
    """Nova's sentence about one that is there already, with `{name}`, and `{live}` for what stands in that column."""
    marker_missing: str = ""
    """Nova's sentence about a marker that is not there."""

    noted: tuple[str, ...] = ()
    """Keys of `desired` that a rebuild must know and a child has no field for: they are noted beside the marker."""

    # Names. What users call one need not be our id of it: that is another for each that was ever made.
    key: str
    """The parameter of its paths that names one (`flavor_id`)."""
    live: str = "live"
    """The column by which one is found: unique, and empty once it is deleted."""
    marked_by: str
    """The column whose value is the marker of its lists, which they are sorted by unless another is asked for."""

    # Lists.
    listed: str
    """Names of what an entry of a list without detail has, in their order, with spaces between."""
    wrapped: bool = False
    """Each entry of a list stands in an object of its own, under the kind's name."""
    linked: bool = False
    """Its documents have links (`dialect.view.STORED`)."""
    sorts: Mapping[str, str] = {}
    """Sort keys that users may name -> columns; none: they may not sort."""
    created: str = ""
    """Names of what the answer to a create has, in their order; empty: the whole document."""


def rules_of(verbs: Mapping[str, Verb], *more: RuleDefault) -> tuple[RuleDefault, ...]:
    """Each rule of some verbs once, and `more`."""
    return tuple(dict.fromkeys((*(verb.rule for verb in verbs.values()), *more)))


def summary_of(
    names: str, fields: Mapping[str, ComputeField], *, derived: Derive, columns: Derive
) -> Summarise:
    """How users see a kind: of its fields, and of what is `derived` of it for the document and for the columns.

    `names`: of the newest document, in their order, with spaces between. Fields with `until` are kept beside it, for
    older versions.
    """
    order = names.split()
    shown = [(one.document, one.key) for one in fields.values() if one.document and not one.until]
    older = [(one.document, one.key) for one in fields.values() if one.document and one.until]
    stored = [(one.column, one.key) for one in fields.values() if one.column is not None]

    def summarise(resource: Resource, presences: Sequence[Presence]) -> Summary:
        desired = resource.desired
        document = {name: desired[key] for name, key in shown} | derived(resource, presences)
        extra = {name: desired[key] for name, key in older} or None
        row = {column.name: column.of(desired[key]) for column, key in stored} | columns(resource, presences)
        return Summary("", {name: document[name] for name in order}, extra, row)

    return summarise
