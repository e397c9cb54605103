"""What monitoring systems are told: metrics for Prometheus."""
