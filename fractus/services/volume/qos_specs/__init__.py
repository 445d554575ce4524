"""QoS specifications of volume types: kept here, and shown by the types that they are associated with."""
