"""The columns that namespaces are filtered and sorted on, and the types of resources that they were associated with."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, String, Text

from fractus.store.schema import resource_table

#: The id of a row is the name of its namespace, so that there is one of a name. `types` has a word for each type of
#: resource that it is associated with.
NAMESPACE = resource_table(
    "metadef_namespace",
    Column("display_name", String(80), nullable=False),
    Column("visibility", String(16), nullable=False),
    Column("protected", Boolean, nullable=False),
    Column("owner", String(255), nullable=False),
    Column("types", Text, nullable=False),
)

#: Types outlive their last association, as in Glance.
RESOURCE_TYPE = resource_table("metadef_resource_type")
