"""Handlers: access, lists, tags, and how intent is written."""
