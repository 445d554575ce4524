"""Services, hosts, pools and clusters of the clouds' block storage: mirrored, and changed in their clouds."""
