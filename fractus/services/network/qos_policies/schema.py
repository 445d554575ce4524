"""The rules of a QoS policy: what requests may say of each type, and which may be in one policy together
(neutron_lib.api.definitions.qos and its extensions, neutron.objects.qos.qos_policy_validator). Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fractus.model.errors import ApiError, NotFound
from fractus.services.field import REQUIRED, Field, Fields, Match, named
from fractus.services.network.dialect.schema import values
from fractus.services.network.dialect.schema.attributes import read_only
from fractus.services.network.dialect.schema.errors import conflict

EGRESS, INGRESS, ANY = "egress", "ingress", "any"
_DSCP = (0, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 34, 36, 38, 40, 44, 46, 48, 56)

MINIMUM_BANDWIDTH, MINIMUM_PACKETS = "minimum_bandwidth", "minimum_packet_rate"

#: What clouds reserve for ports before they are bound.
RESERVED = (MINIMUM_BANDWIDTH, MINIMUM_PACKETS)


def _amount(name: str, default: Any = REQUIRED) -> Field:
    return Field(
        name, post=True, put=True, default=default, convert=values.to_number, check=values.amount,
        match=Match(name, values.to_int), sort=name,
    )  # fmt: skip


def _direction(*valid: str, listed: bool = True) -> Field:
    """`listed`: lists may be filtered and sorted by it."""
    match, sort = (Match("direction"), "direction") if listed else (None, "")
    return Field(
        "direction", post=True, put=True, default=EGRESS, check=values.one_of(valid), match=match, sort=sort
    )


_BOTH = (EGRESS, INGRESS)
_ID = read_only("id", "id")

#: The fields of each type, in the order in which a policy shows its rules.
TYPES: Mapping[str, Fields] = {
    "bandwidth_limit": named([
        _ID, _amount("max_kbps"), _amount("max_burst_kbps", 0), _direction(*_BOTH, listed=False)
    ]),
    "dscp_marking": named([
        _ID,
        Field(
            "dscp_mark", post=True, put=True, convert=values.to_number, check=values.one_of(_DSCP),
            match=Match("dscp_mark", values.to_int), sort="dscp_mark",
        ),
    ]),
    MINIMUM_BANDWIDTH: named([_ID, _amount("min_kbps"), _direction(*_BOTH)]),
    MINIMUM_PACKETS: named([_ID, _amount("min_kpps"), _direction(ANY, *_BOTH)]),
    "packet_rate_limit": named([_ID, _amount("max_kpps"), _amount("max_burst_kpps", 0), _direction(*_BOTH)]),
}  # fmt: skip


def parameters(type: str) -> list[dict[str, Any]]:
    """What a rule of a type may say, as `qos-rule-type-details` describes it."""
    directions = (ANY, INGRESS, EGRESS) if type == MINIMUM_PACKETS else (INGRESS, EGRESS)
    choices: Mapping[str, tuple[Any, ...]] = {"dscp_mark": _DSCP, "direction": directions}
    return [
        {
            "parameter_name": name,
            "parameter_type": "choices" if name in choices else "range",
            "parameter_values": list(choices[name])
            if name in choices
            else {"start": 0, "end": values.LARGEST},
        }
        for name in TYPES[type]
        if name != "id"
    ]


def said(rule: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a rule."""
    return {name: rule[name] for name in TYPES[rule["type"]] if name != "id"}


def documents(policy_id: str, rules: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rules as their policy shows them."""
    places = list(TYPES)
    ordered = sorted(rules, key=lambda one: (places.index(one["type"]), one["id"]))
    return [
        {**said(one), "id": one["id"], "qos_policy_id": policy_id, "type": one["type"]} for one in ordered
    ]


def missing(policy_id: str, id: str) -> NotFound:
    """There is no such rule. `policy_id`: empty where no policy was named."""
    return NotFound(f"QoS rule {id} for policy {policy_id} could not be found.", type="QosRuleNotFound")


def check(
    policy_id: str, rules: Iterable[Mapping[str, Any]], new: Mapping[str, Any], given: Mapping[str, Any]
) -> None:
    """`Conflict` where a new or changed rule cannot be among the rules of its policy. `given`: in the request."""
    others = list(rules)
    for one in others:
        _check_bandwidth(policy_id, one, given)
    apart = [one for one in others if one["id"] != new["id"] and one["type"] == new["type"]]
    for one in apart:
        if new["type"] == MINIMUM_PACKETS and (one["direction"] == ANY) != (new["direction"] == ANY):
            raise _values_conflict(policy_id, new["direction"], one["type"], one["direction"])
    for one in apart:
        if one.get("direction") == new.get("direction"):
            raise conflict(
                f"Rule {new['type']} conflicts with rule {one['id']} which already exists in QoS Policy {policy_id}.",
                "QoSRulesConflict",
            )


def _check_bandwidth(policy_id: str, one: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """What is guaranteed is no more than what is allowed: in the direction given, or in both where none is."""
    if given.get("direction") not in (None, one.get("direction")):
        return
    if one["type"] == MINIMUM_BANDWIDTH and one["min_kbps"] > given.get("max_kbps", one["min_kbps"]):
        raise _values_conflict(policy_id, given["max_kbps"], one["type"], one["min_kbps"])
    if one["type"] == "bandwidth_limit" and one["max_kbps"] < given.get("min_kbps", 0):
        raise _values_conflict(policy_id, given["min_kbps"], one["type"], one["max_kbps"])


def _values_conflict(policy_id: str, value: Any, type: str, there: Any) -> ApiError:
    return conflict(
        f"Unable to add the rule with value {value} to the policy {policy_id} as the existing rule of type {type} has "
        f"value {there}.",
        "QoSRuleParameterConflict",
    )
