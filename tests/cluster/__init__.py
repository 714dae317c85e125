"""The service on clusters: three NATS servers and three of MongoDB, of which one is away."""
