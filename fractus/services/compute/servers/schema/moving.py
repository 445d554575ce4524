"""Bodies of the actions that move a server (nova.api.openstack.compute.schemas.migrate_server, .evacuate)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fractus.services.compute.dialect.schema import values
from fractus.services.field import Check


def _host_or_none(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        return f"{value!r} is not of type 'string', 'null'"
    return None if value is None else values.host_name(value)


def _block_migration(value: Any) -> str | None:
    if value == "auto":
        return None
    why = values.boolean(value)
    return f"{value!r} is not one of {[*values.BOOLEAN, 'auto']}" if why is not None else None


def _judge(key: str, given: Any, required: Sequence[str], known: Mapping[str, Check]) -> None:
    asked = values.checked_object(given, key, required, known)
    for name, check in known.items():
        why = check(asked[name]) if name in asked else None
        if why is not None:
            raise values.refuse(name, asked[name], why)


def check_migrate(body: Any) -> None:
    """The action migrate, from 2.56 on."""
    given = body["migrate"]
    if given is not None and not isinstance(given, dict):
        raise values.refuse("migrate", given, f"{given!r} is not of type 'object', 'null'")
    if given is not None:
        _judge("migrate", given, (), {"host": _host_or_none})


def check_live(body: Any, *, chooses: bool, forced: bool) -> None:
    """The action os-migrateLive. `chooses`: block migration may be `auto`; `forced`: whether that may be said."""
    known: dict[str, Check] = {"block_migration": _block_migration if chooses else values.boolean}
    if not chooses:
        known["disk_over_commit"] = values.boolean
    required = [*known, "host"]
    known["host"] = _host_or_none
    if forced:
        known["force"] = values.boolean
    _judge("os-migrateLive", body["os-migrateLive"], required, known)


def check_evacuate(body: Any, *, storage: bool, forced: bool) -> None:
    """The action evacuate. `storage`: it is said whether storage is shared."""
    known: dict[str, Check] = {
        "host": values.host_name,
        **({"onSharedStorage": values.boolean} if storage else {}),
    }
    known["adminPass"] = values.string
    if forced:
        known["force"] = values.boolean
    _judge("evacuate", body["evacuate"], ("onSharedStorage",) if storage else (), known)
