"""What all of Neutron's kinds have in common, so that a declaration says only what is particular to one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from msgspec import UNSET

from fractus.auth.base_rules import NEUTRON_ADMIN_OR_MEMBER, NEUTRON_ADMIN_OR_READER
from fractus.auth.policy import RuleDefault
from fractus.model.carried import CARRIED, REFUSED
from fractus.model.network import EXTERNAL_TO, SHARED_WITH
from fractus.model.resource import Presence, Resource, Summary, as_found
from fractus.quota.costs import Costs
from fractus.services.field import REQUIRED, Field, Fields, Match, Stored, anything, flag, number, text
from fractus.services.kind import Parent
from fractus.services.network.dialect import view
from fractus.services.network.dialect.costs import refuse
from fractus.services.network.dialect.schema import values
from fractus.services.network.dialect.table import named
from fractus.store.listing import Filter, Filters

Derive: TypeAlias = "Callable[[Resource, Sequence[Presence]], Mapping[str, Any]]"
"""Parts of a document from a resource, as it was found, and where it is. Pure."""


def nothing(_resource: Resource, _presences: Sequence[Presence]) -> Mapping[str, Any]:
    """Nothing beside what the fields say."""
    return {}


def no_status(_resource: Resource, _presences: Sequence[Presence]) -> str:
    """What has no life of its own has no status."""
    return ""


def active(_resource: Resource, presences: Sequence[Presence]) -> str:
    """ACTIVE as soon as it is asked for, as in Neutron, unless every cloud that should have it refuses."""
    return "ERROR" if view.is_refused_everywhere(list(presences)) else "ACTIVE"


NAME = Field(
    "name", post=True, put=True, default="", check=values.name(), match=Match("name"), sort="name",
    shown="", carried=CARRIED,
)  # fmt: skip
"""The name of most kinds. Like the project, description and tags it stands in the same place of every document."""


IP_VERSION = Field(
    "ip_version", post=True, convert=values.to_int, check=values.one_of((4, 6)),
    match=Match("ip_version", values.to_int), sort="ip_version", column=number("ip_version", 4),
)  # fmt: skip
"""The family of what has one."""


NETWORK_PROJECT = text("network_project_id", 64)
"""Its network's project, of what is on one: that project sees it, too."""

ON_NETWORK = ("project_id", NETWORK_PROJECT.name)
"""The columns of those who own what is on a network."""


def reference(name: str, *, default: Any = REQUIRED, **more: Any) -> Field:
    """A field of the id of something else."""
    check = values.uuid if default is REQUIRED else values.uuid_or_none
    return Field(
        name, post=True, default=default,
        match=Match(name), sort=name, column=text(name, 36), **{"check": check, **more},
    )  # fmt: skip


def clouds_own(name: str, **more: Any) -> Field:
    """A field that belongs to the clouds, for they choose it themselves: to give it is refused, with `why`."""
    return Field(
        name, post=True, put=True, default=UNSET, desired="", carried=REFUSED, **{"foreign": anything, **more}
    )  # fmt: skip


def amount(name: str, *, default: Any = 0, stored: int = 0, **more: Any) -> Field:
    """A field of a number that is not negative. `stored`: what its column has where there is none."""
    return Field(
        name, post=True, put=True, default=default, convert=values.to_int, check=values.not_negative,
        match=Match(name, values.to_int), sort=name, column=number(name, stored, int), **more,
    )  # fmt: skip


def switch(
    name: str,
    *,
    default: bool = False,
    column: str | None = None,
    sort: bool = False,
    put: bool = True,
    **more: Any,
) -> Field:
    """A field of yes or no, carried. `column`: where lists find it (None: its name; empty: nowhere)."""
    place = name if column is None else column
    return Field(
        name, post=True, put=put, default=default, convert=values.to_boolean,
        match=Match(place, values.to_boolean) if place else None,
        sort=place if sort else "",
        column=flag(place, default=default) if place else None,
        **{"carried": CARRIED, **more},
    )  # fmt: skip


_ALL_HAVE: Mapping[str, str] = {}


class Documents:
    """How users see a kind: its fields as they are kept, what is derived, and what all documents have.

    `order`: the names between the project and the description, where it is not that of the fields. `born`: the
    revision of a new one. `columns`: those of keys of what is desired that no document has. `privileged`: the names
    that only those see whom a rule of the kind's own lets; a document has them apart. `ours`: the keys that are shown
    as desired, whatever was found in a cloud; `drifted` False: all of them. `owned` False: it belongs to no project.
    `only_of`: names that only those have for which another key of what is desired is true.
    """

    def __init__(
        self,
        fields: Fields,
        *,
        order: Sequence[str] = (),
        derived: Derive = nothing,
        status: Callable[[Resource, Sequence[Presence]], str] = no_status,
        born: int = 1,
        columns: Sequence[Stored] = (),
        privileged: Sequence[str] = (),
        ours: Sequence[str] = (),
        drifted: bool = True,
        owned: bool = True,
        only_of: Mapping[str, str] = _ALL_HAVE,
    ) -> None:
        self._shown = [(one.document, one.key) for one in fields.values() if one.document]
        # What is younger than some rows has its default there.
        self._unsaid = {
            one.document: None if one.default in (REQUIRED, UNSET) else one.default
            for one in fields.values()
            if one.document
        }
        self._converted = [(one.document, one.show) for one in fields.values() if one.document and one.show]
        stored = [
            (one.column, one.document or one.name, one.key)
            for one in fields.values()
            if one.column is not None
        ]
        stored += [(one, one.name, one.name) for one in columns]
        self._columns = [(one.name, one.write, one.default, shown, key) for one, shown, key in stored]
        self._privileged, self._ours = tuple(privileged), tuple(ours)
        self._order, self._status, self._born = tuple(order), status, born
        self._derived = None if derived is nothing else derived
        self._standard, self._tagged = "revision_number" in fields, "tags" in fields
        self._named, self._drifted, self._owned = "name" in fields, drifted, owned
        self._only_of = only_of

    def __call__(self, resource: Resource, presences: Sequence[Presence] = ()) -> Summary:
        """The document and the columns."""
        there, wanted = list(presences), resource.desired
        if there and self._drifted:
            resource = as_found(resource, there)
            for key in self._ours:
                resource.desired[key] = wanted[key]
        desired = resource.desired
        status = self._status(resource, there)
        body = self._body(resource, there, status)
        columns = {}
        # As `Stored.of`, without a call for each of them.
        for name, write, default, shown, key in self._columns:
            value = body[shown] if shown in body else desired.get(key)
            if value is None or value is UNSET:
                value = default
            elif write is not None:
                value = write(value)
            columns[name] = value
        extra = {name: body.pop(name) for name in self._privileged} if self._privileged else None
        document = self._whole(resource, body)
        columns["name"] = resource.name
        if self._standard:
            columns.update(view.columns(resource, born=self._born))
            if not self._tagged:
                del columns["tags"]
        if there:
            document.update(view.refused(there))
        return Summary(status, document, extra, columns)

    def document(self, resource: Resource) -> dict[str, Any]:
        """The document alone, of one that is in no cloud."""
        return self._whole(resource, self._body(resource, (), self._status(resource, ())))

    def _body(self, resource: Resource, there: Sequence[Presence], status: str) -> dict[str, Any]:
        """What is between identity and standard attributes."""
        desired, body = resource.desired, self._unsaid.copy()
        for name, key in self._shown:
            if key in desired:
                body[name] = desired[key]
        for name, show in self._converted:
            body[name] = show(body[name])
        if self._derived is not None:
            body.update(self._derived(resource, there))
        if status:
            body["status"] = status
        return body

    def _whole(self, resource: Resource, body: Mapping[str, Any]) -> dict[str, Any]:
        document = view.head(resource) if self._owned else {"id": resource.id, "name": resource.name}
        document.update({name: body[name] for name in self._order} if self._order else body)
        if not self._named:
            del document["name"]
        for name, key in self._only_of.items() if self._only_of else ():
            if not resource.desired.get(key):
                del document[name]
        if self._standard:
            document.update(view.tail(resource, born=self._born))
            if not self._tagged:
                del document["tags"]
        return document


class OutsideDocuments(Documents):
    """Of what may be external to all, or to some projects by name: the column `external` is of the former, and
    `EXTERNAL_TO` has the latter, each between bars.
    """

    def __call__(self, resource: Resource, presences: Sequence[Presence] = ()) -> Summary:
        """As of all kinds."""
        summary = super().__call__(resource, presences)
        some = resource.desired.get(EXTERNAL_TO)
        summary.columns[EXTERNAL_TO] = None if some is None else view.among(some)
        if some is not None:
            summary.columns["external"] = False
        return summary


def target(resource: Resource) -> dict[str, Any]:
    """A resource as policy rules know it."""
    return {
        "id": resource.id,
        "project_id": resource.project_id,
        "tenant_id": resource.project_id,
        "shared": resource.desired.get("shared"),
        SHARED_WITH: resource.desired.get(SHARED_WITH),
        f"{resource.kind}:project_id": resource.project_id,
    }


def network_target(resource: Resource) -> dict[str, Any]:
    """A network as policy rules know it, also those of what is on it."""
    desired = resource.desired
    return {
        **target(resource),
        "router:external": desired["router:external"],
        EXTERNAL_TO: desired.get(EXTERNAL_TO),
    }


def part_target(parent: Parent) -> Callable[[Resource], Mapping[str, Any]]:
    """A sub-resource as policy rules know it."""
    return lambda resource: {**target(resource), parent.owner: resource.project_id}


def own(project_id: str) -> Filters:
    """What a project sees of a kind that is never shared."""
    return [Filter("project_id", "eq", project_id)]


def own_or(
    *columns: str, by_name: bool = False, owners: Sequence[str] = ("project_id",)
) -> Callable[[str], Filters]:
    """What a project sees of a kind that is also for others where one of these columns says so.

    `by_name`: and that may be shared with some projects. `owners`: the columns of projects whose it is.
    """
    seen = [Filter(column, "eq", True) for column in columns]

    def scope(project_id: str) -> Filters:
        some = [named(project_id)] if by_name else []
        some += [named(project_id, EXTERNAL_TO)] if "external" in columns else []
        return [[*(Filter(owner, "eq", project_id) for owner in owners), *seen, *some]]

    return scope


def cost(name: str, of: Callable[[Resource], Mapping[str, int]] | None = None, *others: str) -> Costs:
    """What one takes of its project's quota `name` (1, unless `of` says it), and of `others`."""
    amounts = {name: 1}
    return Costs(service="network", names=(name, *others), of=of or (lambda _one: amounts), refuse=refuse)


_NO_ACTIONS: Mapping[str, str] = {}


def rules(
    name: str,
    fields: Fields,
    *,
    write: str = NEUTRON_ADMIN_OR_MEMBER,
    read: str = NEUTRON_ADMIN_OR_READER,
    create: str = "",
    visible_to: str = "",
    shared: str = "",
    read_tags: str = "",
    actions: Mapping[str, str] = _NO_ACTIONS,
) -> tuple[RuleDefault, ...]:
    """Neutron's rules of a kind: five verbs, the fields that have rules of their own, and tags.

    `write`: of changes; `create`: of a create, where it is another. `read`: of what its project sees; `visible_to`: who
    sees it besides, or `shared`: the rule that says of what it is that all see it. `read_tags`: who sees its tags
    besides. `actions`: name -> summary of what is asked of one.
    """
    noun = name.replace("_", " ")
    plural = f"{name[:-1]}ies" if name.endswith("y") else f"{name}s"
    one = ("an " if noun[0] in "aeiou" else "a ") + noun
    if shared:
        visible_to = f"rule:{shared}"
    visible = f"{read} or {visible_to}" if visible_to else read
    tags = f"{read} or {read_tags}" if read_tags else visible
    found = [RuleDefault(shared, f"field:{plural}:shared=True", f"The {noun} is shared.")] if shared else []
    found += [
        RuleDefault(f"create_{name}", create or write, f"Create {one}."),
        RuleDefault(f"get_{name}", visible, f"See {one}."),
        RuleDefault(f"update_{name}", write, f"Change {one}."),
        RuleDefault(f"delete_{name}", write, f"Delete {one}."),
    ]
    for field in fields.values():
        if isinstance(field.rule, str):
            may = (("create", field.post), ("update", field.put))
            found += [
                RuleDefault(f"{verb}_{name}:{field.name}", field.rule, f"Give `{field.name}` of {one}.")
                for verb, given in may
                if given
            ]
    if "tags" in fields:
        found += [
            RuleDefault(f"create_{name}:tags", write, f"Add tags to {one}."),
            RuleDefault(f"get_{name}:tags", tags, f"See the tags of {one}."),
            RuleDefault(f"update_{name}:tags", write, f"Change the tags of {one}."),
            RuleDefault(f"delete_{name}:tags", write, f"Remove tags from {one}."),
        ]
    found += [RuleDefault(action, write, summary) for action, summary in actions.items()]
    return tuple(found)
