"""Volume types: what admins offer, each under the name that a cloud has for it."""
