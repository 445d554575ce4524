"""Trunks, as machine and drivers speak of them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct

from fractus.model.cloud import Observed, Wanted
from fractus.model.wire import Vocabulary, Wire

PARENT_OF, SUBPORT_OF = "trunk", "subport_of"
"""Keys in what is desired of ports: what a parent port shows of its trunk; and the id of the trunk that a sub-port is
in.
"""


class SubPort(Struct, frozen=True, order=True):
    """A port that is reached by a trunk, and how its packets are marked on it."""

    port_id: str
    segmentation_type: str = ""
    segmentation_id: int = 0


class TrunkWanted(Wanted, frozen=True, kw_only=True):
    """A trunk on its parent port, with those of its sub-ports that are in the cloud."""

    port_id: Annotated[str, Wire(refers="port")]
    admin_state_up: Annotated[bool, Wire(mutable=True)] = True
    sub_ports: Annotated[list[SubPort], Wire(separate=True)] = []


class TrunkObserved(Observed, frozen=True, kw_only=True):
    """A trunk in a child."""

    port_id: str = ""
    status: str = ""
    admin_state_up: bool | None = None
    sub_ports: list[SubPort] | None = None


TRUNK = Vocabulary("trunk", TrunkWanted, TrunkObserved, extension="trunk")

# Verbs: trunk update {...Neutron body}, add_subports {"sub_ports"}, remove_subports {"sub_ports": [{"port_id"}]}. A
# cloud refuses the last two, and a delete, while the trunk is out of service (`admin_state_up` false).
