"""The work queue: claims, leases, the worker's loop, and which worker runs which lane."""

from __future__ import annotations
