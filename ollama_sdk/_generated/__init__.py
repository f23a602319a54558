# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""The typed part of the package: models, request dicts, the operation table and the clients."""

DOCUMENT_VERSION = "0.40.12"
"""The release of Ollama that the document describes."""
