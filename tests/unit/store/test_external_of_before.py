"""What code of before wrote of external networks becomes part of the address plan."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, create_engine

from fractus.store import migrate

TABLES = """
CREATE TABLE network (id TEXT, external BOOLEAN, choice TEXT);
CREATE TABLE subnet (id TEXT, network_id TEXT, external BOOLEAN, desired TEXT, choice TEXT, summary BLOB);
CREATE TABLE router (id TEXT, gateway_network_id TEXT, desired TEXT, choice TEXT, summary BLOB);
CREATE TABLE presence (kind TEXT, id TEXT, cloud TEXT, wanted BOOLEAN, memory TEXT);
CREATE TABLE address (subnet_id TEXT, position TEXT, holder TEXT, pooled BOOLEAN, PRIMARY KEY (subnet_id, position));
CREATE TABLE free_range (subnet_id TEXT, first TEXT, last TEXT, PRIMARY KEY (subnet_id, first));
INSERT INTO network VALUES ('out', 1, '{"only":["a","b"]}'), ('own', 0, '{}');
INSERT INTO subnet VALUES ('s-out', 'out', 1, '{"name":"x"}', '{}', '{"id":"s-out"}');
INSERT INTO subnet VALUES ('s-new', 'out', 1, '{}', '{"only":["b"]}', '{}'), ('s-own', 'own', NULL, '{}', '{}', '{}');
INSERT INTO address VALUES ('s-out', 'cb007105', 'cloud/a', 1), ('s-out', 'cb007106', 'port/p', 1);
INSERT INTO free_range VALUES ('s-out', 'cb007102', 'cb007104'), ('s-out', 'cb007107', 'cb00710e');
"""


def router(connection: Connection, id: str, ip: str, **gateway: Any) -> None:
    shown = {
        "network_id": "out",
        "external_fixed_ips": [{"subnet_id": "s-out", "ip_address": ip}] if ip else [],
    }
    desired = {"external_gateway_info": {"network_id": "out", "enable_snat": True, **gateway}, "routes": []}
    connection.exec_driver_sql(
        "INSERT INTO router VALUES (?, 'out', ?, '{}', '{}')", (id, json.dumps(desired))
    )
    connection.exec_driver_sql(
        "INSERT INTO presence VALUES ('router', ?, 'a', 1, ?)", (id, json.dumps({"gateway": shown}))
    )


def test_external_subnets_have_a_cloud_and_gateways_their_addresses() -> None:
    (path,) = (Path(migrate.__file__).parent / "migrations" / "versions").glob(
        "*_external_subnets_and_gateways_*.py"
    )
    spec = importlib.util.spec_from_file_location("gateways", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with create_engine("sqlite://").connect() as connection:
        for statement in filter(None, map(str.strip, TABLES.split(";"))):
            connection.exec_driver_sql(statement)
        router(connection, "free", "203.0.113.3")
        router(connection, "clouds", "203.0.113.5", external_fixed_ips=[{"subnet_id": "s-out"}])
        router(connection, "taken", "203.0.113.6")
        router(connection, "nowhere", "", external_fixed_ips=[{"ip_address": "203.0.113.9"}])
        now = [{"subnet_id": "s-out", "ip_address": "203.0.113.14", "cloud": "b"}]
        router(connection, "new", "203.0.113.8", external_fixed_ips=now)
        for _ in range(2):  # MariaDB runs a migration again that died half-way.
            with Operations.context(MigrationContext.configure(connection)):
                module.upgrade()
        rows = connection.exec_driver_sql("SELECT id, desired FROM router").all()
        held = connection.exec_driver_sql("SELECT position, holder FROM address ORDER BY position").all()
        free = connection.exec_driver_sql("SELECT first, last FROM free_range ORDER BY first").all()
        subnets = connection.exec_driver_sql("SELECT id, desired, choice, summary FROM subnet").all()
    kept = {
        id: json.loads(desired)["external_gateway_info"].get("external_fixed_ips") for id, desired in rows
    }
    assert kept == {
        "free": [{"subnet_id": "s-out", "ip_address": "203.0.113.3", "cloud": "a"}],
        "clouds": [{"subnet_id": "s-out", "ip_address": "203.0.113.5", "cloud": "a"}],
        "taken": None, "nowhere": None, "new": now,
    }  # fmt: skip
    assert held == [("cb007103", "router/free"), ("cb007105", "router/clouds"), ("cb007106", "port/p")]
    assert free == [("cb007102", "cb007102"), ("cb007104", "cb007104"), ("cb007107", "cb00710e")]
    shown = {id: tuple(map(json.loads, rest)) for id, *rest in subnets}
    assert shown == {
        "s-out": (
            {"name": "x", "external": True}, {"only": ["a"]}, {"id": "s-out", "router:external": True},
        ),
        "s-new": ({}, {"only": ["b"]}, {}),
        "s-own": ({}, {}, {}),
    }  # fmt: skip
