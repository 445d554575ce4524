"""What requests about services, hosts and audits may say (nova.api.openstack.compute.schemas)."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fractus.model.errors import Invalid
from fractus.services.compute.dialect.schema import values
from fractus.services.field import Check

#: The order is that of Nova's schema, in which it judges.
_NUMBERED: Mapping[str, Check] = {
    "host": values.host_name,
    "binary": values.short_text,
    "disabled_reason": values.short_text,
}
_NUMBERED_211: Mapping[str, Check] = {**_NUMBERED, "forced_down": values.boolean}
_NAMED: Mapping[str, Check] = {
    "status": values.one_of("enabled", "disabled"),
    "disabled_reason": values.short_text,
    "forced_down": values.boolean,
}


def _judge(body: Any, known: Mapping[str, Check], required: Sequence[str]) -> None:
    given = values.checked_object(body, "", required, known)
    for name, check in known.items():
        why = check(given[name]) if name in given else None
        if why is not None:
            raise values.refuse(name, given[name], why)


def check_named(body: Any) -> None:
    """The body of `PUT /os-services/{id}` from 2.53 on."""
    _judge(body, _NAMED, ())


def check_numbered(body: Any, *, forced_down: bool) -> None:
    """The same before. `forced_down`: whether it may be said."""
    _judge(body, _NUMBERED_211 if forced_down else _NUMBERED, ("host", "binary"))


_SWITCH = values.one_of("enable", "disable", "Enable", "Disable", "ENABLE", "DISABLE")
_HOST: Mapping[str, Check] = {"status": _SWITCH, "maintenance_mode": _SWITCH}


def check_host(body: Any) -> None:
    """The body of `PUT /os-hosts/{host}`, which has to say something."""
    _judge(body, _HOST, ())
    if not body:
        raise Invalid(f"{body!r} is not valid under any of the given schemas")


def moment(text: str) -> datetime.datetime:
    """The moment before which an audit is asked for."""
    try:
        return datetime.datetime.strptime(text, "%Y-%m-%d %H:%M:%S" + (".%f" if "." in text else ""))
    except ValueError:
        raise Invalid(f"Invalid timestamp for date {text}") from None


def truth(value: Any) -> bool:
    """A boolean in any of Nova's words."""
    return value in values.TRUE


#: Parameters of the lists of hypervisors: what each may be, once.
LIST_PARAMETERS: Mapping[str, Callable[[str], str | None]] = {
    "limit": lambda text: (
        "'' should be non-empty"
        if not text
        else None
        if text.isascii() and text.isdigit()
        else f"{text!r} does not match '^[0-9]*$'"
    ),
    "marker": lambda _text: None,
    "hypervisor_hostname_pattern": values.host_name,
    "with_servers": values.boolean,
}
