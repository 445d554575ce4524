"""The route table of servers, as the web sees it."""

from __future__ import annotations

import re

from fractus.services.compute import SERVICE, known, unserved
from fractus.services.compute.servers import policy
from fractus.web.face import ServiceRoutes
from fractus.web.table import compile_routes
from tests.unit.services.compute.servers.house import POLICY, House


async def test_the_table_can_be_served_beside_what_is_not(house: House) -> None:
    routes = house.routes()
    contributed = ServiceRoutes(service=SERVICE, routes=routes, rules=policy.RULES, unserved=unserved(routes))
    assert compile_routes(contributed, POLICY.knows)


async def test_every_route_is_one_of_novas(house: House) -> None:
    def bare(method: str, path: str) -> tuple[str, str]:
        return (method, re.sub(r"\{\w+\}", "{}", path))

    nova = {bare(*row) for row in known()}
    ours = [
        bare(route.method, f"{route.path}#{route.action}" if route.action else route.path)
        for route in house.routes()
    ]
    assert set(ours) <= nova
    assert len(ours) == len(set(ours)) == 80


async def test_every_rule_is_used_or_asked_for_by_name(house: House) -> None:
    used = {route.rule for route in house.routes()}
    asked = {
        policy.LIST_ALL,
        policy.DETAIL_ALL,
        policy.ALL_FILTERS,
        policy.EXTRA_SPECS,
        policy.HOST_STATUS,
        policy.HOST_UNKNOWN,
        policy.EXTENDED,
        policy.FORCED_HOST,
        policy.DESTINATION,
        policy.ATTACH_NETWORK,
        policy.ATTACH_VOLUME,
        policy.ATTACHMENTS_SWAP,
        policy.TRUSTED_CERTS,
        policy.ZERO_DISK,
        policy.IMAGE_OF_VOLUME,
        policy.UNLOCK_OVERRIDE,
        policy.UNSHELVE_TO_HOST,
        policy.ACTIONS_EVENTS,
        policy.ACTIONS_DETAILS,
        policy.MIGRATIONS_HOST,
        policy.TOPOLOGY_HOST,
        policy.MIGRATE_TO_HOST,
        policy.MIGRATE_LIVE_TO_HOST,
    }
    assert {rule.name for rule in policy.RULES} == used | asked
