"""What holds for every kind of thing in every kind of cloud. The machine relies on each of these."""

from __future__ import annotations

import pytest

from fractus.base.ids import new_id
from fractus.model.cloud import Step
from fractus.model.errors import Missing, Refused
from tests.contract import things
from tests.contract.subjects import Subject
from tests.contract.things import KINDS, OF_PROJECTS, WANTED

every_kind = pytest.mark.parametrize("kind", KINDS)


@every_kind
async def test_what_is_made_says_whose_it_is(cloud: Subject, kind: str) -> None:
    """A thing without our marker would be nobody's after a crash: it could neither be found nor be removed."""
    wanted = await WANTED[kind](cloud, cloud.ann)
    made = await cloud.make(kind, wanted)
    assert made.remote_id
    assert made.marker == wanted.id
    seen = await cloud[kind].observe(cloud.ann, made.remote_id)
    assert (seen.remote_id, seen.marker, seen.gone) == (made.remote_id, wanted.id, False)


@every_kind
async def test_what_was_made_is_found_by_its_marker(cloud: Subject, kind: str) -> None:
    """The answer to a create may be lost; looking before it is repeated is all that stands against a double."""
    wanted = await WANTED[kind](cloud, cloud.ann)
    assert await cloud[kind].find(cloud.ann, wanted) is None, "nothing is found where nothing was made"
    made = await cloud.make(kind, wanted)
    found = await cloud[kind].find(cloud.ann, wanted)
    assert found is not None
    assert (found.remote_id, found.marker) == (made.remote_id, wanted.id)


@every_kind
async def test_a_stranger_s_marker_is_not_ours(cloud: Subject, kind: str) -> None:
    """A find that took any thing of the same name would adopt, and one day delete, what is not ours (law 6)."""
    wanted = await WANTED[kind](cloud, cloud.ann)
    await cloud.make(kind, wanted)
    other = type(wanted)(**{**_fields(wanted), "id": new_id()})
    if kind == "port":
        # A port is also known by its MAC, of which there is one in a network.
        other = things.port_of(things.Net(wanted.network_id, wanted.fixed_ips[0].subnet_id), "10.77.0.51")
    assert await cloud[kind].find(cloud.ann, other) is None


def _fields(wanted: object) -> dict[str, object]:
    return {name: getattr(wanted, name) for name in wanted.__struct_fields__}  # type: ignore[attr-defined]


@every_kind
async def test_a_deleted_thing_is_missing(cloud: Subject, kind: str) -> None:
    """`Missing` ends a tombstone (law 5): said too early it leaves an orphan, never said it keeps the row for ever."""
    made = await cloud.make(kind, await WANTED[kind](cloud, cloud.ann))
    await cloud[kind].delete(cloud.ann, made.remote_id)
    await cloud.gone(kind, made.remote_id)
    with pytest.raises(Missing):
        await cloud[kind].delete(cloud.ann, made.remote_id)


@every_kind
async def test_what_never_was_is_missing(cloud: Subject, kind: str) -> None:
    """An id that a cloud does not know must not look like a fault that passes: it would be retried for ever."""
    with pytest.raises(Missing):
        await cloud[kind].observe(cloud.ann, new_id())


@every_kind
async def test_after_a_delete_its_marker_finds_nothing(cloud: Subject, kind: str) -> None:
    """Found again after its end, a thing would be taken for alive and never be made anew."""
    wanted = await WANTED[kind](cloud, cloud.ann)
    made = await cloud.make(kind, wanted)
    await cloud[kind].delete(cloud.ann, made.remote_id)
    await cloud.gone(kind, made.remote_id)
    assert await cloud[kind].find(cloud.ann, wanted) is None


@every_kind
async def test_a_full_listing_shows_it_once_and_then_no_more(cloud: Subject, kind: str) -> None:
    """The sweep is the truth behind all wake-ups: what it does not list counts as gone, what it lists as there."""
    wanted = await WANTED[kind](cloud, cloud.ann)
    made = await cloud.make(kind, wanted)
    listed = await cloud.listed(kind)
    assert listed[made.remote_id].marker == wanted.id
    assert [seen.remote_id for seen in listed.values() if seen.marker == wanted.id] == [made.remote_id]
    await cloud[kind].delete(cloud.ann, made.remote_id)
    await cloud.gone(kind, made.remote_id)
    assert made.remote_id not in await cloud.listed(kind)


@every_kind
async def test_a_listing_since_its_own_stamp_shows_a_new_thing(cloud: Subject, kind: str) -> None:
    """The cursor of sweeps is the cloud's own stamp (law 4): things that carry it must be listed again, not skipped."""
    made = await cloud.make(kind, await WANTED[kind](cloud, cloud.ann))
    seen = await cloud[kind].observe(cloud.ann, made.remote_id)
    assert made.remote_id in await cloud.listed(kind, seen.changed_at)


@every_kind
async def test_an_unknown_verb_is_refused(cloud: Subject, kind: str) -> None:
    """A step that is passed over in silence would count as done (law 10)."""
    made = await cloud.make(kind, await WANTED[kind](cloud, cloud.ann))
    with pytest.raises(Refused):
        await cloud[kind].apply(cloud.ann, made.remote_id, Step("no_such_verb"))


@pytest.mark.parametrize("kind", OF_PROJECTS)
async def test_two_projects_are_separate(cloud: Subject, kind: str) -> None:
    """Tenants share a cloud: names, addresses and markers of one must neither clash with nor show up for another."""
    of_ann = await WANTED[kind](cloud, cloud.ann)
    made = await cloud.make(kind, of_ann, cloud.ann)
    assert await cloud[kind].find(cloud.ben, of_ann) is None
    of_ben = await WANTED[kind](cloud, cloud.ben)
    twin = await cloud.make(kind, of_ben, cloud.ben)
    assert twin.remote_id != made.remote_id
    await cloud[kind].delete(cloud.ben, twin.remote_id)
    await cloud.gone(kind, twin.remote_id, cloud.ben)
    assert (await cloud[kind].observe(cloud.ann, made.remote_id)).marker == of_ann.id
