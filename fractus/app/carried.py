"""What becomes of changes of every carried kind, kind by kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fractus.app.kinds import ENTRIES
from fractus.model.carried import Field

FIELDS: Mapping[str, Sequence[Field]] = {
    one.kind.name: one.kind.carried for one in ENTRIES if one.lifecycle is not None and one.kind.carried
}
