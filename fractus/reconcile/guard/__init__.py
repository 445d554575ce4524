"""What stops or slows an outside change: holds, a suspect link, limits, and ends that were asked for."""

from __future__ import annotations
