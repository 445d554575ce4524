"""Metering labels and their rules: what the clouds count of the packets of routers."""
