"""Usage of projects: for how long their servers were there, and how large those were."""
