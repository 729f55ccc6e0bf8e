"""The engine of the gateway: it knows no bank. What a bank is stands in `adapters/` and `mappings/`."""
