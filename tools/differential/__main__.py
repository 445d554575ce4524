"""The command."""

from __future__ import annotations

import argparse
import asyncio
import collections
import logging
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import structlog
import yaml

from fractus.store import clouds
from fractus.testing.world import World
from tools.differential.bodies import FIXTURE, generated
from tools.differential.compare import Case, Difference, compare
from tools.differential.ends import InProcess, Neutron
from tools.differential.justified import reason
from tools.differential.states import states

#: So many projects are worked in at once.
_SHARDS = 3


async def differences(entry: dict[str, Any], cases: Sequence[Case]) -> list[Difference]:
    """What the Neutron behind an administrator's `entry` and fractus answer differently."""
    shards = [cases[first::_SHARDS] for first in range(_SHARDS)]
    found = await asyncio.gather(*(_shard(entry, shard) for shard in shards if shard))
    return [one for some in found for one in some]


async def _shard(entry: dict[str, Any], cases: Sequence[Case]) -> list[Difference]:
    real = Neutron(entry)
    try:
        await real.open()
        domain = await _domain(real)
        with tempfile.TemporaryDirectory() as folder:
            async with World(clouds=2, tmp_path=Path(folder), dns_domain=domain) as world:
                await _show_mtu(world)
                return await compare(real, InProcess(world), cases, fixture=FIXTURE)
    finally:
        await real.close()


async def _domain(real: Neutron) -> str:
    """The domain in which the real one names ports: seen in the name of one."""
    made = (await real.ask("owner", "POST", "/networks", {"network": {}})).body["network"]["id"]
    try:
        subnet = {"network_id": made, "ip_version": 4, "cidr": "10.99.0.0/24"}
        await real.ask("owner", "POST", "/subnets", {"subnet": subnet})
        port = (await real.ask("owner", "POST", "/ports", {"port": {"network_id": made}})).body["port"]
        await real.ask("owner", "DELETE", f"/ports/{port['id']}")
    finally:
        await real.ask("owner", "DELETE", f"/networks/{made}")
    name: str = port["dns_assignment"][0]["fqdn"]
    return name.partition(".")[2].rstrip(".")


async def _show_mtu(world: World) -> None:
    """As after a sweep of clouds with networks: simulated ones carry what the real one does by default."""
    async with world.parts.store.transaction() as tx:
        for cloud in await clouds.every(tx):
            await clouds.record_sweep(tx, cloud.name, {**cloud.cursors, "network#": {"mtu": 1450}})


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.differential", description=__doc__)
    parser.add_argument("--clouds-yaml", type=Path, required=True)
    parser.add_argument("--cloud", required=True, help="an administrator's entry")
    parser.add_argument("--few", action="store_true", help="few values of each attribute")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    given = parser.parse_args()
    entry = yaml.safe_load(given.clouds_yaml.read_text())["clouds"][given.cloud]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    cases = [case for case in (*states(), *generated(few=given.few)) if given.only in case.name]
    found = asyncio.run(differences(entry, cases))
    left = [one for one in found if reason(one) is None]
    for one in left:
        print(one)
    print("left:", dict(collections.Counter(one.sort.split()[0] for one in left)))
    stays = collections.Counter(known.what for one in found if (known := reason(one)) is not None)
    print("that stay:", dict(stays))
    return 1 if any(one.sort != "sentence" for one in left) else 0


if __name__ == "__main__":
    sys.exit(main())
