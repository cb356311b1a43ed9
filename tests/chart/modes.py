"""Ways to install SIMS that the tests go through, beside the profiles that the chart ships."""

from __future__ import annotations

from typing import Any

PROFILES = ("kind", "minimal", "production")

MODES: dict[str, dict[str, Any]] = {
    "default": {},
    "external": {
        "postgresql": {"mode": "external", "external": {"existingSecret": "database"}},
        "redis": {"mode": "external", "external": {"existingSecret": "queue"}},
        "auth": {"existingSecret": "keys", "previousSecretKeyKey": "old"},
        "backup": {"database": {"existingSecret": "dumper"}},
        "documents": {"existingSecret": "seal"},
        "httpRoute": {
            "enabled": True,
            "parentRefs": [{"name": "gateway"}],
            "hostnames": ["route.example.edu"],
        },
    },
    "cnpg": {
        "postgresql": {"mode": "cnpg", "cnpg": {"storageClass": "fast"}},
        "worker": {"autoscaling": {"mode": "hpa"}},
        "legacy": {"enableModules": True},
        "backup": {"database": {"existingSecret": "dumper"}},
    },
    "everything": {
        "legacy": {"enableModules": True, "allowWrites": True},
        "documents": {"letterheadConfigMap": "letterhead"},
        "api": {
            "replicas": 3,
            "trustedProxies": ["10.244.0.0/16", "fd00:10:244::/56"],
            "service": {"type": "NodePort", "nodePort": 30800},
            "extraEnv": [{"name": "TZ", "value": "UTC"}],
        },
        "worker": {"autoscaling": {"mode": "keda"}},
        "postgresql": {"embedded": {"parameters": {"max_connections": 200}}},
        "redis": {"embedded": {"persistence": {"enabled": True}}},
        "smtp": {"host": "relay", "username": "sims", "existingSecret": "relay-password"},
        "ingress": {
            "enabled": True,
            "host": "sims.example.edu",
            "tls": {"secretName": "sims-tls", "clusterIssuer": "letsencrypt"},
        },
        "httpRoute": {
            "enabled": True,
            "parentRefs": [{"name": "gateway"}],
            "hostnames": ["sims.example.edu"],
        },
        "monitoring": {
            "podMonitor": {"enabled": True},
            "prometheusRule": {"enabled": True},
            "dashboards": {"enabled": True},
        },
        "extraObjects": [
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "extra"}, "data": {}}
        ],
    },
    "autoscaled": {
        "api": {"autoscaling": {"enabled": True, "maxReplicas": 5}},
        "worker": {"replicas": 2},
    },
}
