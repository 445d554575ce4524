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
from sqlalchemy import Boolean, Column, Double, Integer, String, Table, Text, false, true

from fractus.auth.policy import RuleDefault
from fractus.model import carried
from fractus.model.errors import ApiError
from fractus.model.resource import Need, Presence, Resource, Summary
from fractus.model.wire import Vocabulary
from fractus.quota.costs import Costs
from fractus.services.field import Fields, Stored
from fractus.store.listing import Filters
from fractus.store.schema import resource_table

Summarise: TypeAlias = "Callable[[Resource, Sequence[Presence]], Summary]"
"""How users see a resource: status, document, columns. Pure."""


def no_needs(_resource: Resource) -> list[Need]:
    """It needs nothing."""
    return []


def never(_resource: Resource) -> bool:
    """None of them."""
    return False


class Parent(Struct, frozen=True):
    """In whose row the things of a kind are, where they have none of their own: each is one entry of a list there.

    They are sub-resources: parts of their parent, with ids and routes of their own.
    """

    kind: str
    """The name of the parent's kind."""
    field: str
    """The field, and the column, that holds the parent's id."""
    key: str
    """The list's key in what is desired of the parent."""
    apart: Mapping[str, str] = {}
    """Field -> the key of the list that entries which say it are kept in instead: processes of a version that did not
    know the field read what they know, and would act upon half of such an entry.
    """

    @property
    def owner(self) -> str:
        """What policy rules call the project of the parent."""
        return f"{self.kind}:project_id"


class Default(Struct, frozen=True):
    """That at most one of some things is the default one (`is_default`), which requests get that name none."""

    among: Callable[[Resource], Mapping[str, Any]]
    """The columns, with their values, of all those that one would be the default of."""
    taken: Callable[[Resource, str], ApiError]
    """What is said of one where another is it already, by the other's id."""


class Kind(Struct, frozen=True, kw_only=True):
    """One kind."""

    # Names.
    name: str
    """In the store, and in requests and policy rules unless `resource` says another (`security_group`)."""
    resource: str = ""
    """The key of one in bodies, and its name in policy rules, where that is another (a `qos_policy` is a `policy`)."""
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
    parts: tuple[carried.Field, ...] = ()
    """What becomes of changes of it that are made by other routes than its own, for docs/carried-fields.md."""
    table: Table
    summarise: Summarise
    """How users see it: the service's dialect makes it of the fields, and of what the kind derives."""
    default: Default | None = None
    """Which of its things may be the default one; None: there is no such thing."""
    sealed: tuple[str, ...] = ()
    """Keys of `Resource.desired` that are sealed with the key of the vault."""

    # Who may see it and do what to it.
    scope: Callable[[str], Filters]
    """What a project sees of the kind, as conditions on its table."""
    target: Callable[[Resource], Mapping[str, Any]]
    """A resource as policy rules know it."""
    rules: tuple[RuleDefault, ...]
    """All of its policy rules, with their defaults."""
    costs: Costs | None = None
    """What one takes of its project's quota; None: it is not limited."""

    parent: Parent | None = None
    """In whose row its things are; None: they have rows of their own."""

    # Its life in the clouds.
    needs: Callable[[Resource], list[Need]] = no_needs
    """What must be in a cloud before it can be."""
    needs_from: frozenset[str] = frozenset()
    """Keys of `Resource.desired` that its needs follow from, as far as a change may say them; none: all of them."""
    is_clouds_own: Callable[[Resource], bool] = never
    """Whether one is each cloud's own, and as it is there: no cloud is asked to make or to change it, and of what
    clouds have of it only the name is another's to choose here.
    """
    vocabulary: Vocabulary[Any, Any] | None = None
    """How drivers are asked for it and say what is there; None: no cloud ever has one."""

    @property
    def carried(self) -> list[carried.Field]:
        """What becomes of a change of each of its fields."""
        own = [carried.Field(one.name, one.carried, one.why) for one in self.fields.values() if one.carried]
        return [*own, *self.parts]

    @property
    def key(self) -> str:
        """The key of one in bodies, and its name in policy rules."""
        return self.resource or self.name

    @property
    def noun(self) -> str:
        """What a sentence calls one of it."""
        return self.name.replace("_", " ")

    @property
    def root(self) -> str:
        """The path of its collection, with its slash."""
        return "/" + (self.path or self.collection.replace("_", "-"))


_TYPES: Mapping[type, Callable[[], Any]] = {bool: Boolean, int: Integer, float: Double, str: Text}


def table_of(
    name: str,
    fields: Fields,
    *more: Any,
    order: Sequence[str] = (),
    younger: Sequence[str] = (),
    crowded: bool = False,
) -> Table:
    """The table of a kind: what every resource has, the columns of its fields, and `more` columns and indexes.

    `order`: the columns that a migration made before the others, where that is not the order of the fields. `younger`:
    those that a later migration added. They come last, and have a default in the database: processes of the version
    before write rows without them.
    """
    columns = {one.column.name: column(one.column, younger) for one in fields.values() if one.column}
    columns |= {one.name: one for one in more if isinstance(one, Column)}
    others = [one for one in more if not isinstance(one, Column)]
    ordered = [columns[one] for one in dict.fromkeys([*order, *columns]) if one not in younger]
    table = resource_table(name, *ordered, *others, crowded=crowded)
    for one in younger:
        table.append_column(columns[one])
    return table


def column(stored: Stored, younger: Sequence[str] = ()) -> Column[Any]:
    """A new column of a table; with a default in the database, too, if it is one of the `younger` ones."""
    type = String(stored.size) if stored.size else _TYPES[stored.type]()
    added = _in_database(stored.default) if stored.name in younger else None
    return Column(stored.name, type, nullable=False, default=stored.default, server_default=added)


def _in_database(value: Any) -> Any:
    return (true() if value else false()) if isinstance(value, bool) else str(value)


class Undeclared(Struct, frozen=True, kw_only=True):
    """A kind that is written by hand: what the lists of kinds need to know of it."""

    name: str
    service: str
    table: Table
    rules: Sequence[RuleDefault] = ()
    costs: Costs | None = None
    carried: Sequence[carried.Field] = ()
    sealed: tuple[str, ...] = ()
    """Fields of what is desired that are sealed with the key of the vault."""
    extensions: tuple[str, ...] = ()
    root: str = ""
    parent: None = None
