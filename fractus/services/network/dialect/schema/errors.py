"""Neutron's errors: meaning, its own name of the type, and its sentence (neutron_lib.exceptions, neutron.extensions).

Only those that several resources need stand here; what one resource alone says, it says itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from fractus.model.errors import ApiError, Conflict, Forbidden, Invalid, NotFound

_NOT_FOUND = {
    "network": ("NetworkNotFound", "Network {} could not be found."),
    "subnet": ("SubnetNotFound", "Subnet {} could not be found."),
    "port": ("PortNotFound", "Port {} could not be found."),
    "subnetpool": ("SubnetPoolNotFound", "Subnet pool {} could not be found."),
    "address_scope": ("AddressScopeNotFound", "Address scope {} could not be found."),
    "security_group": ("SecurityGroupNotFound", "Security group {} does not exist"),
    "security_group_rule": ("SecurityGroupRuleNotFound", "Security group rule {} does not exist"),
    "default_security_group_rule": (
        "DefaultSecurityGroupRuleNotFound",
        "Default Security Group rule {} does not exist",
    ),
    "address_group": ("AddressGroupNotFound", "Address group {} could not be found."),
    "router": ("RouterNotFound", "Router {} could not be found"),
    "floatingip": ("FloatingIPNotFound", "Floating IP {} could not be found"),
    "rbac_policy": ("RbacPolicyNotFound", "RBAC policy of type unknown with ID {} not found"),
    "qos_policy": ("QosPolicyNotFound", "QoS policy {} could not be found."),
    "network_flavor": ("FlavorNotFound", "Flavor {} could not be found."),
    "service_profile": ("ServiceProfileNotFound", "Service Profile {} could not be found."),
    "metering_label": ("MeteringLabelNotFound", "Metering label '{}' does not exist."),
    "metering_label_rule": ("MeteringLabelRuleNotFound", "Metering label rule '{}' does not exist."),
    "trunk": ("TrunkNotFound", "Trunk {} could not be found."),
    "tag": ("TagNotFound", "Tag {} could not be found."),
    "availability_zone": ("AvailabilityZoneNotFound", "AvailabilityZone {} could not be found."),
}


def not_found(kind: str, id: str) -> NotFound:
    """There is none, or none that the caller may know of."""
    type, sentence = _NOT_FOUND[kind]
    return NotFound(sentence.format(id), kind=kind, type=type)


def hidden() -> NotFound:
    """It is there, and whoever asked may neither do that to it nor know of it."""
    return NotFound("The resource could not be found.", type="HTTPNotFound")


def network_in_use(network_id: str, ports: Sequence[str]) -> Conflict:
    """Ports are on it, and do not leave with it."""
    return conflict(
        f"Unable to complete operation on network {network_id}. There are one or more ports still in use on"
        f" the network, id for these ports is: {','.join(ports)}.",
        "NetworkInUse",
    )


def malformed(sentence: str) -> Invalid:
    """The request cannot be understood: the type that WebOb gives it."""
    return Invalid(sentence, type="HTTPBadRequest")


def invalid_input(sentence: str, type: str = "InvalidInput") -> Invalid:
    """`Invalid input for operation: ...`."""
    return Invalid(f"Invalid input for operation: {sentence}.", type=type)


def bad_request(resource: str, sentence: str) -> Invalid:
    """`Bad subnets request: ...`."""
    return Invalid(f"Bad {resource} request: {sentence}.", type="BadRequest")


def invalid(sentence: str, type: str) -> Invalid:
    """Wrong, in an own sentence."""
    return Invalid(sentence, type=type)


def conflict(sentence: str, type: str) -> Conflict:
    """Clashes with what is there."""
    return Conflict(sentence, type=type)


def apart() -> Invalid:
    """Subnets of one network in several address scopes."""
    return Invalid(
        "Subnets of the same address family hosted on the same network must all participate in the same address "
        "scope.",
        type="NetworkAddressScopeAffinityError",
    )


def not_carried(attribute: str, reason: str) -> ApiError:
    """Part of Neutron that fractus cannot bring to its clouds: refused by name, never dropped (law 10)."""
    return invalid_input(f"'{attribute}' cannot be carried to the clouds behind this endpoint: {reason}")


def denied(rules: str) -> Forbidden:
    """oslo.policy's sentence about `rules`, written as Neutron nests them."""
    return Forbidden(f"{rules} is disallowed by policy", type="PolicyNotAuthorized")
