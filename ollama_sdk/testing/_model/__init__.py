"""The emulator's model: names, texts, vectors and schemas."""
