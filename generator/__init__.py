"""Turns ``openapi/ollama.yaml`` into the typed part of the package. Development only; not shipped."""
