"""Ends what a test started when the test's process is gone, however it ended: stdin is a pipe that closes with it.

Arguments: what to end (`record=FILE`, the server.json of a local AWS, or `pid=NUMBER`), and if others may use it too, `users=FILE`, which
each of them locks, and `parent=NUMBER`: while that is a running cargo, its next test may want it.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time

arguments = dict(argument.split("=", 1) for argument in sys.argv[1:])


def runs(pid):
    try:
        os.kill(pid, 0)
        return True
    except OSError:
        return False


def command(pid):
    return subprocess.run(["ps", "-o", "comm=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()


def pid():
    if "pid" in arguments:
        return int(arguments["pid"])
    try:
        with open(arguments["record"]) as record:
            return json.load(record)["pid"]
    except (OSError, ValueError, KeyError):
        return None


users = None
if "users" in arguments:
    users = open(arguments["users"], "a")
    fcntl.flock(users, fcntl.LOCK_SH)
print("watching", flush=True)
sys.stdin.read()

parent = int(arguments.get("parent", 0))
while parent and os.path.basename(command(parent)) == "cargo":
    time.sleep(0.5)
if users:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.exit()

left = pid()
if left and ("pid" in arguments or "python" in command(left)):
    os.kill(left, signal.SIGTERM) if runs(left) else None
    patience = time.monotonic() + 20
    while runs(left) and time.monotonic() < patience:
        time.sleep(0.1)
    if runs(left):
        try:
            os.killpg(left, signal.SIGKILL)
        except OSError:
            pass
