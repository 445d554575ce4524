"""Agents of the clouds, mirrored: each cloud has its own, and they are shown with the cloud as their zone."""
