"""Sets up an emulator from outside Python: by scripts in YAML or JSON, command-line options, and control routes."""
