"""Address groups of a simulated cloud, in which it is sent the members that security groups have in other clouds."""

from __future__ import annotations

from fractus.clouds.simulated.neutron import NeutronSimulated
from fractus.clouds.simulated.records import GroupMembersRecord
from fractus.model.cloud import Step
from fractus.model.errors import Missing, Refused
from fractus.model.network import GroupMembersObserved, GroupMembersWanted


class GroupMembers(NeutronSimulated[GroupMembersRecord, GroupMembersWanted, GroupMembersObserved]):
    """The actuator of address groups."""

    def missing(self, id: str) -> str:
        """Neutron's sentence."""
        return f"Address group {id} could not be found."

    def change(self, thing: GroupMembersRecord, step: Step) -> None:
        """Verbs: add_addresses, remove_addresses."""
        there, said = set(thing.addresses), set(step.body.get("addresses", ()))
        match step.verb:
            case "add_addresses":
                thing.addresses = sorted(there | said)
            case "remove_addresses":
                if said - there:
                    raise Missing(
                        f"Addresses {sorted(said - there)} not found in the address group {thing.id}."
                    )
                thing.addresses = sorted(there - said)
            case _:
                return super().change(thing, step)
        return self.touch(thing)

    def end(self, thing: GroupMembersRecord) -> None:
        """Delete it, unless a rule names it."""
        if self.records.tied(f"address_group/{thing.id}"):
            raise Refused(
                f"Address group {thing.id} is in use on one or more security group rules.", status=409
            )
        self.records.drop(thing)
