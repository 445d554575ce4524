"""What becomes of changes of a flavor that is in a cloud."""

from __future__ import annotations

from fractus.model.carried import carried, ours, refused

FIELDS = (
    carried("extra_specs"),
    carried("access", "those that use it in that cloud"),
    ours("description", "the description there holds our mark; kept there for a rebuild"),
    refused("is_public", "Nova has no way to change it; a flavor is made in a cloud as it is here"),
    refused("name", "Nova has no way to change it; so its sizes"),
)
