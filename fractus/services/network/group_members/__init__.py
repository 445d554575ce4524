"""The members that a security group has in other clouds: in each cloud an address group of their addresses."""
