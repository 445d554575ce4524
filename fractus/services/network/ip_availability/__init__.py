"""How many addresses of networks are left."""
