"""What the machine must know of a kind: one small object per kind, its `lifecycle`.

The machine reads everything from the store, asks the lifecycle, does at most one outside change, and writes what it
saw. A lifecycle is pure but for `prepare` and `gone`, which get the machine's own transaction.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import msgspec
from msgspec import Struct, structs

from fractus.model.action import Action
from fractus.model.cloud import Observed, Step, Wanted
from fractus.model.placement import Traits
from fractus.model.resource import OWNER as OWNER
from fractus.model.resource import Need, Presence, Resource, Summary
from fractus.scheduling.choice import Group
from fractus.store.transaction import Reader, Transaction

USERS, ADMITTED, ARRIVED = "users", "admitted", "arrived"
"""Keys in the memory of a presence, all about its use there.

`users`: project -> the generation of the resource for which something of that project needs it there; `admitted`: the
projects that its cloud was asked to let use it (the one that it lies with there, `OWNER`, needs not to be let in);
`arrived`: the generation of the resource that the cloud has all of, where it is not
settled for that one yet.
"""


NOTED = "noted"
"""Key in the memory of a presence: the generation of the resource for which its notes were written anew."""

FACTS = "facts"
"""Key in the memory of a presence: the fingerprint of the facts that it was last settled for."""

PINNED = "pinned"
"""Key in the memory of a presence: it is there for its own sake (`Pinned`)."""

UNNEEDED = "unneeded_since"
"""Key in the memory of a presence: since when nothing needs it there."""


class Item(Struct, frozen=True):
    """All that is known of one presence."""

    resource: Resource
    presence: Presence
    remote: Mapping[tuple[str, str], str]
    """(kind, id) of each need -> its id in this presence's cloud."""
    actions: Sequence[Action] = ()
    """The open actions of the resource, oldest first, where its kind has verbs (`Acts`)."""
    facts: Mapping[str, Any] = {}
    """What `ReadsFacts.facts` has read of other rows."""


class Done(Struct, frozen=True):
    """Nothing is left to do. `memory` is kept in the presence. `over`: tokens of actions that have come about."""

    memory: dict[str, Any] = {}
    over: tuple[int, ...] = ()


class Apply(Struct, frozen=True):
    """Do this one step; when it was done, keep `memory`.

    `once` names a step that must not be repeated lightly (a reboot): it is stored before the call, and the plan sees it
    in `presence.memory["doing"]` when the answer was lost, with the child's stamp of the thing before it in
    `presence.memory["doing_from"]`: if the stamp has moved, something was done. Where it is `Action.once` of an open
    action, what comes of the step is written into that action's row. `over`: tokens of actions whose place it takes.
    """

    step: Step
    memory: dict[str, Any] = {}
    once: str = ""
    over: tuple[int, ...] = ()


class Wait(Struct, frozen=True):
    """The cloud is busy with it; look again after `seconds` unless a sweep sees it change before.

    `on`: what else (`kind/id`), when it changes, is worth a look.
    """

    seconds: float
    reason: str
    on: str = ""


class Fail(Struct, frozen=True):
    """It went wrong there, for good. `elsewhere`: another cloud may be tried where the user left the choice."""

    reason: str
    elsewhere: bool = False


Plan = Done | Apply | Wait | Fail


class Shared(Struct, frozen=True):
    """A thing, of `kind` and `id`, whose users should be in one cloud: a network, which its ports (`by`) use, as far as
    something of the kind `of` needs them (servers: a router has ports, too, wherever they are).
    """

    kind: str
    id: str
    by: str
    of: str


class Demand(Struct, frozen=True):
    """What a resource asks of the cloud it is assigned to. `cloud` is the user's own choice (a zone), or empty."""

    cloud: str = ""
    kinds: frozenset[str] = frozenset()
    """Kinds that the cloud must support."""
    group: Group | None = None
    """The group that it is a member of, which spreads its members over clouds or keeps them together."""
    shares: frozenset[Shared] = frozenset()
    """What makes others its peers, which it should be in one cloud with."""


class Difference(Struct, frozen=True):
    """That a cloud has one field otherwise than is wanted, in our own ids as far as they are known.

    `mends`: fractus can make it as wanted; `adopts`: what was found can become what is wanted.
    """

    field: str
    wanted: Any
    found: Any
    mends: bool = True
    adopts: bool = True


def with_desired(wanted: Wanted, observed: Any, fields: Collection[str]) -> Any:
    """`observed` with some fields as they are in `wanted`, for kinds whose fields have the same names in both."""
    names = [
        name for name in fields if name in wanted.__struct_fields__ and name in observed.__struct_fields__
    ]
    return structs.replace(observed, **{name: getattr(wanted, name) for name in names})


def adopt_fields(resource: Resource, found: Mapping[str, Any]) -> None:
    """`Lifecycle.adopt` of kinds whose fields have the same names in what is desired."""
    resource.desired.update(found)
    if "name" in found:
        resource.name = str(found["name"])


class Sweeping(Struct, frozen=True):
    """How often a kind is listed at most, beside the full sweeps. Seconds between two listings."""

    changes: float = 5.0
    """Where the child can say what changed."""
    whole: float = 10.0
    """Where it cannot, so that everything is listed each time."""


@runtime_checkable
class MayEnd(Protocol):
    """A kind whose things may come to their end in a cloud by themselves: part of a lifecycle that needs it."""

    def ended(self, resource: Resource) -> bool:
        """Something that was taken over is gone from its cloud: whether that is as it should be, and its end."""
        ...


@runtime_checkable
class Pinned(Protocol):
    """A carried kind of which some are in a cloud for their own sake, though nothing there needs them (a port that an
    administrator binds to a host): part of a lifecycle that needs it.
    """

    def pinned_to(self, resource: Resource) -> str:
        """The cloud that it is to be in; empty: wherever something needs it."""
        ...


@runtime_checkable
class MadeByClouds(Protocol):
    """A kind of which clouds make some by themselves, because another thing there was asked to (a snapshot of a server
    is an image): part of a lifecycle that needs it. Such a thing carries our marker; it is looked for, never created.
    """

    def made_there(self, resource: Resource, cloud: str) -> bool:
        """Whether this cloud makes it, or has made it, and nobody else can."""
        ...

    def maker(self, item: Item) -> str:
        """`kind/id` of what is to make it and is not there itself yet; empty: it may be there."""
        ...


@runtime_checkable
class Learns(Protocol):
    """A kind of which what is desired follows in part from what its cloud did: part of a lifecycle that needs it."""

    def learn(self, resource: Resource, presences: Sequence[Presence]) -> None:
        """Take it from there. `resource` is changed, and written by who calls."""
        ...


@runtime_checkable
class ShownByOthers(Protocol):
    """A kind of which others show how far it is (a volume its attachments): part of a lifecycle that needs it."""

    async def progressed(self, tx: Transaction, resource: Resource) -> None:
        """What its cloud says of it has changed its document, which was written."""
        ...


@runtime_checkable
class Moves(Protocol):
    """A kind whose resources change their cloud when that is asked of them: part of a lifecycle that needs it.

    Nothing is copied from one cloud to the other: what is there now is made again from what is desired.
    """

    def destination(self, resource: Resource) -> str:
        """The cloud that it is to be in; empty: where it is."""
        ...

    async def moved(self, tx: Transaction, resource: Resource, error: str) -> None:
        """It is where it is to be; or it stays where it was, and `error` says why. It is written afterwards."""
        ...


@runtime_checkable
class JudgesDoubles(Protocol):
    """A kind that holds data, and yet knows when one of two with the same marker can go: part of a lifecycle that needs
    it.
    """

    def is_double(self, ours: Any, other: Any) -> bool:
        """Whether `other`, in the same cloud, can only be what the create of `ours` made when it was delivered a second
        time, and what is in it is in `ours` too.
        """
        ...


@runtime_checkable
class Acts(Protocol):
    """A kind of whose resources more is asked than their desired state: part of a lifecycle that needs it."""

    @property
    def verbs(self) -> Collection[str]:
        """What its clouds do when they are asked."""
        ...

    def names(self, action: Action) -> Collection[tuple[str, str]]:
        """(kind, id) of the needs that an action is about: they are brought to the cloud before it is asked."""
        ...


@runtime_checkable
class Concludes(Protocol):
    """A kind of which something follows from an action's end for other rows: part of a lifecycle that needs it."""

    async def concluded(self, tx: Transaction, resource: Resource, action: Action) -> None:
        """An action is finished, and is written so in this transaction. Called again if a look is repeated."""
        ...


@runtime_checkable
class ReadsFacts(Protocol):
    """A kind whose steps must know of other rows (the members of a group in other clouds, the routes of a router): part
    of a lifecycle that needs it.

    Facts are read before `wanted` and `plan`, which get them in `Item.facts` and stay pure. A presence that was settled
    with other facts has work to do: what differs then is no drift.
    """

    @property
    def facts_from(self) -> frozenset[str]:
        """The kinds whose rows are read: when one changes, comes to a cloud or leaves one, `concerns` is asked."""
        ...

    async def facts(self, reader: Reader, resource: Resource, presence: Presence) -> Mapping[str, Any]:
        """What to know in this presence's cloud: values that JSON can hold, the same for the same rows."""
        ...

    async def concerns(self, reader: Reader, kind: str, id: str) -> list[str]:
        """The ids of this kind whose facts come from (kind, id). Each of their presences is looked at."""
        ...


def fingerprint(facts: Mapping[str, Any]) -> str:
    """What tells facts apart; empty where there are none."""
    if not facts:
        return ""
    return hashlib.blake2s(msgspec.json.encode(facts, order="deterministic"), digest_size=8).hexdigest()


@runtime_checkable
class Guards(Protocol):
    """A kind of which a cloud is informed, thing by thing, which projects may use it: part of a lifecycle that needs
    it.

    Only projects that use it there are named there (`users`), so that none is made in a cloud that it never uses.
    """

    def admits(self, presence: Presence, observed: Any, project_id: str) -> bool:
        """Whether its cloud lets a project use it, as far as is known; `observed` is None before it is there."""
        ...


def users(item: Item, allowed: Collection[str]) -> set[str]:
    """The projects to be let use it there: those of its users that are `allowed`, and those of which something was
    accepted since it was last changed, on whatever grounds (an administrator may use what is not shared).
    """
    noted: Mapping[str, int] = item.presence.memory.get(USERS, {})
    now = item.resource.generation
    return {project for project, at in noted.items() if project in allowed or at == now}


def admission(presence: Presence, wanted: Collection[str]) -> Apply | None:
    """The next step until just the projects `wanted` are let use it there; None: they are. Who may use it no longer
    goes first.
    """
    admitted: list[str] = presence.memory.get(ADMITTED, [])
    surplus, missing = sorted(set(admitted) - set(wanted)), sorted(set(wanted) - set(admitted))
    if surplus:
        left = [one for one in admitted if one != surplus[0]]
        return Apply(Step("expel", {"project_id": surplus[0]}), {ADMITTED: left})
    if missing:
        return Apply(Step("admit", {"project_id": missing[0]}), {ADMITTED: [*admitted, missing[0]]})
    return None


def to_note(item: Item, notes: Mapping[str, Any], observed: Observed) -> bool:
    """Whether the notes there have become old by what was changed here since it was settled.

    They are written once for each change (the writer keeps `NOTED`), for not every cloud has room for them.
    """
    presence, now = item.presence, item.resource.generation
    changed = 0 < presence.generation < now and presence.memory.get(NOTED) != now
    return changed and bool(observed.marker) and observed.notes != notes


class Lifecycle(Protocol):
    """One kind, as the machine sees it."""

    @property
    def name(self) -> str:
        """The kind."""
        ...

    @property
    def observed_type(self) -> type[Observed]:
        """What drivers say of it."""
        ...

    @property
    def traits(self) -> Traits:
        """Where its resources live, and what follows from that."""
        ...

    @property
    def sweeping(self) -> Sweeping:
        """How often it is listed: every kind that a cloud has is swept."""
        ...

    def demand(self, resource: Resource) -> Demand:
        """What to look for when a cloud is chosen."""
        ...

    async def prepare(self, tx: Transaction, resource: Resource, cloud: str) -> dict[str, Any]:
        """Called in the transaction that makes a presence: what it returns is the presence's first `memory`.

        The key `passing` in it is for the machine: a passing presence leaves its cloud with the last that needs it
        there, though the resource lives on (a project's default security group, which nobody can delete).
        """
        ...

    def wanted(self, item: Item) -> Wanted:
        """What should be in the cloud, in the cloud's own ids."""
        ...

    def plan(self, item: Item, observed: Any) -> Plan:
        """The next step from what was seen. Called only while the presence is wanted."""
        ...

    def differences(self, item: Item, observed: Any) -> list[Difference]:
        """What the cloud has otherwise than is wanted; pure. Called of what is there and wanted.

        Of a presence that was settled, it is drift: somebody else changed it there. It is reported, and not reverted
        until an operator says so (`drift repair`). What stands in `item.remote` may be incomplete; it is empty of kinds
        that need what they need only to be made (`NeedsAt.AT_CREATE`).
        """
        ...

    def as_desired(self, item: Item, observed: Any, fields: Collection[str]) -> Any:
        """`observed` as if these fields were as they are wanted, so that `plan` leaves them alone."""
        ...

    def adopt(self, resource: Resource, found: Mapping[str, Any], now: float) -> list[Need] | None:
        """Make what was found there (field -> value, as `differences` says it) what is wanted, in `resource` itself.

        Only fields of differences that said `adopts`. Returns what it needs from now on, or None: as before.
        """
        ...

    def settled(self, presence: Presence, observed: Any) -> bool:
        """Whether dependents may use this presence now (an image that is still uploading may not be used)."""
        ...

    async def document_changed(self, tx: Transaction, resource: Resource) -> None:
        """Its document has changed, and was written: tell again what shows parts of it (a server its ports)."""
        ...

    def summarise(self, resource: Resource, presences: list[Presence]) -> Summary:
        """The resource as users see it now."""
        ...

    async def left(self, tx: Transaction, resource: Resource, presence: Presence) -> None:
        """One cloud has confirmed that nothing is there any more: drop what `prepare` took."""
        ...

    async def gone(self, tx: Transaction, resource: Resource) -> None:
        """The resource has left every cloud: drop what it held (addresses, ports, files)."""
        ...
