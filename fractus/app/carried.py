"""What becomes of changes of every carried kind, kind by kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fractus.app.kinds import KINDS
from fractus.model.carried import Field
from fractus.services.image.images.carried import FIELDS as IMAGE
from fractus.services.network.ports.carried import FIELDS as PORT
from fractus.services.network.security_groups.carried import FIELDS as SECURITY_GROUP
from fractus.services.network.subnets.carried import FIELDS as SUBNET

FIELDS: Mapping[str, Sequence[Field]] = {
    "image": IMAGE,
    **{kind.name: kind.carried for kind in KINDS if kind.vocabulary is not None},
    "subnet": SUBNET,
    "port": PORT,
    "security_group": SECURITY_GROUP,
}
