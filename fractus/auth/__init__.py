"""Who is asking, what they may do, and the vault of what we know of child clouds."""
