"""Forms: made from what a door takes, read back into a request, shown again when refused."""
