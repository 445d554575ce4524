"""Quotas: what a project has of everything that is limited, to the unit, at any moment.

Usage is written in the transaction of the resource itself, by the one place where resources are written
(`fractus.store.resources`), so no path can forget it. It is always the sum of what the resources cost that are not
deleted, so it can be counted again at any time (`recount`). A kind joins by declaring its `Costs`.
"""
