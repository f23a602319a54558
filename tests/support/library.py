"""The library whose clients and transports tests give to ours: httpx, or what HTTPX names, such as httpx2."""

from __future__ import annotations

import importlib
import os
from typing import Any

library: Any = importlib.import_module(os.environ.get("HTTPX", "httpx"))
