"""A kind of resource, declared: one `KIND` in its folder says what is particular to it, and nothing else is written.

From a declaration come, by the bases of its service's dialect, its routes, the judgement of requests, lists with their
filters, sorts and pages, documents, columns, policy defaults and quota; by the generic lifecycle, adoption and drivers
its life in the clouds; and by the registry its table, its place in the documentation and in the suites that walk all
kinds. What is particular and not a value is a function named here (pure), or a method of the kind's API or lifecycle
that overrides one of the base's.

Both halves read a declaration, so a module that holds one imports neither `fractus.web` nor `fractus.reconcile`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from msgspec import Struct
from sqlalchemy import Boolean, Column, Double, Integer, String, Table, Text

from fractus.auth.policy import RuleDefault
from fractus.model.cloud import Seen, Wanted
from fractus.model.resource import Need, Presence, Resource
from fractus.services.field import Fields, Stored
from fractus.store.listing import Filters
from fractus.store.schema import resource_table

Derive: TypeAlias = "Callable[[Resource, Sequence[Presence]], Mapping[str, Any]]"
"""Parts of a document, or columns, from a resource and where it is. Pure."""

Cost: TypeAlias = "Callable[[Resource], Mapping[str, int]]"
"""What a resource that is not deleted takes of its project's quota: name of the quota -> amount."""


def one_each(*names: str) -> Cost:
    """A cost of 1 of each of these quotas."""
    amounts = dict.fromkeys(names, 1)
    return lambda _resource: amounts


def no_needs(_resource: Resource) -> list[Need]:
    """It needs nothing."""
    return []


def nothing(_resource: Resource, _presences: Sequence[Presence]) -> Mapping[str, Any]:
    """Nothing beside what the fields say."""
    return {}


class Kind(Struct, frozen=True, kw_only=True):
    """One kind."""

    # Names.
    name: str
    """In the store and in policy rules (`security_group`)."""
    service: str
    """Whose it is: `compute`, `image`, `network`, `volume`."""
    collection: str
    """The key of its lists in answers (`security_groups`)."""
    path: str = ""
    """Of its collection, below the service's mount; empty: the collection, with dashes (`security-groups`)."""
    extensions: tuple[str, ...] = ()
    """Aliases of API extensions that are served because the kind is."""

    # What is kept and shown.
    fields: Fields
    table: Table
    order: tuple[str, ...] = ()
    """The fields of its document in their order, where that is not the order of `fields`."""
    derived: Derive = nothing
    """Fields of its document that are not shown as they are kept. They stand where `order` names them, else last."""
    derived_columns: Derive = nothing
    """Columns that are not those of its fields."""
    status: Callable[[Resource, Sequence[Presence]], str] = lambda _resource, _presences: ""
    sealed: tuple[str, ...] = ()
    """Keys of `Resource.desired` that are sealed with the key of the vault."""

    # Who may see it and do what to it.
    scope: Callable[[str], Filters]
    """What a project sees of the kind, as conditions on its table."""
    target: Callable[[Resource], Mapping[str, Any]]
    """A resource as policy rules know it."""
    rules: tuple[RuleDefault, ...]
    """All of its policy rules, with their defaults."""
    quotas: tuple[str, ...] = ()
    """Names of the quotas that it takes from; empty: it is not limited."""
    cost: Cost | None = None
    """What one takes; None: 1 of each of `quotas`."""

    # Its life in the clouds. `desired_type` None: no cloud ever has one.
    needs: Callable[[Resource], list[Need]] = no_needs
    """What must be in a cloud before it can be."""
    desired_type: type[Wanted] | None = None
    """What drivers are asked for."""
    observed_type: type[Seen] | None = None
    """What drivers say is there."""

    @property
    def noun(self) -> str:
        """What a sentence calls one of it."""
        return self.name.replace("_", " ")

    @property
    def root(self) -> str:
        """The path of its collection, with its slash."""
        return "/" + (self.path or self.collection.replace("_", "-"))


_TYPES: Mapping[type, Callable[[], Any]] = {bool: Boolean, int: Integer, float: Double, str: Text}


def table_of(name: str, fields: Fields, *more: Any, crowded: bool = False) -> Table:
    """The table of a kind: what every resource has, the columns of its fields, and `more` columns and indexes."""
    columns = [column(one.column) for one in fields.values() if one.column is not None]
    return resource_table(name, *columns, *more, crowded=crowded)


def column(stored: Stored) -> Column[Any]:
    """A new column of a table."""
    type = String(stored.size) if stored.size else _TYPES[stored.type]()
    return Column(stored.name, type, nullable=False, default=stored.default)
