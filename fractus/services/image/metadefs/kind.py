"""Metadata definitions, declared as far as the lists of kinds must know them: the rest is written by hand."""

from __future__ import annotations

from fractus.services.image.metadefs import policy
from fractus.services.image.metadefs.table import NAMESPACE as NAMESPACE_TABLE
from fractus.services.image.metadefs.table import RESOURCE_TYPE as RESOURCE_TYPE_TABLE
from fractus.services.kind import Undeclared

NAMESPACE = Undeclared(name="metadef_namespace", service="image", table=NAMESPACE_TABLE, rules=policy.RULES)
RESOURCE_TYPE = Undeclared(name="metadef_resource_type", service="image", table=RESOURCE_TYPE_TABLE)
