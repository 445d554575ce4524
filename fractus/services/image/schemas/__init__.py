"""The schemas that Glance publishes of its documents; clients read them."""
