"""Chat services on loopback, which answer as each service's documentation says it does."""
