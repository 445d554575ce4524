"""Settings: the sections and their defaults, how they are loaded, and the sample file."""

from __future__ import annotations
