"""One cloud: list it and compare with what we hold; report, and act on, what differs."""

from __future__ import annotations
