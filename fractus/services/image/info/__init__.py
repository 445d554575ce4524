"""What this Glance can do: import methods, stores, usage."""
