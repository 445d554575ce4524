"""QoS policies and their rules."""
