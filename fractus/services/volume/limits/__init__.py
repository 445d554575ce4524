"""Limits and quotas of block storage: of projects, and of classes."""
