"""What every SIMS process shares: settings, logs, errors, health and metrics.

Knows neither the database, nor the web framework, nor Kubernetes.
"""
