"""The half of security groups that answers requests, and how they are written."""
