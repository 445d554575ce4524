"""What is declared of a field beside it, and what drivers read of that."""

from __future__ import annotations

from typing import Annotated

import msgspec
import pytest
from msgspec import UNSET, UnsetType

from fractus.clouds.openstack.neutron import NeutronKind
from fractus.model.cloud import Observed, Wanted
from fractus.model.errors import Refused
from fractus.model.wire import Vocabulary, Wire


class ScopeWanted(Wanted, frozen=True, kw_only=True):
    ip_version: int
    weight: Annotated[int, Wire(extension="weights", purpose="a weight", unsaid=True, mutable=True)] = 0
    parent: Annotated[str | None, Wire(name="parent_id", refers="scope", given_out=True, mutable=True)] = None
    is_open: Annotated[bool, Wire(name="shared", unsaid=True, admin=True, mutable=True)] = False
    members: Annotated[list[str], Wire(separate=True)] = []
    known_here: Annotated[bool, Wire(extension="known", purpose="knowledge", absent=True)] = True


class ScopeObserved(Observed, frozen=True, kw_only=True):
    weight: int = 0
    parent: str | UnsetType | None = UNSET
    is_open: bool | None = None
    known_here: bool | None = None
    state: Annotated[str, Wire(name="status")] = ""


SCOPE = Vocabulary("scope", ScopeWanted, ScopeObserved, path="/odd-scopes")


class _Child:
    name = "east"

    @staticmethod
    def judged(marker: str, by: str) -> dict[str, str]:
        return {"marker": marker, "managed_by": ""}


@pytest.fixture
def kind() -> NeutronKind[ScopeWanted, ScopeObserved]:
    return NeutronKind(_Child(), SCOPE)  # type: ignore[arg-type]


def test_each_side_has_its_fields_and_what_is_said_of_one_holds_for_both() -> None:
    assert [one.name for one in SCOPE.said] == [
        "ip_version", "weight", "parent", "is_open", "members", "known_here",
    ]  # fmt: skip
    assert [one.wire for one in SCOPE.shown] == ["weight", "parent_id", "shared", "known_here", "status"]
    assert [one.name for one in SCOPE.compared] == ["weight", "parent", "is_open"]
    assert set(SCOPE.changeable) == {"weight", "parent_id", "shared"}
    assert (SCOPE.collection, SCOPE.path) == ("scopes", "/odd-scopes")


@pytest.mark.parametrize(
    ("wanted", "extensions", "body"),
    [
        ({}, [], {"ip_version": 4, "parent_id": None}),
        ({}, ["known", "weights"], {"ip_version": 4, "parent_id": None, "known_here": True}),
        ({"weight": 3, "parent": "p"}, ["weights"], {"ip_version": 4, "parent_id": "p", "weight": 3}),
        ({"is_open": True, "members": ["m"]}, [], {"ip_version": 4, "parent_id": None, "shared": True}),
    ],
)
def test_a_body_says_what_is_no_default(
    kind: NeutronKind[ScopeWanted, ScopeObserved],
    wanted: dict[str, object],
    extensions: list[str],
    body: dict[str, object],
) -> None:
    said = ScopeWanted(id="w", ip_version=4, **wanted)  # type: ignore[arg-type]
    assert kind.body(said, frozenset(extensions)) == body


@pytest.mark.parametrize(("field", "sentence"), [("weight", "a weight"), ("known_here", "knowledge")])
def test_what_the_child_has_no_field_for_is_refused(
    kind: NeutronKind[ScopeWanted, ScopeObserved], field: str, sentence: str
) -> None:
    wanted = ScopeWanted(id="w", ip_version=4, **{field: 3 if field == "weight" else False})  # type: ignore[arg-type]
    with pytest.raises(Refused, match=f"east cannot give {sentence}") as refused:
        kind.body(wanted, frozenset())
    assert refused.value.elsewhere


@pytest.mark.parametrize(
    ("printed", "seen"),
    [
        ({}, {"parent": UNSET, "is_open": None, "known_here": True, "weight": 0, "state": ""}),
        ({"parent_id": None, "shared": None, "weight": None}, {"parent": None, "is_open": None, "weight": 0}),
        ({"parent_id": "p", "shared": False, "status": "UP"}, {"parent": "p", "is_open": False, "state": "UP"}),
        ({"known_here": False, "weight": 7}, {"known_here": False, "weight": 7}),
    ],
)  # fmt: skip
def test_what_a_document_does_not_say_is_not_concluded(
    kind: NeutronKind[ScopeWanted, ScopeObserved], printed: dict[str, object], seen: dict[str, object]
) -> None:
    read = kind.read(msgspec.json.encode({"id": "r", "description": "fractus:w", **printed}))
    assert read is not None
    assert (read.remote_id, read.marker) == ("r", "w")
    assert {name: getattr(read, name) for name in seen} == seen
