"""A hook of an adoption is one that is called: under another name nothing would fail, and the kind go without it."""

from __future__ import annotations

from pathlib import Path

from fractus.reconcile.adopt.adoption import Adoption
from fractus.testing.world import World


def unknown(one: object, protocol: type) -> set[str]:
    """The methods of a class for users that neither the protocol nor a base class has."""
    known = {name for base in (protocol, *type(one).__mro__[1:]) for name in dir(base)}
    own = {name for name, value in vars(type(one)).items() if callable(value) and not name.startswith("_")}
    return own - known


async def test_adoptions_have_the_hooks_that_are_called(tmp_path: Path) -> None:
    async with World(clouds=1, tmp_path=tmp_path) as world:
        adoptions = world.core.adoptions
    assert {kind: names for kind, one in adoptions.items() if (names := unknown(one, Adoption))} == {}
    assert len(adoptions) > 10
