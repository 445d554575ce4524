"""A private RabbitMQ for tests: a node of its own on loopback, that leaves nothing behind."""
