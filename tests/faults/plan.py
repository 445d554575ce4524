"""What is asked and what goes wrong, out of one seed: the same seed gives the same sequences, always.

Operations are drawn per tenant over *slots* (the tenant's second network, their fourth server), without a look at any
answer: whether a slot is filled when its turn comes depends on timing, the sequence does not. Accidents are drawn as a
deck of cards that holds every sort once, shuffled anew each round, so that each sort comes up in any run that is long
enough for one round.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tests.faults import declared, proxy

SLOTS = {"network": 3, "group": 3, "port": 3, "keypair": 2, "image": 2, "server": 5, "flavor": 3}
SLOTS |= dict.fromkeys(declared.KINDS, 2) | {"volume": 4, "snapshot": 3, "floatingip": 3}

#: How often an operation on any of the declared kinds is drawn, of about a hundred.
_DECLARED = 20.0

#: How often each operation is drawn. Reads are checked as they come: what was accepted is shown at once, always.
_TENANT: dict[str, float] = {
    "network create": 5, "network rename": 2, "network delete": 2, "network tag": 1,
    "subnet create": 1, "subnet rename": 1, "subnet delete": 1,
    "group create": 3, "group rename": 1, "group delete": 1, "rule create": 4, "rule delete": 2,
    "port create": 4, "port rename": 2, "port groups": 2, "port delete": 2, "port tag": 1,
    "keypair create": 2, "keypair delete": 1,
    "image create": 2, "image rename": 1, "image delete": 1, "image tag": 1,
    "server create": 14, "server rename": 3, "server metadata": 3, "server tag": 2, "server stop": 4,
    "server start": 4, "server reboot": 3, "server delete": 6,
    "list": 6, "show": 6,
}  # fmt: skip
_TENANT |= {
    f"{kind} {action}": _DECLARED / (3 * len(declared.KINDS))
    for kind in declared.KINDS
    for action in ("create", "alter", "delete")
    if action != "alter" or kind in declared.CHANGED
}
_TENANT |= {
    "volume create": 6, "volume extend": 3, "volume delete": 2, "volume reserve": 2, "volume release": 2,
    "volume_transfer create": 2, "volume_transfer accept": 2, "snapshot create": 3, "snapshot delete": 2,
    "backup create": 2, "server attach": 5, "server detach": 3, "router create": 2, "router plug": 4,
    "router unplug": 2, "router outside": 3, "floatingip create": 2, "floatingip join": 3,
}  # fmt: skip
_ADMIN: dict[str, float] = {
    "flavor create": 3, "flavor specs": 2, "flavor delete": 2, "image create": 1, "image rename": 1,
    "image delete": 1, "list": 2, "show": 2,
}  # fmt: skip


#: What an operation needs a second of.
_WITH = {"server attach": "volume", "router plug": "network", "floatingip join": "port"}


class Op(NamedTuple):
    """One operation: `args` are slots and choices."""

    number: int
    tenant: str
    verb: str
    args: dict[str, Any]
    pause: float
    """Seconds before it, at the pace 1."""


class _Filled:
    """Which slots would be filled if every request had been granted: keeps the sequence sensible, never exact."""

    def __init__(self) -> None:
        self._slots: dict[str, set[int]] = {kind: set() for kind in SLOTS}

    def free(self, kind: str) -> list[int]:
        return [slot for slot in range(SLOTS[kind]) if slot not in self._slots[kind]]

    def taken(self, kind: str) -> list[int]:
        return sorted(self._slots[kind])

    def fill(self, kind: str, slot: int) -> None:
        self._slots[kind].add(slot)

    def empty(self, kind: str, slot: int) -> None:
        self._slots[kind].discard(slot)


def operations(seed: int, tenant: str, zones: Sequence[str]) -> Iterator[Op]:
    """The endless sequence of one tenant."""
    draw = random.Random(f"{seed}/operations/{tenant}")
    weights = _ADMIN if tenant == "admin" else _TENANT
    verbs, chances = list(weights), list(weights.values())
    filled, number = _Filled(), 0
    while True:
        verb = draw.choices(verbs, chances)[0]
        args = _args(draw, verb, filled, zones, tenant)
        if args is None:
            continue
        number += 1
        yield Op(number, tenant, verb, args, draw.expovariate(1.0))


def _args(
    draw: random.Random, verb: str, filled: _Filled, zones: Sequence[str], tenant: str
) -> dict[str, Any] | None:
    """Slots and choices, or None where there is nothing to do this with."""
    if verb in ("list", "show"):
        return {
            "kind": draw.choice(["server", "network", "port", "group", "image", "keypair", *declared.KINDS])
        }
    kind, action = verb.split(" ")
    base = {"subnet": "network", "rule": "group"}.get(kind, kind)
    if action == "create" and base == kind:
        free = filled.free(kind)
        if not free:
            return None
        args = _create_args(draw, kind, filled, zones)
        if args is None:
            return None
        slot = draw.choice(free)
        filled.fill(kind, slot)
        return {"slot": slot, **args}
    taken = filled.taken(base)
    if not taken:
        return None
    slot = draw.choice(taken)
    if action == "delete" and base == kind:
        filled.empty(kind, slot)
    args = {"slot": slot, "salt": draw.randrange(10**6)}
    if verb == "port groups":
        args["groups"] = draw.sample(filled.taken("group"), min(1, len(filled.taken("group"))))
    if verb in _WITH:
        other = _WITH[verb]
        args[other] = draw.choice(filled.taken(other)) if filled.taken(other) else None
    if verb == "server reboot":
        args["type"] = draw.choice(["SOFT", "HARD"])
    return args


def _create_args(
    draw: random.Random, kind: str, filled: _Filled, zones: Sequence[str]
) -> dict[str, Any] | None:
    networks = filled.taken("network")
    if kind in ("port", "server") and not networks:
        return None
    args: dict[str, Any] = {"salt": draw.randrange(10**6)}
    if kind == "port":
        args["network"] = draw.choice(networks)
    if kind == "volume":
        images = filled.taken("image")
        args["zone"] = draw.choice(list(zones)) if draw.random() < 0.5 else ""
        args["image"] = draw.choice(images) if images and draw.random() < 0.3 else None
    if kind == "server":
        ports, keys, groups, images = (filled.taken(kind) for kind in ("port", "keypair", "group", "image"))
        args |= {
            "network": draw.choice(networks),
            "port": draw.choice(ports) if ports and draw.random() < 0.3 else None,
            "shared": draw.random() < 0.1,
            "keypair": draw.choice(keys) if keys and draw.random() < 0.4 else None,
            "groups": draw.sample(groups, 1) if groups and draw.random() < 0.4 else [],
            "image": draw.choice(images) if images and draw.random() < 0.4 else None,
            "flavor": draw.choice([0, 1, 2]) if draw.random() < 0.3 else None,
            "zone": draw.choice(list(zones)) if draw.random() < 0.5 else "",
        }
    return args


# ---------------------------------------------------------------------- accidents


class Accident(NamedTuple):
    """One thing that goes wrong: of sort `sort`, with `target` (a process, a cloud), for `seconds`."""

    number: int
    sort: str
    target: str
    seconds: float
    strength: float
    pause: float
    """Seconds until the next one."""


#: Sorts that need a database server under the store.
DATABASE = ("database killed", "database paused")


def deck(database: str = "", own: Sequence[str] = ()) -> list[str]:
    """One round: every sort of accident once. `own`: sorts that only the stage knows."""
    cards = [
        "api killed",
        "api paused",
        "api restarted",
        "worker killed",
        "worker paused",
        "worker restarted",
    ]
    cards += ["worker killed", "clock forwards", "clock backwards", "all workers killed"]
    cards += [f"weather: {sort}" for sort in proxy.WEATHERS]
    cards += ["child killed", "child paused", "child forgets"]
    cards += [sort for sort in DATABASE if database]
    return [*cards, *own]


def accidents(
    seed: int,
    *,
    apis: Sequence[str],
    workers: Sequence[str],
    clouds: Sequence[str],
    database: str = "",
    round_seconds: float,
    longest: float = 12.0,
    without: Sequence[str] = (),
    own: Mapping[str, Sequence[str]] | None = None,
) -> Iterator[Accident]:
    """The endless sequence of accidents; one round of the deck takes about `round_seconds`.

    `own`: sorts that only the stage knows -> whom they may befall.
    """
    own = own or {}
    draw = random.Random(f"{seed}/accidents")
    number = 0
    while True:
        cards = [card for card in deck(database, list(own)) if card not in without]
        draw.shuffle(cards)
        for card in cards:
            number += 1
            pause = round_seconds / len(cards) * (0.5 + draw.random())
            if card in own:
                target = draw.choice(list(own[card]))
            else:
                target = _target(draw, card, apis, workers, clouds, database)
            seconds = min(longest, 2.0 + draw.expovariate(3.0 / longest))
            yield Accident(number, card, target, seconds, _strength(draw, card), pause)


def _target(
    draw: random.Random,
    card: str,
    apis: Sequence[str],
    workers: Sequence[str],
    clouds: Sequence[str],
    database: str,
) -> str:
    if card.startswith("api"):
        return draw.choice(list(apis))
    if card.startswith("worker"):
        return draw.choice(list(workers))
    if card.startswith("clock"):
        return draw.choice([*apis, *workers])
    if card in DATABASE:
        return database
    if card == "all workers killed":
        return ""
    return draw.choice(list(clouds))


def _strength(draw: random.Random, card: str) -> float:
    """How likely weather strikes; how far a clock jumps, in seconds."""
    if card.startswith("clock"):
        far = draw.choice([15.0, 90.0, 1200.0, 7200.0, 86_400.0])
        return far if card.endswith("forwards") else -far
    whole = card.endswith((proxy.GONE, proxy.HANGING))
    return 1.0 if whole and draw.random() < 0.7 else draw.choice([0.15, 0.3, 0.6])
