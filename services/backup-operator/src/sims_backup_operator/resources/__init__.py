"""Pure builders: from a resource and the installation's shape to the bodies of Jobs."""
