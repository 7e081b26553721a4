"""What a replica holds before its first call."""

from __future__ import annotations

import subprocess
import sys


def test_a_service_does_not_load_what_only_readers_of_files_need():
    """110 MB in each replica."""
    script = "import sys, taproot_customer.main; print('phonenumbers.geodata' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
