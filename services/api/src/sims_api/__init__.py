"""The REST API. One folder a domain: routes, schemas, service, scope."""
