"""QoS policies of a simulated cloud, with their rules."""

from __future__ import annotations

import msgspec

from fractus.base.ids import new_id
from fractus.clouds.simulated.records import QosPolicyRecord
from fractus.clouds.simulated.sharing import SharedSimulated
from fractus.model.cloud import Step
from fractus.model.errors import Refused
from fractus.model.network import QosPolicyObserved, QosPolicyWanted, QosRule


class QosPolicies(SharedSimulated[QosPolicyRecord, QosPolicyWanted, QosPolicyObserved]):
    """The actuator of QoS policies. Rules are steps of their own."""

    def change(self, thing: QosPolicyRecord, step: Step) -> None:
        """Verbs: update, admit, expel, add_rule, update_rule, delete_rule."""
        match step.verb:
            case "add_rule":
                self._put(thing, QosRule(type=step.body["type"], said=step.body["said"], remote_id=new_id()))
            case "update_rule":
                self._put(thing, msgspec.convert(step.body, QosRule))
            case "delete_rule":
                thing.rules = [one for one in thing.rules if one.remote_id != step.body["remote_id"]]
            case "update" | "admit" | "expel":
                return super().change(thing, step)
            case verb:
                raise Refused(f"{self.kind} has no verb {verb!r}", status=400)
        return self.touch(thing)

    def _put(self, thing: QosPolicyRecord, rule: QosRule) -> None:
        others = [one for one in thing.rules if one.remote_id != rule.remote_id]
        for one in others:
            if one.place == rule.place:
                raise Refused(
                    f"Rule {rule.type} conflicts with rule {one.remote_id} which already exists in QoS Policy"
                    f" {thing.id}.",
                    status=409,
                )
            limits, promises = (
                {**one.said, **rule.said}.get("max_kbps"),
                {**one.said, **rule.said}.get("min_kbps"),
            )
            if (
                one.place[1] == rule.place[1]
                and limits is not None
                and promises is not None
                and promises > limits
            ):
                raise Refused(
                    f"Unable to add the rule with value {rule.said} to the policy {thing.id} as the existing rule of"
                    f" type {one.type} has value {one.said}.",
                    status=409,
                )
        thing.rules = [*others, rule]

    def end(self, thing: QosPolicyRecord) -> None:
        """Delete it, unless something has it."""
        for kind, id in self.records.tied(f"{self.kind}/{thing.id}"):
            raise Refused(f"QoS Policy {thing.id} is used by {kind} {id}.", status=409)
        self.records.drop(thing)
