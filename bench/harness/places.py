"""Where everything lies, and how a program is run that has to succeed."""

import os
import subprocess
import sys
import tempfile
import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# All that the benchmark makes and does not publish.
WORK = ROOT / "target" / "bench"
RIVALS = ROOT / "bench" / "rivals"


class Failed(Exception):
    """Something did not work that has to; its text says what."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def must(command, **options):
    """Runs a command that has to succeed; what it wrote to its output."""
    done = subprocess.run([str(part) for part in command], text=True, capture_output=True, **options)
    if done.returncode != 0:
        last = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise Failed(f"{' '.join(str(part) for part in command)} ended with {done.returncode}:\n{last}")
    return done.stdout


def measured(command, cwd, environment):
    """Runs a command and says what it took (see `measure.py`), with `out` and `err`: what it wrote."""
    with tempfile.TemporaryDirectory() as directory:
        launcher = [sys.executable, "-I", "-S", str(Path(__file__).with_name("measure.py")), directory]
        line = must([*launcher, *command], cwd=cwd, env={**os.environ, **environment})
        texts = {name: (Path(directory) / name).read_text(errors="replace") for name in ("out", "err")}
        return {**json.loads(line), **texts}
