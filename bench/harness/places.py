"""Where everything lies, and how a program is run that has to succeed."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Directory of everything that the benchmark makes and does not publish.
WORK = ROOT / "target" / "bench"
RIVALS = ROOT / "bench" / "rivals"
# Seconds after which a measured command counts as hung: much longer than any command takes.
PATIENCE = 900


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
        line = within(PATIENCE, [*launcher, *command], cwd, {**os.environ, **environment})
        texts = {name: (Path(directory) / name).read_text(errors="replace") for name in ("out", "err")}
        return {**json.loads(line), **texts}


def within(seconds, command, cwd, environment):
    """As `must`, but ends the command and all that it started if it takes longer."""
    command = [str(part) for part in command]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # In a process group of its own, the command can be killed as a whole. It has to be, because Ctrl-C does not reach that group.
    with subprocess.Popen(command, cwd=cwd, env=environment, start_new_session=True, **pipes) as process:
        try:
            out, error = process.communicate(timeout=seconds)
        except BaseException as reason:
            os.killpg(process.pid, signal.SIGKILL)
            if isinstance(reason, subprocess.TimeoutExpired):
                raise Failed(f"{' '.join(command)} did not end within {seconds} s") from None
            raise
    if process.returncode != 0:
        raise Failed(f"{' '.join(command)} ended with {process.returncode}:\n{error[-2000:]}")
    return out
