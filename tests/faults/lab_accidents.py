"""What goes wrong in a laboratory: databases, brokers, caches, balancers and the network between them.

Each accident is mended by itself, and is over when what it befell is well again: so a majority of databases is lost
only where that is the accident. What does not come back within the time after which an operator would look is
restarted by hand, as docs/ha.md tells operators to, and counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from tests.faults.own import Own
from tests.faults.stage import TooLate
from tools.lab import measure, net, standing
from tools.lab.cli import vip_holders
from tools.lab.node import LabError, run, send_command
from tools.lab.place import ADDRESSES, BALANCERS, CLIENT, NODES, Place

#: Between databases: replication, copies. Between brokers: names and the cluster.
GALERA_PORTS, BROKER_PORTS = (4567, 4568, 4444), (4369, 25672)

#: Seconds after which an operator looks why something has not come back, and what it gets after that.
_BY_ITSELF, _BY_HAND = 240.0, 240.0

#: Seconds after which a node that is cut off must have noticed (the database expels within nine).
_NOTICES = 10.0

_ON_NODE = ("worker", "api", "identity", "broker", "cache", "health", "database")


class Accidents:
    """All sorts, for one laboratory. `wrongs` gets what was seen to be broken meanwhile."""

    def __init__(
        self,
        place: Place,
        token: Callable[[], Awaitable[str]],
        wrongs: list[str],
        over: Callable[[], bool],
    ) -> None:
        """`token`: an administrator's. `over`: whether none of them is to begin any more."""
        self.by_hand: Counter[str] = Counter()
        """What had to be restarted by hand."""
        self._place = place
        self._token = token
        self._wrongs = wrongs
        self._over = over
        self._locks: dict[str, asyncio.Lock] = {}

    def sorts(self) -> dict[str, Own]:
        """Sort -> whom it may befall, and how."""
        found: dict[str, Own] = {}
        for service, nodes in (
            ("database", NODES), ("broker", NODES), ("cache", NODES), ("identity", NODES),
            ("haproxy", BALANCERS), ("keepalived", BALANCERS),
        ):  # fmt: skip
            targets = tuple(f"{service} {node}" for node in nodes)
            found[f"{service} of a node killed"] = Own(targets, self._killed)
            found[f"{service} of a node frozen"] = Own(targets, self._frozen)
        for service in ("database", "broker"):
            targets = tuple(f"{service} {node}" for node in NODES)
            found[f"{service} of a node stopped"] = Own(targets, self._stopped)
            found[f"{service} cut off from the others"] = Own(targets, self._parted)
        for service in ("database", "broker", "cache", "identity"):
            found[f"every {service} killed"] = Own((f"{service} everywhere",), self._all_killed)
        found["writer of the database killed"] = Own(("database writer",), self._killed)
        found["writer of the database frozen"] = Own(("database writer",), self._frozen)
        nodes = tuple(f"node {node}" for node in NODES)
        found["node cut off"] = Own(nodes, self._cut_off)
        found["node of the writer cut off"] = Own(("node writer",), self._cut_off)
        found["node is deaf"] = Own(nodes, self._deaf)
        found["node cut off from the children"] = Own(nodes, self._childless)
        found["node killed"] = Own(nodes, self._node_killed)
        found["balancer cut off"] = Own(
            tuple(f"haproxy {name}" for name in BALANCERS), self._balancer_cut_off
        )
        return found

    # ------------------------------------------------------------------ one program

    async def _killed(self, target: str, seconds: float) -> None:
        service, node = target.split(" ")
        async with self._whole(service):
            node = await self._node(node)
            await self._send(node, "kill", service)
            await asyncio.sleep(seconds / 2)
            await self._send(node, "start", service)
            await self._well_again(service)

    async def _frozen(self, target: str, seconds: float) -> None:
        service, node = target.split(" ")
        async with self._whole(service):
            node = await self._node(node)
            await self._send(node, "pause", service)
            await asyncio.sleep(seconds)
            await self._send(node, "resume", service)
            await self._well_again(service)

    async def _stopped(self, target: str, seconds: float) -> None:
        service, node = target.split(" ")
        async with self._whole(service):
            await self._send(node, "stop", service)
            await asyncio.sleep(seconds / 2)
            await self._send(node, "start", service)
            await self._well_again(service)

    async def _parted(self, target: str, seconds: float) -> None:
        """A database or broker does not hear the others, while everything else on its node does."""
        service, node = target.split(" ")
        ports = GALERA_PORTS if service == "database" else BROKER_PORTS
        async with self._whole(service):
            await asyncio.to_thread(net.block, self._place, node, service, ports=ports)
            await asyncio.sleep(max(seconds, _NOTICES))
            await asyncio.to_thread(net.unblock, self._place, node, service)
            await self._well_again(service)

    async def _all_killed(self, target: str, seconds: float) -> None:
        """As a power cut would."""
        service = target.split(" ")[0]
        async with self._whole(service):
            await asyncio.gather(*(self._send(node, "kill", service) for node in NODES))
            await asyncio.sleep(seconds / 2)
            await asyncio.gather(*(self._send(node, "start", service) for node in NODES))
            await self._well_again(service)

    # ------------------------------------------------------------------ whole nodes

    async def _cut_off(self, target: str, seconds: float) -> None:
        async with self._whole("database", "broker"):
            node = await self._node(target.split(" ")[1])
            token = await self._token()
            await asyncio.to_thread(net.partition, self._place, node)
            await asyncio.sleep(_NOTICES)
            with contextlib.suppress(LabError, OSError):
                await self._serves_nothing(node, token)
            await asyncio.sleep(max(0.0, seconds - _NOTICES))
            await asyncio.to_thread(net.heal, self._place, node)
            await self._well_again("database", "broker")

    async def _serves_nothing(self, node: str, token: str) -> None:
        """A node that is alone neither reads nor writes: it is asked from itself."""
        own = f"http://{ADDRESSES[node]}:8780/compute/v2.1"
        head = ("-s", "-m", "12", "-o", "/dev/null", "-w", "%{http_code}", "-H", f"X-Auth-Token: {token}")
        body = ("-H", "Content-Type: application/json", "-d", '{"keypair": {"name": "alone"}}')
        for what, words in (
            ("took a write", (*body, f"{own}/os-keypairs")),
            ("answered a read", (f"{own}/servers",)),
        ):
            done = await asyncio.to_thread(
                run, self._place, node, "curl", *head, *words, check=False, within=30
            )
            if done.stdout.startswith("2"):
                self._wrongs.append(f"split: {node} was cut off and {what} ({done.stdout})")

    async def _deaf(self, target: str, seconds: float) -> None:
        """It hears nobody, and is heard by all."""
        node = target.split(" ")[1]
        async with self._whole("database", "broker"):
            await asyncio.to_thread(net.block, self._place, node, "deaf", deaf=True)
            await asyncio.sleep(max(seconds, _NOTICES))
            await asyncio.to_thread(net.unblock, self._place, node, "deaf")
            await self._well_again("database", "broker")

    async def _childless(self, target: str, seconds: float) -> None:
        """A node in the majority, with work of its own, that reaches no child."""
        node = target.split(" ")[1]
        await asyncio.to_thread(net.block, self._place, node, "children", address=CLIENT)
        await asyncio.sleep(seconds * 2)
        await asyncio.to_thread(net.unblock, self._place, node, "children")

    async def _node_killed(self, target: str, seconds: float) -> None:
        node = target.split(" ")[1]
        async with self._whole("database", "broker"):
            await asyncio.gather(*(self._send(node, "kill", service) for service in _ON_NODE))
            await asyncio.sleep(seconds / 2)
            for service in reversed(_ON_NODE):
                await self._send(node, "start", service)
            await self._well_again("database", "broker")

    async def _balancer_cut_off(self, target: str, seconds: float) -> None:
        name = target.split(" ")[1]
        async with self._whole("haproxy"):
            await asyncio.to_thread(net.partition, self._place, name)
            await asyncio.sleep(seconds)
            await asyncio.to_thread(net.heal, self._place, name)
            await self._well_again("haproxy")

    # ------------------------------------------------------------------ well again

    @contextlib.asynccontextmanager
    async def _whole(self, *services: str) -> AsyncIterator[None]:
        """Nothing else befalls services of these sorts meanwhile: one accident at a time must be borne, not any two."""
        async with contextlib.AsyncExitStack() as stack:
            for service in services:
                kind = "vip" if service in ("haproxy", "keepalived") else service
                await stack.enter_async_context(self._locks.setdefault(kind, asyncio.Lock()))
            if self._over():
                raise TooLate
            yield

    async def _send(self, node: str, do: str, service: str) -> None:
        await asyncio.to_thread(send_command, self._place, node, do, service)

    async def _node(self, name: str) -> str:
        """Who `writer` is just now."""
        if name != "writer":
            return name
        try:
            return (await asyncio.to_thread(measure.state, self._place)).writer
        except (LabError, LookupError, ValueError):
            return NODES[0]  # the balancers themselves are in trouble

    async def _well_again(self, *services: str) -> None:
        for service in services:
            looks = _LOOKS.get(service)
            if looks is None or await self._comes(looks, _BY_ITSELF):
                continue
            if service in _RUNS:
                await self._by_hand(service)
            await self._comes(looks, _BY_HAND)

    async def _by_hand(self, service: str) -> None:
        """Restart those that have not come back; where no database has, the one that has everything first."""
        away = [node for node in NODES if not await asyncio.to_thread(_RUNS[service], self._place, node)]
        for node in away:
            self.by_hand[f"{service} restarted by hand"] += 1
            await self._send(node, "stop", service)
        if service == "database" and len(away) == len(NODES):
            with contextlib.suppress(LabError):
                await asyncio.to_thread(standing.databases, self._place)
        for node in away:
            await self._send(node, "start", service)

    async def _comes(self, looks: Callable[[Place], bool], within: float) -> bool:
        until = time.monotonic() + within
        while time.monotonic() < until:
            try:
                if await asyncio.to_thread(looks, self._place):
                    return True
            except (LabError, OSError):
                pass
            await asyncio.sleep(1.0)
        return False


def _every(runs: Callable[[Place, str], bool], names: Sequence[str] = NODES) -> Callable[[Place], bool]:
    return lambda place: all(runs(place, name) for name in names)


_RUNS = {"database": standing.database_runs, "broker": standing.broker_runs}
_LOOKS: dict[str, Callable[[Place], bool]] = {
    **{service: _every(runs) for service, runs in _RUNS.items()},
    "haproxy": lambda place: len(vip_holders(place)) == 1,
    "keepalived": lambda place: len(vip_holders(place)) == 1,
}
