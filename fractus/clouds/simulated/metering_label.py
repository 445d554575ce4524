"""Metering labels of a simulated cloud, with their rules."""

from __future__ import annotations

import ipaddress

import msgspec

from fractus.base.ids import new_id
from fractus.clouds.simulated.neutron import NeutronSimulated
from fractus.clouds.simulated.records import MeteringLabelRecord
from fractus.model.cloud import Step
from fractus.model.errors import Refused
from fractus.model.metering import MeteringLabelObserved, MeteringLabelWanted, MeteringRule


class MeteringLabels(NeutronSimulated[MeteringLabelRecord, MeteringLabelWanted, MeteringLabelObserved]):
    """The actuator of metering labels. Rules are steps of their own, and nothing else ever changes."""

    dates_changes = dates_making = False

    def missing(self, id: str) -> str:
        """Neutron's sentence."""
        return f"Metering label '{id}' does not exist."

    def change(self, thing: MeteringLabelRecord, step: Step) -> None:
        """Verbs: add_rule, delete_rule."""
        match step.verb:
            case "add_rule":
                rule = msgspec.convert({**step.body, "remote_id": new_id()}, MeteringRule)
                if any(_overlap(rule, one) for one in thing.rules):
                    raise Refused(
                        f"Metering label rule with remote_ip_prefix '{rule.remote_ip_prefix}' overlaps another.",
                        status=409,
                    )
                thing.rules = [*thing.rules, rule]
            case "delete_rule":
                thing.rules = [one for one in thing.rules if one.remote_id != step.body["remote_id"]]
            case verb:
                raise Refused(f"{self.kind} has no verb {verb!r}", status=400)
        return self.touch(thing)


def _overlap(one: MeteringRule, other: MeteringRule) -> bool:
    if (one.direction, one.excluded) != (other.direction, other.excluded):
        return False
    if not (one.remote_ip_prefix and other.remote_ip_prefix):
        return False
    nets = [ipaddress.ip_interface(text).network for text in (one.remote_ip_prefix, other.remote_ip_prefix)]
    return nets[0].version == nets[1].version and nets[0].overlaps(nets[1])
