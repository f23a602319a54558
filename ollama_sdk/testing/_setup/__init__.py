"""Sets an emulator up from outside Python: scripts in YAML or JSON, options of the command line, and the control routes."""
