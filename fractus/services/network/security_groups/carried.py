"""What becomes of changes of a security group that is in a cloud."""

from __future__ import annotations

from fractus.model.carried import carried, refused
from fractus.services.network.dialect.carried import OWN

FIELDS = (
    carried("name", "a project's default group is named by its cloud"),
    carried("rules", "those that should not be there go first"),
    refused("stateful", "it cannot change while a port or a cloud has the group"),
    *OWN,
)
