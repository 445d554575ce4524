"""How Nova says things, for all resources of compute alike. It names none of them."""
