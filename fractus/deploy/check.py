"""What is unsafe about a deployment, in words, from the inventory and its secrets alone.

A finding is `unsafe` (something is lost, or stops as a whole, when one thing fails), `advice`, or `accepted`: unsafe,
and the operator's own reason to bear it stands in the inventory ([accepted] one-rack = "all there is").
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Callable, Iterator
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from fractus.deploy.inventory import Inventory, Node, Role
from fractus.deploy.secret import Secrets


class Finding(Struct, frozen=True):
    """One sentence about a deployment."""

    code: str
    """What [accepted] calls it."""
    level: Literal["unsafe", "advice", "accepted"]
    text: str


class Facts(Struct, frozen=True, kw_only=True):
    """What fractus itself does, which the deployment has to fit. Seconds."""

    lease: float
    """How long a worker holds work that it does not extend."""
    longest_request: float
    """How long the API may be silent inside one request."""


def look(inventory: Inventory, secrets: Secrets | None, facts: Facts) -> list[Finding]:
    """All findings, unsafe ones first."""
    found = [finding for one in _LOOKS for finding in one(inventory, facts)]
    found += _about_secrets(inventory, secrets)
    found = [_as_accepted(inventory, finding) for finding in found]
    known = {finding.code for finding in found}
    for code in inventory.accepted:
        if code not in known:
            found.append(
                _advice("accepted", f"[accepted] has {code}, and there is no such finding (any more).")
            )
    order = {"unsafe": 0, "advice": 1, "accepted": 2}
    return sorted(found, key=lambda finding: order[finding.level])


def _as_accepted(inventory: Inventory, finding: Finding) -> Finding:
    reason = inventory.accepted.get(finding.code)
    if reason is None or finding.level != "unsafe":
        return finding
    return replace(finding, level="accepted", text=f"{finding.text} Accepted: {reason}")


def _unsafe(code: str, text: str) -> Finding:
    return Finding(code, "unsafe", text)


def _advice(code: str, text: str) -> Finding:
    return Finding(code, "advice", text)


#: Roles whose members vote: half of them is no majority.
_VOTING: tuple[tuple[Role, str], ...] = (("database", "Galera"), ("broker", "RabbitMQ's quorum queues"))

#: Roles of which one member is enough to serve.
_SERVING: tuple[tuple[Role, str], ...] = (
    ("api", "the API"),
    ("worker", "the workers"),
    ("identity", "Keystone"),
    ("balancer", "the VIP"),
)


def _counts(inventory: Inventory, _facts: Facts) -> Iterator[Finding]:
    for role, what in _VOTING:
        number = len(inventory.having(role))
        if number < 3:
            yield _unsafe(
                f"{role}-count",
                f"{number} node{'s' * (number != 1)} with the role {role}: {what} need three, so that two are a "
                "majority when one is gone.",
            )
        elif number % 2 == 0:
            yield _unsafe(
                f"{role}-count",
                f"{number} nodes with the role {role} bear no more failures than {number - 1}, and cut in two equal "
                f"halves neither has a majority: {what} need an odd number.",
            )
    for role, what in _SERVING:
        number = len(inventory.having(role))
        if number < 2:
            yield _unsafe(
                f"{role}-count",
                f"{number} node{'s' * (number != 1)} with the role {role}: {what} end with it.",
            )
    if len(inventory.having("cache")) < 2:
        yield _advice(
            "cache-count", "Fewer than two nodes with the role cache: without it each token is checked again."
        )


def _racks(inventory: Inventory, _facts: Facts) -> Iterator[Finding]:
    nameless = [node.name for node in inventory.node if not node.rack]
    if nameless:
        yield _unsafe("rack-unknown", f"Nobody knows in which rack these nodes are: {', '.join(nameless)}.")
        return
    if len(inventory.node) > 1 and len({node.rack for node in inventory.node}) == 1:
        yield _unsafe(
            "one-rack", f"All nodes are in the rack {inventory.node[0].rack}: they end with its power."
        )
        return
    for role, what in _VOTING:
        members = inventory.having(role)
        for rack in sorted({node.rack for node in members}):
            inside = sum(node.rack == rack for node in members)
            if len(members) >= 3 and inside * 2 >= len(members):
                yield _unsafe(
                    f"{role}-rack",
                    f"{inside} of {len(members)} nodes of the role {role} are in the rack {rack}: without it {what} "
                    "have no majority.",
                )
    balancers = inventory.having("balancer")
    if len(balancers) > 1 and len({node.rack for node in balancers}) == 1:
        yield _unsafe(
            "balancer-rack", f"All balancers are in the rack {balancers[0].rack}: the VIP ends with it."
        )


def _network(inventory: Inventory, _facts: Facts) -> Iterator[Finding]:
    network = ipaddress.ip_network(inventory.deployment.network)
    vip = ipaddress.ip_address(inventory.vip.address)
    if vip not in network:
        yield _unsafe(
            "vip-outside",
            f"The VIP {vip} is outside {network}: the node that takes it over cannot answer for it there.",
        )
    if any(node.address == inventory.vip.address for node in inventory.node):
        yield _unsafe("vip-taken", f"The VIP {vip} is the own address of a node: it could not move.")
    if vip in (network.network_address, network.broadcast_address):
        yield _unsafe(
            "vip-taken", f"The VIP {vip} is the first or last address of {network}, which no host can have."
        )
    for node in inventory.node:
        if ipaddress.ip_address(node.address) not in network:
            yield _unsafe(
                "node-outside",
                f"{node.name} ({node.address}) is outside {network}: database and statistics refuse it.",
            )


def _fencing(inventory: Inventory, _facts: Facts) -> Iterator[Finding]:
    if inventory.deployment.variant == "pacemaker":
        without = [node.name for node in inventory.node if node.fence is None]
        if without:
            yield _unsafe(
                "no-fencing",
                f"Pacemaker cannot switch off {', '.join(without)}: a node that hangs there can wake up and "
                f"own the VIP "
                "a second time. Give each a [node.fence].",
            )
        number = len(inventory.node)
        if number < 3 or number % 2 == 0:
            yield _unsafe(
                "cluster-count",
                f"Pacemaker has {number} voting nodes; it needs an odd number, three at least.",
            )
    elif any(node.fence for node in inventory.node):
        yield _advice("fence-unused", "A [node.fence] is used by the variant pacemaker only.")


def _timeouts(inventory: Inventory, facts: Facts) -> Iterator[Finding]:
    timeouts, broker = inventory.timeouts, inventory.broker
    if timeouts.request <= facts.longest_request:
        yield _unsafe(
            "timeout-request",
            f"HAProxy gives a request {timeouts.request} s and fractus may need {facts.longest_request:g} s: a client "
            "would be answered that something failed which is still going on.",
        )
    noticed = 2 * broker.heartbeat
    if not broker.heartbeat:
        yield _unsafe("heartbeat", "Without heartbeats a client that is gone keeps its queue for hours.")
    elif noticed >= facts.lease:
        yield _unsafe(
            "heartbeat",
            f"RabbitMQ notices a dead worker after {noticed} s, and its work is free after {facts.lease:g} "
            f"s already: two "
            "workers would look after one cloud. Let twice the heartbeat be less than the lease.",
        )
    if not 5 <= broker.net_ticktime <= 60:
        yield _unsafe(
            "net-ticktime",
            f"net_ticktime {broker.net_ticktime} s: under 5 a pause is a death, over 60 a death a pause.",
        )
    if timeouts.database < 600:
        yield _unsafe(
            "timeout-database",
            f"HAProxy closes database connections that are idle for {timeouts.database} s: those of the pools would be "
            "dead when they are needed. Ten minutes at least.",
        )
    if timeouts.connect < 2 or timeouts.connect > 10:
        yield _unsafe(
            "timeout-connect",
            f"timeouts.connect is {timeouts.connect} s: between 2 and 10 a lost packet is borne and a dead "
            f"node is not waited for.",
        )
    if inventory.database.suspect_timeout < 1.5:
        yield _unsafe(
            "suspect-timeout",
            f"database.suspect_timeout {inventory.database.suspect_timeout:g} s: three lost heartbeats (0.5 "
            f"s each) would "
            "expel a healthy database node.",
        )


def _ending(inventory: Inventory, facts: Facts) -> Iterator[Finding]:
    """How programs end, and how soon HAProxy drops them."""
    timeouts = inventory.timeouts
    if timeouts.drain >= facts.lease * 2:
        yield _advice(
            "drain-lease",
            f"A worker may drain for {timeouts.drain} s, twice the lease ({facts.lease:g} s) and more: what it cannot "
            "finish waits that long for another worker.",
        )
    noticed_after = timeouts.check_interval * (timeouts.api_check_falls + 1)
    if timeouts.drain <= noticed_after:
        yield _unsafe(
            "drain-short",
            f"fractus has {timeouts.drain} s to drain and HAProxy needs {noticed_after:g} s to see it: requests "
            f"would come to "
            "a process that is gone.",
        )
    if timeouts.api_check_falls <= timeouts.check_falls:
        yield _unsafe(
            "check-falls",
            f"HAProxy drops the API after {timeouts.api_check_falls} failed checks, as soon as of the database "
            f"({timeouts.check_falls}): while the database changes hands there would be no API at all.",
        )


def _connections(inventory: Inventory, _facts: Facts) -> Iterator[Finding]:
    programs = inventory.programs
    api = len(inventory.having("api")) * programs.api_processes * programs.store_connections
    workers = len(inventory.having("worker")) * programs.store_connections
    keystone = (
        len(inventory.having("identity")) * programs.keystone_processes * (2 * programs.keystone_threads + 1)
    )
    # Rolling restarts run the old and the new process side by side for a while; ten are left for people and checks.
    wanted = math.ceil((api + workers + keystone) * 1.1) + 10
    if wanted > inventory.database.max_connections:
        yield _unsafe(
            "max-connections",
            f"The pools may open {wanted} connections to the one writer (API {api}, workers {workers}, "
            f"Keystone {keystone}, "
            f"a tenth for restarts, ten for people), and it takes {inventory.database.max_connections}: set "
            "database.max_connections.",
        )


def _data(inventory: Inventory, _facts: Facts) -> Iterator[Finding]:
    keepers = {node.name for role in ("api", "worker") for node in inventory.node if role in node.roles}
    if len(keepers) > 1 and not inventory.deployment.images_shared:
        yield _unsafe(
            "images-local",
            f"{inventory.deployment.images} is not said to be shared (images_shared): an image uploaded "
            f"through one node "
            "would be missing on the others.",
        )
    if inventory.broker.partitions != "pause_minority":
        yield _unsafe(
            "partition-handling",
            f"broker.partitions is {inventory.broker.partitions}: both sides of a cut would serve. Let the "
            f"minority pause.",
        )
    if inventory.database.sst == "mysqldump":
        yield _unsafe(
            "sst", "database.sst mysqldump sends the whole database and a password in the clear, as root."
        )
    elif inventory.database.sst == "rsync":
        yield _unsafe(
            "sst",
            "database.sst rsync stops the node that gives the copy, and sends it in the clear to whoever asks.",
        )


def _tls(inventory: Inventory, _facts: Facts) -> Iterator[Finding]:
    loopback = ipaddress.ip_address(inventory.vip.address).is_loopback
    if (
        not inventory.tls.endpoint
        and not loopback
        and not inventory.deployment.endpoint.startswith("https://")
    ):
        yield _unsafe(
            "tls-endpoint",
            "Passwords and tokens reach the VIP in the clear: give [tls] endpoint a certificate, or "
            "[deployment] endpoint "
            "the https URL of what stands in front.",
        )
    elif not inventory.tls.endpoint and not inventory.identity.startswith("https://") and not loopback:
        yield _unsafe("tls-endpoint", "Keystone is reached in the clear: passwords travel there.")
    inside = (inventory.tls.ca, inventory.tls.certificate, inventory.tls.key)
    if any(inside) and not all(inside):
        yield _unsafe("tls-inside", "[tls] ca, certificate and key go together: one of them is missing.")
    elif not all(inside) and len(inventory.having("database")) > 1:
        yield _unsafe(
            "tls-inside",
            "The database nodes talk in the clear, full copies too: give [tls] ca, certificate and key.",
        )
    if not loopback:
        yield _advice(
            "inside-clear",
            f"Between the balancers, fractus, the database, the brokers and the caches nothing is encrypted: "
            f"{inventory.deployment.network} must be a network of the operator's own, which no tenant reaches.",
        )


_LOOKS: tuple[Callable[[Inventory, Facts], Iterator[Finding]], ...] = (
    _counts,
    _racks,
    _network,
    _fencing,
    _timeouts,
    _ending,
    _connections,
    _data,
    _tls,
)


def _about_secrets(inventory: Inventory, secrets: Secrets | None) -> Iterator[Finding]:
    if secrets is None:
        yield _advice("secrets", "There are no secrets yet: `fractus deploy render` makes them.")
        return
    for names in secrets.twice():
        yield _unsafe(
            "password-twice", f"These have one password, so who knows one knows all: {', '.join(names)}."
        )
    short = secrets.short()
    empty = [node.name for node in inventory.node if _fence_password_is_missing(node, secrets)]
    if empty:
        yield _unsafe(
            "fence-password", f"The secrets have no password to switch off {', '.join(empty)} (fence-<node>)."
        )
    weak = [name for name in short if not name.startswith("fence-")]
    if weak:
        yield _unsafe("password-short", f"Shorter than 16 letters: {', '.join(weak)}.")


def _fence_password_is_missing(node: Node, secrets: Secrets) -> bool:
    return node.fence is not None and secrets.password_of_fence(node.name) == ""
