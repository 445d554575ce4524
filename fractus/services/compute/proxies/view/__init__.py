"""What other services have, in the words of Nova's proxies. Pure."""
