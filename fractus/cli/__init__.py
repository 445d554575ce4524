"""The command `fractus`: a file for each group of commands, `main` for the whole."""

from __future__ import annotations
