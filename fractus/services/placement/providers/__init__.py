"""Resource providers of the clouds' Placements, and what there is to say of them: mirrored, or asked of a cloud."""
