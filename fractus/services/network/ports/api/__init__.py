"""The half of ports that answers requests, and how they are written."""
