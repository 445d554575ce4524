"""Limits and quota sets. There are no quotas yet: every limit is -1, which is Nova's word for none."""
