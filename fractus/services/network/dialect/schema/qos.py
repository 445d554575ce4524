"""The QoS policy of what may have one: a network, a port. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.model.carried import CARRIED
from fractus.model.resource import Need
from fractus.services.field import Field
from fractus.services.network.dialect.schema import values

QOS_POLICY = Field(
    "qos_policy_id", post=True, put=True, default=None, check=values.uuid_or_none, refers="qos_policy",
    carried=CARRIED, why="the policy comes to the cloud first",
)  # fmt: skip


def qos_needs(desired: Mapping[str, Any]) -> list[Need]:
    """The policy, where there is one."""
    policy = desired.get(QOS_POLICY.key)
    return [Need("qos_policy", policy)] if policy else []
