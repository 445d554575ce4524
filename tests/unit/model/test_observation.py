"""What was last seen of a presence, in the words of its kind."""

from __future__ import annotations

from fractus.model.network import PortObserved
from fractus.model.observation import observed_as
from fractus.model.resource import Presence
from fractus.model.servers import ServerObserved


def presence(**observed: str) -> Presence:
    return Presence(kind="port", id="p1", cloud="east", observed={"remote_id": "r1", **observed})


def test_what_replaces_it_is_what_was_seen() -> None:
    one = presence(status="DOWN")
    down = observed_as(one, PortObserved)
    assert down is not None
    assert (down.status, observed_as(one, PortObserved)) == ("DOWN", down)
    one.observed = {"remote_id": "r1", "status": "ACTIVE"}
    up = observed_as(one, PortObserved)
    assert up is not None
    assert up.status == "ACTIVE"
    one.observed = None
    assert observed_as(one, PortObserved) is None


def test_each_kind_has_its_own_words_and_each_presence_its_own_sight() -> None:
    one, other = presence(status="DOWN"), presence(status="ACTIVE")
    both = [observed_as(each, PortObserved) for each in (one, other)]
    assert [seen.status for seen in both if seen is not None] == ["DOWN", "ACTIVE"]
    assert isinstance(observed_as(one, ServerObserved), ServerObserved)


def test_many_are_distinguished() -> None:
    for number in range(10_000):
        seen = observed_as(presence(name=str(number)), PortObserved)
        assert seen is not None
        assert seen.name == str(number)
