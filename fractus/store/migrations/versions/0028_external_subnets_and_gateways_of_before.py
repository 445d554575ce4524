"""External subnets and gateways of before are of the address plan.

Code of before wrote external subnets without their cloud, and left the addresses of gateways to the clouds. What it
writes at the same time stays as it wrote it.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision: str | None = "0027"

_KEPT = ("desired", "choice", "summary")


def _table(name: str, *columns: str) -> sa.TableClause:
    types: dict[str, Any] = {
        "summary": sa.LargeBinary(),
        **dict.fromkeys(("external", "wanted", "pooled"), sa.Boolean()),
    }
    return sa.table(name, *(sa.column(one, types.get(one, sa.String())) for one in columns))


_NETWORK = _table("network", "id", "external", "choice")
_SUBNET = _table("subnet", "id", *_KEPT, "network_id", "external")
_ROUTER = _table("router", "id", *_KEPT, "gateway_network_id")
_PRESENCE = _table("presence", "kind", "id", "cloud", "memory", "wanted")
_ADDRESS = _table("address", "subnet_id", "position", "holder", "pooled")
_FREE = _table("free_range", "subnet_id", "first", "last")


def upgrade() -> None:
    _place_subnets()
    _keep_gateways()


def _place_subnets() -> None:
    """An external subnet is in the cloud that its network was taken over from first."""
    run = op.get_bind().execute
    for network in run(
        sa.select(_NETWORK.c.id, _NETWORK.c.choice).where(_NETWORK.c.external.is_(True))
    ).all():
        clouds = json.loads(network.choice).get("only", [])
        for row in run(sa.select(*_columns(_SUBNET)).where(_SUBNET.c.network_id == network.id)).all():
            choice = json.loads(row.choice)
            if clouds and not choice.get("only"):
                desired = {**json.loads(row.desired), "external": True}
                summary = {**json.loads(row.summary), "router:external": True}
                _write(_SUBNET, row, desired, {**choice, "only": clouds[:1]}, summary, external=True)


def _keep_gateways() -> None:
    """A router has the addresses that its clouds have chosen; of those that were asked for by a part nothing else is
    known.
    """
    run = op.get_bind().execute
    routers = sa.select(*_columns(_ROUTER)).where(_ROUTER.c.gateway_network_id != "")
    for row in run(routers).all():
        desired = json.loads(row.desired)
        gateway = desired.get("external_gateway_info")
        if gateway and not any("cloud" in one for one in gateway.get("external_fixed_ips", ())):
            found = [one for one in _shown(row.id, gateway["network_id"]) if _hold(one, f"router/{row.id}")]
            bare = {name: value for name, value in gateway.items() if name != "external_fixed_ips"}
            more = {"external_fixed_ips": found} if found else {}
            _write(_ROUTER, row, {**desired, "external_gateway_info": {**bare, **more}})


def _columns(table: sa.TableClause) -> list[Any]:
    return [table.c.id, *(table.c[name] for name in _KEPT)]


def _write(
    table: sa.TableClause, row: Any, desired: Any, choice: Any = None, summary: Any = None, **more: Any
) -> None:
    same = (table.c.id == row.id, table.c.desired == row.desired, table.c.choice == row.choice)
    values = {"desired": _text(desired), **more}
    values |= {} if choice is None else {"choice": _text(choice)}
    values |= {} if summary is None else {"summary": _text(summary).encode()}
    op.get_bind().execute(sa.update(table).where(*same).values(values))


def _text(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _shown(router_id: str, network_id: str) -> Iterator[dict[str, str]]:
    """The addresses of its gateways, as they were last observed in its clouds."""
    there = sa.select(_PRESENCE.c.cloud, _PRESENCE.c.memory).where(
        _PRESENCE.c.kind == "router", _PRESENCE.c.id == router_id, _PRESENCE.c.wanted.is_(True)
    )
    for cloud, memory in op.get_bind().execute(there.order_by(_PRESENCE.c.cloud)).all():
        shown = json.loads(memory).get("gateway") or {}
        for one in shown.get("external_fixed_ips", ()) if shown.get("network_id") == network_id else ():
            yield {"subnet_id": one["subnet_id"], "ip_address": one["ip_address"], "cloud": cloud}


def _hold(fixed: Mapping[str, str], who: str) -> bool:
    """Reserve an address that is free, or only its cloud's own; False where somebody else has it."""
    run, ip = op.get_bind().execute, ipaddress.ip_address(fixed["ip_address"])
    position = _key(int(ip), ip.version)
    here = _ADDRESS.c.subnet_id == fixed["subnet_id"], _ADDRESS.c.position == position
    holder = run(sa.select(_ADDRESS.c.holder).where(*here)).scalar()
    if holder in (who, f"cloud/{fixed['cloud']}"):
        run(sa.update(_ADDRESS).where(*here).values(holder=who))
    if holder is not None:
        return holder in (who, f"cloud/{fixed['cloud']}")
    pooled = _take_from_ranges(fixed["subnet_id"], position, ip.version)
    run(
        sa.insert(_ADDRESS).values(subnet_id=fixed["subnet_id"], position=position, holder=who, pooled=pooled)
    )
    return True


def _take_from_ranges(subnet_id: str, position: str, version: int) -> bool:
    run = op.get_bind().execute
    around = sa.select(_FREE.c.first, _FREE.c.last).where(
        _FREE.c.subnet_id == subnet_id, _FREE.c.first <= position
    )
    row = run(around.order_by(_FREE.c.first.desc()).limit(1)).first()
    if row is None or row.last < position:
        return False
    run(sa.delete(_FREE).where(_FREE.c.subnet_id == subnet_id, _FREE.c.first == row.first))
    value = int(position, 16)
    for first, last in ((int(row.first, 16), value - 1), (value + 1, int(row.last, 16))):
        if first <= last:
            ends = {"first": _key(first, version), "last": _key(last, version)}
            run(sa.insert(_FREE).values(subnet_id=subnet_id, **ends))
    return True


def _key(value: int, version: int) -> str:
    return f"{value:08x}" if version == 4 else f"{value:032x}"


def downgrade() -> None:
    """What was written says nothing else to code of before."""
