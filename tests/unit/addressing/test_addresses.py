from __future__ import annotations

import asyncio
import ipaddress
import random
import time

import pytest

from fractus.addressing.addresses import Addresses, AddressTaken, cloud_holder
from fractus.addressing.macs import Macs, MacTaken
from fractus.addressing.ranges import Range, default_pools, number, without
from fractus.store.retrying import again
from fractus.store.transaction import Transaction
from fractus.testing.stores import AnyStore

book = Addresses()


def pools(cidr: str, gateway: str | None = None) -> list[Range]:
    return default_pools(ipaddress.ip_network(cidr), None if gateway is None else number(gateway))


async def opened(store: AnyStore, cidr: str, gateway: str | None = None) -> None:
    async with store.transaction() as tx:
        await book.open(tx, "net", pools(cidr, gateway), ipaddress.ip_network(cidr).version)


async def test_next_is_the_lowest_free_one(store: AnyStore) -> None:
    await opened(store, "10.0.0.0/29", "10.0.0.1")
    async with store.transaction() as tx:
        await book.reserve(tx, "net", "10.0.0.3", "port/a", 4)
        given = [await book.reserve_next(tx, "net", "port/b") for _ in range(5)]
    assert given == ["10.0.0.2", "10.0.0.4", "10.0.0.5", "10.0.0.6", None]


async def test_an_address_has_one_holder(store: AnyStore) -> None:
    await opened(store, "10.0.0.0/29")
    async with store.transaction() as tx:
        await book.reserve(tx, "net", "10.0.0.3", "port/a", 4)
        with pytest.raises(AddressTaken) as caught:
            await book.reserve(tx, "net", "10.0.0.3", "port/b", 4)
    assert caught.value.holder == "port/a"
    assert await book.holder_of(store, "net", "10.0.0.3", 4) == "port/a"


async def test_what_is_given_back_is_joined_with_its_neighbours(store: AnyStore) -> None:
    await opened(store, "10.0.0.0/24")
    whole = pools("10.0.0.0/24")
    async with store.transaction() as tx:
        for last in (5, 6, 7, 200):
            await book.reserve(tx, "net", f"10.0.0.{last}", f"port/{last}", 4)
    assert len(await book.free(store, "net")) == 3
    async with store.transaction() as tx:
        for last in (6, 5, 200, 7):
            assert await book.release(tx, f"port/{last}") == 1
    assert await book.free(store, "net") == whole


async def test_an_address_outside_the_pools_does_not_come_back_into_them(store: AnyStore) -> None:
    await opened(store, "10.0.0.0/29", "10.0.0.1")
    before = await book.free(store, "net")
    async with store.transaction() as tx:
        await book.reserve(tx, "net", "10.0.0.1", "port/gateway", 4)
        await book.release(tx, "port/gateway")
    assert await book.free(store, "net") == before


async def test_release_can_be_asked_of_single_addresses(store: AnyStore) -> None:
    await opened(store, "10.0.0.0/29")
    async with store.transaction() as tx:
        for _ in range(3):
            await book.reserve_next(tx, "net", "port/a")
        assert await book.release(tx, "port/a", subnet_id="net", ips=["10.0.0.2"]) == 1
        assert await book.release(tx, "port/a", subnet_id="other") == 0
    assert await book.held_by(store, "port/a") == [("net", "10.0.0.1"), ("net", "10.0.0.3")]


async def test_a_clouds_share_lies_at_the_end(store: AnyStore) -> None:
    await opened(store, "10.0.0.0/29")
    async with store.transaction() as tx:
        assert await book.reserve_last(tx, "net", 2, "cloud/a") == [
            Range(number("10.0.0.5"), number("10.0.0.6"))
        ]
        await book.reserve(tx, "net", "10.0.0.4", "port/a", 4)
        apart = await book.reserve_last(tx, "net", 9, "cloud/b")
    assert apart == [Range(number("10.0.0.1"), number("10.0.0.3"))], "fewer where fewer are free"
    async with store.transaction() as tx:
        await book.release(tx, "cloud/a")
    assert await book.free(store, "net") == [Range(number("10.0.0.5"), number("10.0.0.6"))]


async def test_a_cloud_gets_its_share_once_or_the_one_that_it_has(store: AnyStore) -> None:
    await opened(store, "10.0.0.0/28")
    async with store.transaction() as tx:
        assert await book.set_aside(tx, "net", "a", pools("10.0.0.0/28")) == [
            Range(number("10.0.0.13"), number("10.0.0.14"))
        ]
        await book.reserve(tx, "net", "10.0.0.3", "port/a", 4)
        found = [Range(number("10.0.0.2"), number("10.0.0.4"))]
        await book.set_aside_as_found(tx, "net", "b", found, 4)
    held = await book.held_by(store, cloud_holder("b"))
    assert held == [("net", "10.0.0.2"), ("net", "10.0.0.4")], "what somebody holds stays theirs"
    assert await book.holder_of(store, "net", "10.0.0.3", 4) == "port/a"


async def test_other_pools_leave_what_is_held(store: AnyStore) -> None:
    await opened(store, "10.0.0.0/24")
    async with store.transaction() as tx:
        await book.reserve(tx, "net", "10.0.0.10", "port/a", 4)
        await book.reserve(tx, "net", "10.0.0.100", "port/b", 4)
        await book.reshape(tx, "net", [Range(number("10.0.0.90"), number("10.0.0.110"))], 4)
        assert await book.reserve_next(tx, "net", "port/c") == "10.0.0.90"
        await book.release(tx, "port/a")
        await book.release(tx, "port/b")
        await book.release(tx, "port/c")
    free = await book.free(store, "net")
    assert free == [Range(number("10.0.0.90"), number("10.0.0.110"))], "10.0.0.10 is in no pool now"


async def test_ipv6_pools_are_one_row(store: AnyStore) -> None:
    await opened(store, "fd00::/64", "fd00::")
    async with store.transaction() as tx:
        assert await book.reserve_next(tx, "net", "port/a") == "fd00::1"
        await book.reserve(tx, "net", "fd00::f816:3eff:fe8e:cd9e", "port/a", 6)
        assert await book.reserve_last(tx, "net", 1, "cloud/a") == [
            Range(*[number("fd00::ffff:ffff:ffff:ffff")] * 2)
        ]
    assert len(await book.free(store, "net")) == 2


async def test_closing_forgets_everything(store: AnyStore) -> None:
    await opened(store, "10.0.0.0/29")
    async with store.transaction() as tx:
        await book.reserve_next(tx, "net", "port/a")
        await book.close(tx, "net")
        assert await book.release(tx, "port/a") == 0, "and a late release brings nothing back"
    assert await book.free(store, "net") == []


async def test_many_at_once_get_one_each(store: AnyStore) -> None:
    await opened(store, "10.0.0.0/26")

    async def one(number: int) -> str | None:
        async with store.transaction() as tx:
            return await book.reserve_next(tx, "net", f"port/{number}")

    given = await asyncio.gather(*(again(lambda n=n: one(n), patience=60.0) for n in range(80)))
    got = [ip for ip in given if ip is not None]
    assert len(got) == len(set(got)) == 62
    assert given.count(None) == 18


async def test_any_history_ends_in_what_the_arithmetic_says(store: AnyStore) -> None:
    await opened(store, "10.0.0.0/27", "10.0.0.9")
    dice = random.Random(7)
    held: dict[str, int] = {}
    async with store.transaction() as tx:
        for step in range(400):
            if held and dice.random() < 0.5:
                holder = dice.choice(sorted(held))
                await book.release(tx, holder)
                del held[holder]
                continue
            holder = f"port/{step}"
            if dice.random() < 0.5:
                ip = await book.reserve_next(tx, "net", holder)
                if ip is not None:
                    held[holder] = number(ip)
            else:
                ip = f"10.0.0.{dice.randint(1, 30)}"
                if number(ip) in held.values():
                    continue
                await book.reserve(tx, "net", ip, holder, 4)
                held[holder] = number(ip)
    assert await book.free(store, "net") == without(pools("10.0.0.0/27", "10.0.0.9"), held.values())


@pytest.mark.slow
async def test_next_stays_fast_in_a_full_pool(store: AnyStore) -> None:
    await opened(store, "10.0.0.0/16")

    async def takes(tx: Transaction) -> float:
        """Seconds for 2000: ten times the least of ten parts, for a busy machine is not busy with others in all."""
        parts = []
        for _ in range(10):
            start = time.perf_counter()
            for _ in range(200):
                await book.reserve_next(tx, "net", "port/a")
            parts.append(time.perf_counter() - start)
        return 10 * min(parts)

    async with store.transaction() as tx:
        early = await takes(tx)
        for value in range(number("10.0.64.0"), number("10.0.192.0"), 2):  # 16,384 holes
            await book.reserve(tx, "net", str(ipaddress.ip_address(value)), "port/b", 4)
        late = await takes(tx)
    assert late < early * 5 + 0.5, f"2000 took {early:.3f} s in an empty pool, {late:.3f} s in a torn one"


async def test_macs_are_unique_in_their_network_only(store: AnyStore) -> None:
    macs = Macs()
    async with store.transaction() as tx:
        mac = await macs.reserve_new(tx, "net", "port/a")
        assert mac.startswith("fa:16:3e:")
        with pytest.raises(MacTaken):
            await macs.reserve(tx, "net", mac, "port/b")
        await macs.reserve(tx, "other", mac, "port/c")
        await macs.release(tx, "port/a")
        await macs.reserve(tx, "net", mac, "port/b")
    assert await macs.holder_of(store, "net", mac) == "port/b"
