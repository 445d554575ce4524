"""Types of groups of volumes, and their specs."""
