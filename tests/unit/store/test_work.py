"""Work rows: claimed once, never lost, written only by whoever holds them (law 7)."""

from __future__ import annotations

import pytest

from fractus.base import log
from fractus.store import work
from fractus.store.work import Claim, LeaseLost
from fractus.testing.stores import AnyStore
from tests.unit.store.conftest import HandClock


async def wake(store: AnyStore, id: str = "1", cloud: str = "", due: float | None = None) -> None:
    async with store.transaction() as tx:
        await work.wake(tx, "box", id, cloud, due=due)


async def claim(store: AnyStore, owner: str = "me", limit: int = 10, cloud: str = "") -> list[Claim]:
    async with store.transaction() as tx:
        return await work.claim(tx, owner, await work.due(store, cloud, tx.now(), limit), 60.0)


async def only(store: AnyStore, id: str = "1") -> work.Pending:
    (pending,) = await work.about(store, "box", id)
    return pending


async def test_what_is_woken_twice_is_one_item(tables: AnyStore) -> None:
    await wake(tables)
    await wake(tables)
    assert [(one.kind, one.id) for one in await claim(tables)] == [("box", "1")]


async def test_what_is_woken_again_later_stays_due_as_soon_as_before(tables: AnyStore) -> None:
    await wake(tables)
    await wake(tables, due=5000.0)
    assert (await only(tables)).due_at == 1000.0


async def test_what_was_to_be_looked_at_later_may_be_woken_now(tables: AnyStore) -> None:
    await wake(tables, due=5000.0)
    assert await claim(tables) == []
    await wake(tables)
    assert len(await claim(tables)) == 1


async def test_an_item_is_claimed_once(tables: AnyStore) -> None:
    await wake(tables)
    assert len(await claim(tables, "me")) == 1
    assert await claim(tables, "another") == []


async def test_each_queue_has_its_own_items_and_the_oldest_come_first(
    tables: AnyStore, clock: HandClock
) -> None:
    for id in ("b", "a", "c"):
        await wake(tables, id, "east")
        clock.time += 1
    await wake(tables, "w", "west")
    assert [one.id for one in await claim(tables, limit=2, cloud="east")] == ["b", "a"]
    assert [one.id for one in await claim(tables, limit=2, cloud="east")] == ["c"]
    assert [one.id for one in await claim(tables, cloud="west")] == ["w"]
    assert await claim(tables) == []


async def test_what_is_finished_is_gone(tables: AnyStore) -> None:
    await wake(tables)
    (mine,) = await claim(tables)
    async with tables.transaction() as tx:
        await work.finish(tx, mine)
    assert await work.about(tables, "box", "1") == []


async def test_what_was_woken_while_it_was_looked_at_is_due_again_at_once(tables: AnyStore) -> None:
    await wake(tables)
    (mine,) = await claim(tables)
    await wake(tables)
    async with tables.transaction() as tx:
        await work.finish(tx, mine)
    pending = await only(tables)
    assert (pending.due_at, pending.claimed_by) == (1000.0, "")


async def test_nor_does_it_wait_if_it_was_woken_meanwhile(tables: AnyStore) -> None:
    await wake(tables)
    (mine,) = await claim(tables)
    await wake(tables)
    async with tables.transaction() as tx:
        await work.release(tx, mine, due=9000.0, waits_on="net/1", reason="waits")
    pending = await only(tables)
    assert (pending.due_at, pending.waits_on) == (1000.0, "")


async def test_what_waits_is_woken_by_what_it_waits_on(tables: AnyStore) -> None:
    await wake(tables, "1", "east")
    (mine,) = await claim(tables, cloud="east")
    async with tables.transaction() as tx:
        await work.release(tx, mine, due=9000.0, waits_on="net/1", reason="waits")
    assert await claim(tables, cloud="east") == []
    assert (await only(tables)).waits_on == "net/1"
    async with tables.transaction() as tx:
        assert await work.wake_waiting(tx, "net", "2") == []
        assert await work.wake_waiting(tx, "net", "1") == ["east"]
        assert await work.wake_waiting(tx, "net", "1") == [], "once is enough"
    assert len(await claim(tables, cloud="east")) == 1


async def test_what_is_woken_otherwise_waits_on_nothing_any_more(tables: AnyStore) -> None:
    await wake(tables)
    (mine,) = await claim(tables)
    async with tables.transaction() as tx:
        await work.release(tx, mine, due=9000.0, waits_on="net/1")
    await wake(tables)
    assert (await only(tables)).waits_on == ""


async def test_a_wake_that_comes_after_the_note_is_not_lost_either(tables: AnyStore) -> None:
    """Released and claimed anew by another; the first one's late note must not hide the wake."""
    await wake(tables)
    (first,) = await claim(tables)
    async with tables.transaction() as tx:
        await work.release(tx, first, due=1000.0)
    (second,) = await claim(tables, "another")
    await wake(tables)
    async with tables.transaction() as tx:
        await work.release(tx, first, due=9000.0)
        await work.finish(tx, first)
        await work.finish(tx, second)
    assert (await only(tables)).due_at == 1000.0


async def test_attempts_and_reason_are_kept_for_the_next_look(tables: AnyStore) -> None:
    await wake(tables)
    (mine,) = await claim(tables)
    async with tables.transaction() as tx:
        await work.release(tx, mine, due=1000.0, attempts=3, reason="east is down")
    assert (await only(tables)).reason == "east is down"
    (again,) = await claim(tables)
    assert again.attempts == 3
    async with tables.transaction() as tx:
        await work.release(tx, again, due=1000.0)
    assert (await only(tables)).attempts == 0, "what came further begins to count anew"


async def test_the_request_that_asked_for_it_is_known_to_whoever_does_it(tables: AnyStore) -> None:
    token = log.request_id.set("req-1")
    await wake(tables)
    log.request_id.reset(token)
    await wake(tables)
    (mine,) = await claim(tables)
    assert mine.request_id == "req-1", "a wake of the machine's own does not hide it"


# --- law 7: leases ------------------------------------------------------------------------------


async def test_law_7_a_lease_that_ran_out_may_be_taken_and_the_first_holder_is_refused(
    tables: AnyStore, clock: HandClock
) -> None:
    await wake(tables)
    (old,) = await claim(tables, "me")
    clock.time += 61
    (new,) = await claim(tables, "another")
    assert new.fence != old.fence
    with pytest.raises(LeaseLost, match="box/1@"):
        await _hold(tables, old)
    async with tables.transaction() as tx:
        await work.finish(tx, old)
        await work.release(tx, old, due=9999.0)
    pending = await only(tables)
    assert (pending.claimed_by, pending.due_at) == ("another", 1000.0), (
        "nothing of the first one's was written"
    )
    await _hold(tables, new)


async def _hold(store: AnyStore, claim: Claim) -> None:
    async with store.transaction() as tx:
        await work.hold(tx, claim, 60.0)


async def test_law_7_a_lease_that_ran_out_and_was_not_taken_is_still_ours(
    tables: AnyStore, clock: HandClock
) -> None:
    await wake(tables)
    (mine,) = await claim(tables)
    clock.time += 61
    await _hold(tables, mine)
    assert await claim(tables, "another") == []


async def test_holding_extends(tables: AnyStore, clock: HandClock) -> None:
    await wake(tables)
    (mine,) = await claim(tables)
    for _ in range(3):
        clock.time += 50
        await _hold(tables, mine)
    assert await claim(tables, "another") == []


async def test_a_claim_that_was_undone_is_no_claim(tables: AnyStore) -> None:
    await wake(tables)

    async def broken() -> None:
        async with tables.transaction() as tx:
            await work.claim(tx, "me", await work.due(tables, "", tx.now(), 10), 60.0)
            raise LookupError

    with pytest.raises(LookupError):
        await broken()
    assert len(await claim(tables, "another")) == 1


async def test_what_a_dead_worker_held_is_given_back(tables: AnyStore) -> None:
    await wake(tables, "1")
    await wake(tables, "2")
    (dead,) = await claim(tables, "dead", limit=1)
    await claim(tables, "alive", limit=1)
    assert sorted(await work.owners(tables)) == ["alive", "dead"]
    async with tables.transaction() as tx:
        assert await work.free(tx, "dead") == 1
    assert await work.owners(tables) == ["alive"]
    assert [one.id for one in await claim(tables, "another")] == [dead.id]
    with pytest.raises(LeaseLost):
        await _hold(tables, dead)


# --- figures ------------------------------------------------------------------------------------


async def test_figures(tables: AnyStore, clock: HandClock) -> None:
    assert await work.next_due(tables, "east") is None
    await wake(tables, "1", "east", due=1500.0)
    await wake(tables, "2", "east", due=1200.0)
    await wake(tables, "3", "west", due=900.0)
    assert await work.next_due(tables, "east") == 1200.0
    assert await work.depths(tables, 1300.0) == {"east": 1, "west": 1}
    clock.time = 1300.0
    await claim(tables, cloud="east")
    assert await work.next_due(tables, "east") == 1500.0
    assert await work.expired(tables, "east", 1300.0) == 0
    assert await work.expired(tables, "east", 1400.0) == 1
    async with tables.transaction() as tx:
        await work.forget_cloud(tx, "east")
    assert await work.depths(tables, 9999.0) == {"west": 1}


async def test_a_backlog_is_woken_in_slices(tables: AnyStore) -> None:
    async with tables.transaction() as tx:
        for number in range(25):
            await work.wait(tx, "server", f"s{number:02d}", "east", "cloud/east", 9000.0)
        await work.wait(tx, "server", "other", "west", "cloud/west", 9000.0)
    woken = []
    more = True
    while more:
        async with tables.transaction() as tx:
            more = await work.wake_some(tx, "cloud", "east", 10)
        woken.append(len(await work.due(tables, "east", 2000.0, 100)))
    assert woken == [10, 20, 25]
    assert not await work.anything_waits(tables, "cloud", "east")
    assert await work.anything_waits(tables, "cloud", "west")


async def test_what_is_settled_without_a_look_is_let_go_of_only_where_nobody_holds_it(
    tables: AnyStore,
) -> None:
    async with tables.transaction() as tx:
        await work.wake(tx, "server", "held", "east", due=1.0)
        await work.wake(tx, "server", "free", "east", due=1.0)
    (mine,) = [one for one in await work.due(tables, "east", 5000.0, 10) if one.id == "held"]
    async with tables.transaction() as tx:
        assert await work.claim(tx, "me", [mine], 60.0) == [mine]
    async with tables.transaction() as tx:
        assert not await work.drop_free(tx, "server", "held", "east")
        assert not await work.put_off(tx, "server", "held", "east", 7000.0)
        assert await work.put_off(tx, "server", "free", "east", 7000.0)
        assert not await work.is_free(tx, "server", "held", "east")
        assert await work.is_free(tx, "server", "free", "east")
        assert await work.drop_free(tx, "server", "free", "east")
        assert not await work.drop_free(tx, "server", "free", "east")
        assert not await work.is_free(tx, "server", "free", "east")
    assert await work.about(tables, "server", "free") == []
    (held,) = await work.about(tables, "server", "held")
    assert held.claimed_by == "me"


async def test_who_waits_from_the_beginning_is_woken_by_what_it_waits_for(tables: AnyStore) -> None:
    async with tables.transaction() as tx:
        await work.wait(tx, "server", "s1", "east", "port/p1", 9000.0)
    assert await work.due(tables, "east", 2000.0, 10) == []
    async with tables.transaction() as tx:
        assert await work.wake_waiting(tx, "port", "p1") == ["east"]
    assert [one.id for one in await work.due(tables, "east", 2000.0, 10)] == ["s1"]


async def test_work_that_is_there_already_does_not_begin_to_wait(tables: AnyStore) -> None:
    async with tables.transaction() as tx:
        await work.wake(tx, "server", "s1", "east")
        await work.wait(tx, "server", "s1", "east", "port/p1", 9000.0)
    assert [one.id for one in await work.due(tables, "east", 2000.0, 10)] == ["s1"]
