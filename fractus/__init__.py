"""One OpenStack endpoint over many unmodified OpenStack clouds."""

from __future__ import annotations

__version__ = "0.1.0"
