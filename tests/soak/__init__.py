"""The soak: hours of ordinary trouble, in which nothing may grow and after which everything must still work."""
