"""The half of networks that answers requests, and how they are written."""
