"""Service profiles: what flavors of network services are made of."""
