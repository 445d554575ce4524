"""Choosing a cloud: filters, then a score, with the reasons kept for whoever asks why."""
