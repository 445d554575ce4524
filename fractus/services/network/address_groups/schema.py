"""What the bodies of add_addresses and remove_addresses say (neutron.db.address_group_db). Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any

from fractus.services.network.dialect.schema.attributes import stated
from fractus.services.network.dialect.schema.errors import invalid, malformed

BOUND = stated("addresses")


def addresses_of(body: Any) -> list[str]:
    """The addresses in a body, each once and in its one form. Neutron answers 500 where they are no list of texts."""
    given = body.get("addresses") if isinstance(body, dict) else None
    if not isinstance(given, list):
        raise malformed(f"Invalid input for addresses. Reason: '{given}' is not a list.")
    BOUND.check(given, "address group")
    return canonical(given)


def canonical(given: Iterable[Any]) -> list[str]:
    """Ranges without host bits, each once. No prefix length means a single address."""
    return list(dict.fromkeys(_range(one) for one in given))


def _range(value: Any) -> str:
    try:
        if isinstance(value, str) and "%" not in value:
            return str(ipaddress.ip_network(value, strict=False))
    except ValueError:
        pass
    raise invalid(f"invalid IPNetwork {value}", "AddrFormatError")
