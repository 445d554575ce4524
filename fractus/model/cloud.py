"""What the machine asks of a child cloud, whatever it is made of.

A `Cloud` is one child; it has one `Actuator` for each kind it supports. Every method of an actuator makes **at most one
outside change** and raises only `fractus.model.errors.CloudError`s. None of them blocks on the child's own progress:
a server that is being built is created; that it is not ready yet shows in what `observe` says.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any, ClassVar, Protocol, TypeVar

from msgspec import Struct

from fractus.model.installation import Identity, origin
from fractus.model.live import LiveCall, Relayed
from fractus.model.mirror import Mirrored


class Scope(Struct, frozen=True):
    """On whose behalf a call is made: a project of the parent, mapped by the driver to a project of the child.

    The empty scope (`HOME`) is the credential's own project there.
    """

    project_id: str = ""
    project_name: str = ""


HOME = Scope()


class Wanted(Struct, frozen=True, kw_only=True):
    """What should be there. Ids of other things inside are already the child's ids."""

    id: str
    """Our id of the resource: the marker that the thing carries in the child."""
    name: str = ""
    notes: dict[str, Any] = {}
    """What a rebuild of the parent must know and the child has no field for: the driver writes it beside the marker
    when it makes the thing, where there is room.
    """


class Observed(Struct, frozen=True, kw_only=True):
    """What the cloud last said of one thing: enough to make the resource of it again."""

    PASSING: ClassVar[frozenset[str]] = frozenset()
    """Fields that are sent when a thing is listed and not kept with its presence: large, and wanted once."""

    remote_id: str
    marker: str = ""
    """Our id of the resource where the thing carries our marker, else empty."""
    name: str = ""
    changed_at: str = ""
    """The child's own stamp of its last change, as it prints it: the cursor of sweeps, never held against our clock."""
    created_at: str = ""
    """The child's own stamp of its making, as it prints it."""
    project_id: str = ""
    """The child's id of the project it belongs to; empty where it belongs to none, or the child does not say."""
    user_id: str = ""
    """The child's id of the user who made it, where it says so."""
    description: str | None = None
    """The users' own, without our marker; None where there is none, or the child does not say."""
    tags: list[str] = []
    """The users' own, without our marker."""
    notes: dict[str, Any] = {}
    """What `Wanted.notes` were when it was made, as far as the child had room for them."""
    gone: bool = False
    """Listed by the child as deleted."""
    managed_by: str = ""
    """Whose it is, where it carries the mark of another fractus, or of this one under another cloud's name: that one's
    `fractus.model.installation.origin`. `marker` is then empty: to us it is foreign.
    """
    unread: str = ""
    """Why nothing but `remote_id` is known: the child lists it, but could not say more (its cell is down), or not in a
    way that we could read. It exists; nothing else may be concluded."""


W = TypeVar("W", bound=Wanted, contravariant=True)
S = TypeVar("S", bound=Observed, covariant=True)


class Step(Struct, frozen=True):
    """One outside change of a thing that exists: a verb of its kind, and what it needs."""

    verb: str
    body: dict[str, Any] = {}


class Actuator(Protocol[W, S]):
    """One kind of thing in one cloud."""

    async def observe(self, scope: Scope, remote_id: str) -> S:
        """What is there now; `Missing` where it is not."""
        ...

    async def find(self, scope: Scope, wanted: W) -> S | None:
        """The thing that carries our marker (or is the same by nature), or None. Called before a create is repeated."""
        ...

    async def create(self, scope: Scope, wanted: W) -> S:
        """Make it, with our marker on it."""
        ...

    async def apply(self, scope: Scope, remote_id: str, step: Step) -> None:
        """Change it in one way."""
        ...

    async def delete(self, scope: Scope, remote_id: str) -> None:
        """Ask for its end. `Missing` where it is not there; only what we created or adopted is ever passed in."""
        ...

    async def has_cursor(self) -> bool:
        """Whether the child can say what changed since a stamp; else `list_changed` lists everything each time."""
        ...

    def list_changed(self, since: str) -> AsyncIterator[S]:
        """All things of this kind in the child, of every project, changed at or after the child's stamp `since`.

        An empty `since` lists everything that exists. With `since`, deleted things are listed too, `gone`.
        """
        ...


class Sighting(Struct, frozen=True):
    """Things of a kind that fractus never takes over: seen in a child, and left alone."""

    service: str
    kind: str
    count: int
    names: list[str] = []
    """Of the first few."""


class Finding(Struct, frozen=True):
    """One sentence of a check: what was looked at, whether it is well, and what to do if not."""

    subject: str
    ok: bool
    text: str
    note: bool = False
    """It works, and somebody should know this of it: neither well nor a fault."""


class Report(Struct, frozen=True):
    """What `check` learnt of a child. `services` maps a service type to its release or microversion range."""

    reachable: bool
    findings: list[Finding] = []
    services: dict[str, dict[str, str]] = {}
    extensions: list[str] = []


class Cloud(Protocol):
    """One child cloud."""

    name: str

    def address(self) -> str:
        """What its row alone says of where it is, spelled in one way; empty where that says nothing."""
        ...

    async def identify(self) -> Identity:
        """What it can be recognised by, whatever it is called here. Only reads."""
        ...

    async def mark(self) -> str:
        """Leave the mark of this installation there, unless it is there; its id. `Refused` where it may not."""
        ...

    async def unmark(self, remote_id: str) -> None:
        """Take our mark away again; one that is not there is gone already."""
        ...

    def actuators(self) -> Mapping[str, Actuator[Any, Any]]:
        """The kinds this cloud supports, by name; a kind that is not there is never assigned here."""
        ...

    def healthy(self) -> bool:
        """False while the breaker of this cloud is open: calls would fail at once."""
        ...

    async def check(self) -> Report:
        """Look at everything that fractus needs of this child."""
        ...

    async def projects(self) -> Mapping[str, str]:
        """All projects of the child: name by id, both the child's own. `Refused` where the credential may not list."""
        ...

    def inventory(self, kind: str, users: Collection[str]) -> AsyncIterator[Observed]:
        """Everything of a kind, to be taken under our management: as `list_changed("")`, and what only an adoption
        needs and a sweep does not ask for: who may use a private flavor or a shared image, and the keys of `users`
        (the child's ids).
        """
        ...

    def mirrored(self, what: Mirrored) -> AsyncIterator[Mapping[str, Any]]:
        """All of a collection, as the cloud shows it; nothing where it has no such thing."""
        ...

    async def sightings(self, besides: Collection[str]) -> list[Sighting]:
        """What is there of kinds that are never taken over; `besides`: those that are. A missing service has none."""
        ...

    async def relay(self, scope: Scope, remote_id: str, call: LiveCall, deadline: float) -> Relayed:
        """What the cloud answers to a live call about one thing. `deadline` in seconds from now."""
        ...

    async def piece(self, scope: Scope, remote_id: str, offset: int, length: int) -> bytes:
        """Some of the bits of an image there: `length` from `offset`, fewer at its end."""
        ...

    async def close(self) -> None:
        """Release connections."""
        ...


class CloudRow(Struct, frozen=True, kw_only=True):
    """A child as the operator described it. `auth` is the opened `clouds.yaml` entry; it never leaves the process."""

    name: str
    driver: str
    enabled: bool = True
    identity: str = "own"
    """`shared`: the child uses our Keystone, project ids are equal; `own`: projects are mapped."""
    settings: dict[str, Any] = {}
    auth: dict[str, Any] = {}
    installation: str = ""
    """The id of this fractus, which its markers carry; empty: they carry none."""

    @property
    def origin(self) -> str:
        """What the markers of this fractus carry in this cloud; empty where it has no id."""
        return origin(self.installation, self.name) if self.installation else ""

    @property
    def origins(self) -> frozenset[str]:
        """All that is ours in it: also by the names that it had before (the setting `formerly`, commas between)."""
        before = str(self.settings.get("formerly", "")).replace(",", " ").split()
        names = (self.name, *before) if self.installation else ()
        return frozenset(origin(self.installation, name) for name in names)
