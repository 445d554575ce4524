"""What every handler about servers has in its hands: the store, the ledger, and how a server is found and changed."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from fractus.addressing.ranges import Range
from fractus.auth.principal import Principal
from fractus.base.clock import Clock
from fractus.model.action import DONE, Action
from fractus.model.errors import Conflict, Invalid, NotFound
from fractus.model.images import Asked, Source
from fractus.model.live import LiveCall
from fractus.model.network import NicRequest, ServerPort
from fractus.model.resource import Need, Resource, at_home
from fractus.model.server_verbs import CLOUD_VERBS, ServerVerb
from fractus.quota.costs import Room
from fractus.services.compute import FILE_BYTES, FILE_PATH, FILES, METADATA_ITEMS
from fractus.services.compute.dialect.api.host_names import HostNames
from fractus.services.compute.servers import actions, view
from fractus.services.compute.servers.api.passwords import Secrets
from fractus.store import actions as stored_actions
from fractus.store import presences
from fractus.store.ledger import Ledger
from fractus.store.transaction import Reader, Store, Transaction
from fractus.web.routing import Call

# --- what other folders give ----------------------------------------------------------------------


class Ports(Protocol):
    """Ports of servers, and the addresses and groups that come with them."""

    async def for_server(
        self,
        tx: Transaction,
        principal: Principal,
        server_id: str,
        zone: str,
        nics: Sequence[NicRequest],
        security_groups: Sequence[str],
        *,
        hostname: str = "",
    ) -> list[ServerPort]:
        """Make or take the ports of a new server. Groups by name or id; they are checked without `nics` too.

        `hostname`: their name in the DNS.

        Refuses in Nova's words: `Invalid`, `NotFound`, `Conflict`, `QuotaExceeded`.
        """
        ...

    async def networks_for(self, reader: Reader, principal: Principal) -> Sequence[Resource]:
        """The networks that a server is put into where its user names none: Nova takes the only one."""
        ...

    async def of_server(self, reader: Reader, server_id: str) -> list[ServerPort]:
        """The ports of a server, in their order."""
        ...

    async def servers_at(self, reader: Reader, spans: Sequence[Range], version: int) -> list[str] | None:
        """The servers that may show an address in one of these ranges; None where they are too many to tell.

        Only of those that are not deleted: the others have their addresses no more.
        """
        ...


class Plugging(Protocol):
    """What changes of the ports of a server that is there. Refuses in Nova's words."""

    async def add_group(self, tx: Transaction, project_id: str, server_id: str, name: str) -> None:
        """Put every port of a server into a group of the project, by name or id."""
        ...

    async def remove_group(self, tx: Transaction, project_id: str, server_id: str, name: str) -> None:
        """Take every port of a server out of a group."""
        ...

    async def add_address(self, tx: Transaction, server_id: str, network_id: str) -> None:
        """Give a server one address more on a network that it is on."""
        ...

    async def remove_address(self, tx: Transaction, server_id: str, address: str) -> None:
        """Take an address from a server."""
        ...

    async def unplug(self, tx: Transaction, server_id: str, port_id: str) -> None:
        """A server has a port no longer: one that was made for it leaves, another is free again."""
        ...


class Topologies(Protocol):
    """Networks that are made for projects which have none."""

    async def allocate(self, call: Call) -> None:
        """The caller's project has one from now on. `Conflict` where there is nothing that it could be made of."""
        ...


class FloatingIps(Protocol):
    """Floating IPs of servers, by their addresses. Refuses in Nova's words."""

    async def associate(
        self, tx: Transaction, principal: Principal, server_id: str, address: str, fixed_address: str
    ) -> None:
        """A floating IP that the caller may see leads to a server; `fixed_address` empty: to its first of version 4."""
        ...

    async def disassociate(self, tx: Transaction, principal: Principal, server_id: str, address: str) -> None:
        """It leads nowhere; `Conflict` where it does not lead to this server."""
        ...


class Attachments(Protocol):
    """Volumes that servers have."""

    async def volume(self, reader: Reader, project_id: str | None, id: str) -> Resource | None:
        """A volume that is a project's; None: anybody's."""
        ...

    async def zone_of(self, reader: Reader, volume: Resource) -> str:
        """The cloud that a volume is in; empty where none is chosen yet."""
        ...

    async def movable(self, reader: Reader, volume: Resource) -> bool:
        """Whether it can be made again in another cloud: then it goes to the server's when it is attached."""
        ...

    async def attach(
        self, tx: Transaction, server: Resource, volume: Resource, asked: Mapping[str, Any], device: str
    ) -> None:
        """A server is to have a volume. `asked`: `device`, `tag`, `delete_on_termination`; `boot`: it is built with it,
        and `root`: on it. `device`: where it will be, as far as is known. The caller writes the server.
        """
        ...

    async def detach(self, tx: Transaction, attachment_id: str) -> None:
        """A server is to have its volume no longer; it shows it until its cloud has confirmed that."""
        ...

    async def keep(self, tx: Transaction, attachment_id: str, *, delete_on_termination: bool) -> None:
        """Whether the volume ends with its server. The caller writes the server."""
        ...


class Storage(Protocol):
    """Block storage: what servers bring with them when they are made."""

    async def snapshot(self, reader: Reader, project_id: str | None, id: str) -> Resource | None:
        """A snapshot that is a project's; None: anybody's."""
        ...

    async def check_type(self, reader: Reader, principal: Principal, name: str) -> None:
        """`Invalid` where there is no volume type of this id or name for the caller."""
        ...

    async def make(self, call: Call, tx: Transaction, asked: Mapping[str, Any]) -> Resource:
        """A new volume of what Cinder would be asked for. Refuses in Cinder's words."""
        ...


class Snapshots(Protocol):
    """Snapshots of volumes."""

    async def of_volume(
        self, tx: Transaction, who: Principal, request_id: str, volume_id: str, name: str
    ) -> Resource:
        """A snapshot of a volume that may be in use. `QuotaExceeded` where the project has none for another."""
        ...


class Images(Protocol):
    """Images."""

    async def usable(self, reader: Reader, principal: Principal, image_id: str) -> Resource:
        """The image, where the caller may see it; `NotFound` else. Its `status` is Glance's."""
        ...


class ImageMaker(Protocol):
    """Images that clouds make of servers."""

    async def make(self, tx: Transaction, source: Source, asked: Asked) -> Resource:
        """The image, which its cloud is going to make. `QuotaExceeded` where there is none for another."""
        ...

    async def without_bits(self, tx: Transaction, asked: Asked) -> Resource:
        """An image that is nothing but its properties, active at once. `QuotaExceeded` as above."""
        ...

    async def over(self, tx: Transaction, image_id: str) -> None:
        """Its cloud has done what it was asked for, or will not."""
        ...


class Flavors(Protocol):
    """Flavors."""

    async def usable(self, reader: Reader, principal: Principal, flavor_id: str) -> Resource:
        """The flavor that users call `flavor_id`, where the caller may use it; `NotFound` else, in Nova's words."""
        ...


class Keypairs(Protocol):
    """Keypairs."""

    async def by_name(self, reader: Reader, user_id: str, name: str) -> Resource | None:
        """A user's key."""
        ...


class ServerGroups(Protocol):
    """Server groups."""

    async def usable(self, tx: Transaction, principal: Principal, id: str) -> Resource | None:
        """The group, where the caller may put servers into it. Others who do so wait until this transaction ends."""
        ...

    async def members(self, reader: Reader, id: str) -> list[str]:
        """The servers of a group that are not deleted."""
        ...

    async def exists(self, reader: Reader, id: str) -> bool:
        """Whether there is such a group."""
        ...


class Live(Protocol):
    """Live reads of a resource in its cloud."""

    async def ask(self, resource: Resource, call: LiveCall, *, root: str = "") -> Any:
        """The answer, in our words. `Unavailable` if its cloud is silent, `NotFound` where it has no such thing.

        `root`: our URL of the service up to its version, for links.
        """
        ...


class Quota(Protocol):
    """Limits of a project."""

    async def room(
        self, tx: Transaction, kind: str, project_id: str, user_id: str, each: Mapping[str, int], most: int
    ) -> Room:
        """For how many, up to `most`, that cost `each`, a project has quota. It is spent when they are written."""
        ...

    async def limit(self, reader: Reader, project_id: str, name: str) -> int:
        """One limit of a project, -1 where there is none."""
        ...


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits:
    """Bounds on what is asked for."""

    stale_after: float = 30.0
    """Seconds without an answer of a cloud after which its servers are shown as stale."""
    page: int = 1000
    """Servers in one page of a list: Nova's default of `max_limit`."""
    at_once: int = 1000
    """Servers in one request: they are written in one transaction."""
    metadata: int = METADATA_ITEMS
    files: int = FILES
    file_bytes: int = FILE_BYTES
    file_path: int = FILE_PATH


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """What wiring hands to the API of servers."""

    store: Store
    ledger: Ledger
    clock: Clock
    ports: Ports
    plugging: Plugging
    floating: FloatingIps
    attachments: Attachments
    storage: Storage
    snapshots: Snapshots
    images: Images
    maker: ImageMaker
    flavors: Flavors
    keypairs: Keypairs
    groups: ServerGroups
    live: Live
    names: HostNames
    quota: Quota | None = None
    topologies: Topologies | None = None
    """Who allocates networks; None: nobody can."""
    secrets: Secrets | None = None
    """What seals the first passwords of servers; None: there are none."""
    limits: ServerLimits = ServerLimits()


async def bound(given: Dependencies, reader: Reader, project_id: str, name: str, otherwise: int) -> int:
    """How many of something one server of a project may have; `otherwise` where there are no quotas."""
    if given.quota is None:
        return otherwise
    limit = await given.quota.limit(reader, project_id, name)
    return limit if limit >= 0 else sys.maxsize


# --- one server -----------------------------------------------------------------------------------


def missing(server_id: str) -> NotFound:
    """Nova's sentence."""
    return NotFound(f"Instance {server_id} could not be found.")


def target_of(server: Resource) -> dict[str, Any]:
    """What policy is asked about."""
    return {"project_id": server.project_id, "user_id": server.user_id}


async def find(
    given: Dependencies, call: Call, rule: str, reader: Reader | None = None, *, deleted: bool = False
) -> Resource:
    """The server that the path names, where the caller may know of it and do `rule` to it.

    `deleted`: also one that is gone.
    """
    server_id = call.params["server_id"]
    who = call.principal
    reader = given.store if reader is None else reader
    found = await given.ledger.resources.fetch(reader, "server", server_id)
    if found is None or (found.deleted_at is not None and not deleted):
        raise missing(server_id)
    if not who.is_admin and found.project_id != who.project_id:
        raise missing(server_id)
    call.enforce(rule, target_of(found))
    return found


def shown(server: Resource) -> dict[str, Any]:
    """The stored document."""
    document: dict[str, Any] = msgspec.json.decode(server.summary)
    return document


async def record(
    call: Call,
    tx: Transaction,
    server: Resource,
    verb: str,
    args: dict[str, Any] | None = None,
    *,
    done: bool = False,
) -> None:
    """Write down what is asked of a server: a row, and what its desired state says of it. `done`: and was done here,
    so that its cloud is asked for nothing.

    That it is created needs no row of its own: it is said by the server itself.

    What its cloud has to do ends the state that an administrator has reset: after it the cloud's word counts, even
    where it is what it was before.
    """
    if verb in CLOUD_VERBS and not done:
        server.desired.pop("reset", None)
    action = Action(
        kind="server",
        id=server.id,
        token=actions.next_token(server.desired),
        verb=verb,
        args=args or {},
        request_id=call.request_id,
        user_id=call.principal.user_id,
        project_id=call.principal.project_id,
        at=tx.now(),
    )
    if verb in CLOUD_VERBS and not done:
        action.due_at = tx.now() + _DUE
    else:
        action.state, action.finished_at = DONE, tx.now()
    actions.noted(server.desired, action)
    if verb != CREATE:
        await stored_actions.add(tx, action)


CREATE = "create"

#: What came of an action is looked for after so long, should nothing have reported it. Seconds.
_DUE = 60.0


async def change(
    given: Dependencies, call: Call, tx: Transaction, server: Resource, needs: Sequence[Need] | None = None
) -> None:
    """Write what is desired now, and how users see the server from now on. `needs`: all; None: as before."""
    server.request_id = call.request_id
    server.updated_at = tx.now()
    every = await presences.of_resource(tx, "server", server.id)
    await given.ledger.change(tx, server, view.summarise(server, every), needs)


async def accept(
    given: Dependencies,
    call: Call,
    tx: Transaction,
    server: Resource,
    verb: ServerVerb,
    args: dict[str, Any] | None = None,
) -> None:
    """Write that a server is asked for a verb, and how it is shown from then on."""
    await record(call, tx, server, verb.name, args)
    await change(given, call, tx, server)


async def asked_for(
    given: Dependencies, call: Call, tx: Transaction, verb: ServerVerb, args: Mapping[str, Any]
) -> Resource:
    """The server, where the caller may ask it for a verb and its state allows that."""
    server = await find(given, call, verb.rule, tx)
    document = shown(server)
    if not verb.while_locked:
        check_unlocked(call, server, document)
    check_asked(verb, args, server, document)
    if verb.name in ("confirmResize", "revertResize"):
        await _check_unconfirmed(tx, server)
    return server


async def _check_unconfirmed(tx: Transaction, server: Resource) -> None:
    """What was confirmed is neither confirmed again nor reverted, though its cloud still has to do it."""
    here = at_home(server.home, await presences.of_resource(tx, "server", server.id))
    underway = view.underway(server, here)
    if underway is not None and underway["verb"] == "confirmResize":
        raise Invalid("Instance has not been resized.")


# --- what a server may be asked in its state ------------------------------------------------------


def check_unlocked(call: Call, server: Resource, document: dict[str, Any]) -> None:
    """Refuse to change a locked server, unless to admins."""
    if document["locked"] and not call.principal.is_admin:
        raise Conflict(f"Instance {server.id} is locked")


def check_placed(server: Resource, document: dict[str, Any]) -> None:
    """Refuse what needs a server that is somewhere."""
    if not document["hostId"]:
        raise Conflict(f"Instance {server.id} is not ready")


def check_asked(
    verb: ServerVerb, args: Mapping[str, Any], server: Resource, document: dict[str, Any]
) -> None:
    """Refuse a verb that a server's state does not allow, in Nova's order."""
    when = verb.asked(args)
    if verb.placed_first:
        check_placed(server, document)
    if when.vm_states:
        check_state(server, document, verb.spoken or verb.name, when.vm_states, when.task_states)
    if not verb.placed_first and not verb.offloaded:
        check_placed(server, document)


def check_state(
    server: Resource,
    document: dict[str, Any],
    action: str,
    vm_states: Sequence[str],
    task_states: Sequence[str | None] | None = (None,),
) -> None:
    """Refuse what a server cannot do in its state, in Nova's words. `task_states` None: whatever it is doing."""
    vm_state, task_state = document["OS-EXT-STS:vm_state"], document["OS-EXT-STS:task_state"]
    wrong = ""
    if vm_state not in vm_states:
        wrong = f"vm_state {vm_state}"
    elif task_states is not None and task_state not in task_states:
        wrong = f"task_state {task_state}"
    if wrong:
        raise Conflict(f"Cannot '{action}' instance {server.id} while it is in {wrong}")
    if not document["OS-SRV-USG:launched_at"]:
        raise Conflict(f"Instance {server.id} is in an invalid state for '{action}'")
