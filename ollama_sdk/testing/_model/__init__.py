"""The emulated models: names, texts, vectors and schemas; nothing here knows HTTP."""
