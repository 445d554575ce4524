"""Server groups: servers that are to be kept together, or apart."""
