"""Where the resources of a kind live, and what follows from that: declared once per kind, in one line.

traits = assigned()                         a server
traits = carried(needed_after_delete=True)  a flavor
traits = LOCAL                              a quota
"""

from __future__ import annotations

from enum import Enum

from msgspec import Struct


class Placement(Enum):
    """What decides in which clouds a resource has presences.

    ASSIGNED: a cloud is chosen for it when it is made. CARRIED: it comes to a cloud when something there needs it.
    FOLLOWS: it is in exactly those clouds where what it relates is. LOCAL: it is in no cloud.
    """

    ASSIGNED = "assigned"
    CARRIED = "carried"
    FOLLOWS = "follows"
    LOCAL = "local"


class NeedsAt(Enum):
    """When what a resource needs must be in its cloud.

    AT_CREATE: when it is made there; once it is, it outlives what it was made of (a server its image). ALWAYS: at every
    look, for as long as it is there.
    """

    AT_CREATE = "at create"
    ALWAYS = "always"


class Traits(Struct, frozen=True):
    """What the machine must know of a kind to place it, keep it and remove it."""

    placement: Placement
    holds_data: bool = False
    """What is in the cloud cannot be made again from here: it is never quietly made anew there, it ends where its cloud
    is forgotten, and a second one with its marker is not removed on the strength of its name
    (`fractus.reconcile.guard.returned`).
    """
    needs_at: NeedsAt = NeedsAt.ALWAYS
    async_delete: bool = False
    """Its cloud answers a delete before it has done it: only when the thing is not there any more is it confirmed."""
    trust_sweeps: bool = False
    """What a sweep saw a moment ago counts as a look; else each presence is looked at before it is changed."""
    needed_after_delete: bool = False
    """What was asked for while it was there is built with it, though it was deleted since (a flavor, a key): it is
    carried after its end too, and leaves each cloud with the last that needs it there.
    """
    follows: frozenset[str] = frozenset()
    """The kinds that decide where it is, of all that it needs (`fractus.reconcile.converge.following` has the rule)."""

    @property
    def assigned(self) -> bool:
        """Whether a cloud is chosen for each."""
        return self.placement is Placement.ASSIGNED


def assigned(
    *,
    holds_data: bool = True,
    needs_at: NeedsAt = NeedsAt.AT_CREATE,
    async_delete: bool = True,
    trust_sweeps: bool = True,
) -> Traits:
    """A cloud is chosen for each, which has its data, and takes its time to make and to delete it."""
    return Traits(
        Placement.ASSIGNED,
        holds_data=holds_data,
        needs_at=needs_at,
        async_delete=async_delete,
        trust_sweeps=trust_sweeps,
    )


def carried(*, needed_after_delete: bool = False) -> Traits:
    """Comes to a cloud when something there needs it, and can be made again there at any time."""
    return Traits(Placement.CARRIED, needed_after_delete=needed_after_delete)


def follows(*kinds: str, async_delete: bool = False, holds_data: bool = False) -> Traits:
    """Is wherever those of these kinds are that it needs: where all are that it waits for, or, where it waits for none,
    where any is.
    """
    return Traits(
        Placement.FOLLOWS, follows=frozenset(kinds), async_delete=async_delete, holds_data=holds_data
    )


LOCAL = Traits(Placement.LOCAL)
"""Only with us."""
