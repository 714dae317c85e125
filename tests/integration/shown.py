"""A program that shows how it was started: arguments, environment and working directory."""

from __future__ import annotations

import os
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.stdout.write(f"{sys.argv[1:]} {dict(os.environ)} {Path.cwd()}\n")
