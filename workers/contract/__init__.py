"""The contract for upstream and downstream engineers, generated from the schemas and `meanings.yml`."""
