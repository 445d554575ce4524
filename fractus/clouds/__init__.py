"""Drivers: one folder per kind of child cloud. They know `fractus.model` and `fractus.base`, and nothing above."""

from __future__ import annotations
