"""What the ports are outside: Kafka, the lake, the ledger, the registry, notifications."""
