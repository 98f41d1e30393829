"""Models, endpoint configs and endpoints that serve."""
