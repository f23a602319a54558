"""What the emulator answers, one module per interface."""
