"""Limits and quotas of block storage: nothing may be made yet, so all are zero."""
