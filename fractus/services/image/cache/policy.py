"""Glance's rules about its cache, with their defaults."""

from __future__ import annotations

from fractus.auth.base_rules import GLANCE_ADMIN
from fractus.auth.policy import RuleDefault

LIST = "cache_list"
DELETE = "cache_delete"
QUEUE = "cache_image"
NODES = "list_cached_nodes"

RULES = [
    RuleDefault(QUEUE, GLANCE_ADMIN, "Queue an image for the cache."),
    RuleDefault(LIST, GLANCE_ADMIN, "List cached and queued images."),
    RuleDefault(DELETE, GLANCE_ADMIN, "Remove images from the cache."),
    RuleDefault(NODES, GLANCE_ADMIN, "List the nodes that have an image in their cache."),
]
