"""The crash matrix: a story is run again and again, with the worker killed at another place each time.

First it is run without a fault, and every outside change that the worker makes is noted. Then, for each of these,
three times: killed just before it, killed just after it (the cloud has done it, nobody wrote that down), and its answer
lost. After a kill a new worker takes over. In the end clouds and API must look as they did the first time, names of
things aside, and no cloud may ever have held anything twice.

A story is a generator: what it does before its one `yield` is run without a fault, every time.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from fractus.clouds.simulated.faults import OutsideCall
from fractus.model.installation import origin
from fractus.testing.world import Killed, World

Story = Callable[[World], AsyncIterator[None]]
NewWorld = Callable[[Path], World]

BEFORE, AFTER, LOST = "killed before", "killed after", "answer lost"

#: Listings whose content belongs to the end state, as an administrator sees them.
LISTINGS = (
    "/compute/v2.1/servers/detail?all_tenants=1",
    "/compute/v2.1/flavors/detail",
    "/network/v2.0/networks",
    "/network/v2.0/subnets",
    "/network/v2.0/ports",
    "/network/v2.0/routers",
    "/network/v2.0/security-groups",
    "/image/v2/images",
)


class Spot(Struct, frozen=True):
    """One outside change of a story: the n-th of its sort."""

    cloud: str
    kind: str
    method: str
    number: int

    def __str__(self) -> str:
        return f"{self.method} of {self.kind} #{self.number} in {self.cloud}"


class Played(Struct, frozen=True):
    """What a story came to: its outside changes, its end state, and what was wrong on the way.

    `done`: the changes that the clouds have made. Another was asked for and refused: what was to be removed is gone
    already.
    """

    spots: list[Spot]
    state: Mapping[str, Any]
    wrongs: list[str]
    done: frozenset[Spot] = frozenset()


class _Watch:
    """Notes the outside changes of all clouds of one world, and strikes at one of them."""

    def __init__(self, world: World, target: Spot | None, how: str) -> None:
        self._world = world
        self._target = target
        self._how = how
        self._counts: Counter[tuple[str, str, str]] = Counter()
        self._killed = 0
        self.struck = False
        self.spots: list[Spot] = []
        self.done: set[Spot] = set()
        self.doubles: list[str] = []
        for cloud in world.clouds:
            cloud.faults.before_change = self._before
            cloud.faults.after_change = self._after

    def _before(self, call: OutsideCall) -> None:
        if self._killed > self._world.deaths:
            # What else the dead process had under way died with it.
            raise Killed
        key = (call.cloud, call.kind, call.method)
        self._counts[key] += 1
        self.spots.append(Spot(*key, self._counts[key]))
        if not self._at_target():
            return
        if self._how == BEFORE:
            self._kill()
        elif self._how == LOST:
            self.struck = True
            self._world.cloud(call.cloud).faults.loses_reply_once(call.kind, call.method)

    def _after(self, call: OutsideCall) -> None:
        self.done.add(self.spots[-1])
        if call.method == "create" and len(self._world.cloud(call.cloud).marked(call.kind, call.id)) > 1:
            self.doubles.append(f"{call.kind} {call.id} was twice in {call.cloud}")
        if self._how == AFTER and self._at_target():
            self._kill()

    def _at_target(self) -> bool:
        return not self.struck and self.spots[-1] == self._target

    def _kill(self) -> None:
        self.struck = True
        self._killed += 1
        raise Killed


class CrashMatrix:
    """Runs one story in all its variants."""

    def __init__(
        self,
        story: Story,
        new_world: NewWorld,
        directory: Path,
        *,
        listings: Sequence[str] = LISTINGS,
        compares: Callable[[str], bool] = lambda _: True,
    ) -> None:
        """`new_world` makes a world, not entered yet, in a directory of its own.

        `compares` says which parts of the end state must be equal: listings by their path, what clouds hold by
        `<kind> in <cloud>`.
        """
        self._story = story
        self._new_world = new_world
        self._directory = directory
        self._listings = listings
        self._compares = compares
        self._number = 0

    async def run(self, *, at: Callable[[Spot], bool] = lambda _: True) -> list[str]:
        """Tell it in all variants; what went otherwise than without a fault, a paragraph each. Empty: all is well.

        `at`: at which of its changes something goes wrong; the others are left to other stories.
        """
        plain = await self.play(None, "")
        assert not plain.wrongs, "even without a fault: " + "; ".join(plain.wrongs)
        spots = [spot for spot in plain.spots if at(spot)]
        assert spots, "the story changes nothing of that in any cloud: there is nowhere to crash"
        found = []
        for spot in spots:
            for how in (BEFORE, AFTER, LOST) if spot in plain.done else (BEFORE, LOST):
                played = await self.play(spot, how)
                wrongs = played.wrongs + differences(plain.state, played.state)
                found += [f"{how}: {spot}: {wrong}" for wrong in wrongs]
        return found

    async def play(self, spot: Spot | None, how: str) -> Played:
        """Tell the story once, with a fault of sort `how` at `spot`."""
        self._number += 1
        directory = self._directory / f"world-{self._number}"
        directory.mkdir(parents=True)
        watch: _Watch | None = None
        wrongs = []
        async with self._new_world(directory) as world:
            try:
                async for _ in self._story(world):
                    await world.settle()
                    watch = _Watch(world, spot, how)
                await world.settle()
                # When what a cloud does by itself (a port that goes DOWN with its server) is seen depends on
                # the pace of sweeps: in either life it is looked at now.
                await world.sweep(full=True)
                await world.settle()
                await world.assert_no_orphans()
            except AssertionError as wrong:
                wrongs.append(str(wrong))
            if watch is None:
                raise AssertionError(wrongs or "the story does not yield") from None
            if spot is not None and not watch.struck:
                wrongs.append("was never met: the story is not the same every time")
            state = await state_of(world, self._listings)
        compared = {key: value for key, value in state.items() if self._compares(key)}
        return Played(watch.spots, compared, wrongs + watch.doubles, frozenset(watch.done))


# ---------------------------------------------------------------------- comparing

_BY_CHANCE = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<id>"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "<id>"),
    (re.compile(r"\b[0-9a-f]{12}\b"), "<origin>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)?"), "<time>"),
    (re.compile(r"(?<![0-9a-f:])(?:[0-9a-f]{2}:){5}[0-9a-f]{2}(?![0-9a-f:])"), "<mac>"),
)

#: Of a record in a cloud: what depends on when things happened, or on how many there were before.
_LEFT_OUT = frozenset({"created_at", "changed_at", "next", "next_at", "launched_at", "number", "host"})


class Plain:
    """Takes out of documents what is another every time, and puts the names of things for their ids."""

    def __init__(self, labels: Mapping[str, str]) -> None:
        """`labels`: what to put for an id."""
        self._labels = labels

    def text(self, text: str) -> str:
        """`text` without ids, stamps and MAC addresses."""
        for pattern, stands_for in _BY_CHANCE:
            for found in set(pattern.findall(text)):
                text = text.replace(found, self._labels.get(found, stands_for))
        return text

    def value(self, value: Any) -> Any:
        """The same for a whole document. Lists are put in order, for ids decide the order of many."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key): self.value(value[key]) for key in sorted(value)}
        if isinstance(value, list):
            return sorted((self.value(one) for one in value), key=_in_order)
        return value


def _in_order(value: Any) -> bytes:
    return msgspec.json.encode(value, order="sorted")


async def state_of(world: World, listings: Sequence[str] = LISTINGS) -> Mapping[str, Any]:
    """What clouds hold of ours and what an administrator sees, in comparable form."""
    ours = [
        (cloud.name, thing)
        for cloud in world.clouds
        for things in cloud.backend.things().values()
        for thing in things
        if thing.marker
    ]
    installation = await world.core.children.know(world.core.store)
    labels = {origin(installation, cloud.name): f"<ours in {cloud.name}>" for cloud in world.clouds}
    for _, thing in ours:
        labels[thing.id] = labels[thing.marker] = f"<{thing.KIND} {Plain({}).text(thing.name)}>"
    plain = Plain(labels)
    state: dict[str, Any] = {}
    for cloud_name, thing in ours:
        document = {key: value for key, value in msgspec.to_builtins(thing).items() if key not in _LEFT_OUT}
        if "boots" in document:
            document["boots"] = len(document["boots"])
        state.setdefault(f"{thing.KIND} in {cloud_name}", []).append(document)
    for path in listings:
        state[path] = (await world.admin.get(path)).ok()
    return {key: plain.value(value) for key, value in state.items()}


def differences(expected: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """Where two states differ, a paragraph each: lines that are missing (-) and lines that are new (+)."""
    paragraphs = []
    for key in sorted(expected.keys() | found.keys()):
        sides = [_lines(side.get(key)) for side in (expected, found)]
        if sides[0] != sides[1]:
            changed = [line for line in difflib.ndiff(sides[0], sides[1]) if line[0] in "+-"]
            paragraphs.append("\n    ".join([key, *changed]))
    return paragraphs


def _lines(value: Any) -> list[str]:
    return msgspec.json.format(msgspec.json.encode(value)).decode().splitlines()
