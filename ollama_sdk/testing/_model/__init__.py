"""The emulated models: names, texts, vectors and schemas, independent of HTTP."""
