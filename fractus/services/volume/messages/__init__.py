"""Messages to users: why something that was accepted came to nothing."""
