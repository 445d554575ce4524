"""How Cinder says things, for all resources of block storage alike. It names none of them."""
