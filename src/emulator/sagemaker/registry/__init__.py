"""The Model Registry: package groups and versioned model packages."""
