"""Consents: what a PSU allowed, at one bank, until when. For now they are ready-made ones, read from a file."""
