"""Columns that every table of this service has beside those of every resource."""

from __future__ import annotations

from sqlalchemy import Column, Integer, String, Text


def standard_columns() -> list[Column[object]]:
    """New ones each time: a column belongs to one table."""
    columns: list[Column[object]] = [
        Column("description", String(255), nullable=False, default=""),
        Column("tags", Text, nullable=False, default=""),
        Column("revision", Integer, nullable=False, default=1),
    ]
    return columns
