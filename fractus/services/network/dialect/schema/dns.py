"""Names and domains in the DNS (neutron_lib.api.validators.dns), with Neutron's sentences. Pure."""

from __future__ import annotations

import re
from typing import Any

from fractus.services.field import Check
from fractus.services.network.dialect.schema import values
from fractus.services.network.dialect.schema.errors import invalid_input

#: Characters of a whole name.
_SIZE = 255
_LABEL = re.compile(r"^[a-z0-9-]{1,63}\Z", re.IGNORECASE)

NO_DOMAIN = "openstacklocal."
"""Neutron's default domain, with which ports have no names of their own."""


def canonical(value: Any) -> str:
    """Names have no case."""
    if not isinstance(value, str):
        raise invalid_input(f"Input value {value} must be string type")
    return value.lower()


def absolute(domain: str) -> str:
    """A domain with the dot at its end; empty where there is none."""
    return domain if not domain or domain.endswith(".") else f"{domain}."


def domain(value: Any) -> str | None:
    """The domain of a network: whole, with a dot at its end; or empty."""
    wrong = values.string()(value)
    if wrong or not value:
        return wrong
    if not value.endswith("."):
        return f"'{value}' is not a FQDN"
    wrong = _form(value)
    if not wrong and len(value) > _SIZE - 2:
        return (
            f"'{value}' contains {len(value)} characters. Adding a sub-domain will cause it to exceed the maximum "
            f"length of a FQDN of '{_SIZE}'"
        )
    return wrong


def host(value: Any) -> str | None:
    """The name of a port, relative or whole; or empty."""
    return values.string()(value) or _form(value)


def relative(value: Any) -> str | None:
    """The name of a floating IP, which stands in a domain of its own; or empty."""
    wrong = values.string()(value)
    if wrong or not value:
        return wrong
    if value.endswith("."):
        return f"'{value}' is a FQDN. It should be a relative domain name"
    wrong = _form(value)
    if not wrong and len(value) > _SIZE - 3:
        return (
            f"'{value}' contains {len(value)} characters. Adding a domain name will cause it to exceed the maximum "
            f"length of a FQDN of '{_SIZE}'"
        )
    return wrong


def within(configured: str) -> Check:
    """The name of a port where ports are in a domain, as it was configured."""
    above = f".{absolute(configured)}"

    def check(name: str) -> str | None:
        if not name.endswith("."):
            if len(name) + len(above) <= _SIZE:
                return None
            return (
                f"The dns_name passed is a PQDN and its size is '{len(name)}'. The dns_domain option in neutron.conf "
                f"is set to {configured}, with a length of '{len(above)}'. When the two are concatenated to form a "
                f"FQDN (with a '.' at the end), the resulting length exceeds the maximum size of '{_SIZE}'"
            )
        if len(name) > len(above) and name.endswith(above):
            return None
        return (
            "The dns_name passed is a FQDN. Its higher level labels must be equal to the dns_domain option in "
            f"neutron.conf, that has been set to '{configured}'. It must also include one or more valid DNS labels "
            f"to the left of '{configured}'"
        )

    return check


def _form(name: str) -> str | None:
    if not name:
        return None
    trimmed = name.removesuffix(".")
    reason = _of_labels(trimmed) if len(trimmed) <= _SIZE else _too_long(trimmed)
    return f"'{name}' not a valid PQDN or FQDN. Reason: {reason}" if reason else None


def _too_long(trimmed: str) -> str:
    return f"'{trimmed}' exceeds the {_SIZE} character FQDN limit"


def _of_labels(trimmed: str) -> str | None:
    labels = trimmed.split(".")
    for label in labels:
        if not label:
            return "Encountered an empty component"
        if label.endswith("-") or label.startswith("-"):
            return f"Name '{label}' must not start or end with a hyphen"
        if not _LABEL.match(label):
            return f"Name '{label}' must be 1-63 characters long, each of which can only be alphanumeric or a hyphen"
    if len(labels) > 1 and re.match(r"^[0-9]+\Z", labels[-1]):
        return f"TLD '{labels[-1]}' must not be all numeric"
    return None
