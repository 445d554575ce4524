"""The half of subnets that answers requests, and how they are written."""
