"""Request bodies and query parameters of servers, checked as Nova checks them, with its sentences; pure."""
