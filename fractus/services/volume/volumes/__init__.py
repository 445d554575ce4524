"""Volumes: each has a home cloud, where its data is."""
