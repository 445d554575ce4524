"""What of a network thing no cloud is sent."""

from __future__ import annotations

from fractus.model.carried import ours

#: Of all kinds.
OWN = (
    ours("description", "the description there holds our mark"),
    ours("tags", "they change nothing of what it does, and lists are filtered by them here"),
)
