"""Placement's rules about what is read, with their defaults (placement.policies)."""

from __future__ import annotations

from fractus.auth.base_rules import PLACEMENT_ADMIN, PLACEMENT_ADMIN_OR_READER
from fractus.auth.policy import RuleDefault

_PROVIDERS = "placement:resource_providers:"

LIST = _PROVIDERS + "list"
SHOW = _PROVIDERS + "show"
INVENTORIES = _PROVIDERS + "inventories:list"
INVENTORY = _PROVIDERS + "inventories:show"
USAGES = _PROVIDERS + "usages"
AGGREGATES = _PROVIDERS + "aggregates:list"
TRAITS_OF = _PROVIDERS + "traits:list"
ALLOCATIONS_OF = _PROVIDERS + "allocations:list"
CANDIDATES = "placement:allocation_candidates:list"
ALLOCATIONS = "placement:allocations:list"
CLASSES = "placement:resource_classes:list"
CLASS = "placement:resource_classes:show"
TRAITS = "placement:traits:list"
TRAIT = "placement:traits:show"
TOTAL = "placement:usages"

RULES = [
    *(
        RuleDefault(name, PLACEMENT_ADMIN, says)
        for name, says in (
            (LIST, "List the resource providers of all clouds."),
            (SHOW, "Show a resource provider."),
            (INVENTORIES, "See what a resource provider has."),
            (INVENTORY, "See what a resource provider has of one resource class."),
            (USAGES, "See how much of a resource provider is in use."),
            (AGGREGATES, "See the aggregates of a resource provider."),
            (TRAITS_OF, "See the traits of a resource provider."),
            (ALLOCATIONS_OF, "See what is allocated of a resource provider."),
            (CANDIDATES, "List the resource providers on which something would fit."),
            (ALLOCATIONS, "See what is allocated to a server."),
            (CLASSES, "List the resource classes of all clouds."),
            (CLASS, "Show a resource class."),
            (TRAITS, "List the traits of all clouds."),
            (TRAIT, "See whether there is a trait."),
        )
    ),
    RuleDefault(TOTAL, PLACEMENT_ADMIN_OR_READER, "See what the servers of a project use."),
]
