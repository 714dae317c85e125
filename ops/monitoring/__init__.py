"""In the service: health, metrics, figures, traces."""
