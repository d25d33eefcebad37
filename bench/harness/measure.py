"""Runs one command and says what it took. A program of its own, and a small one, on purpose.

Linux counts into a process's peak memory what the process had that started it. So the harness, which has loaded boto3, starts this one,
and this one starts what is measured: nothing below its own 10 MB can be seen, and nothing that is measured is that small.

    python -I -S measure.py DIRECTORY COMMAND…

Prints one line of JSON: `wall` (seconds from the start to the exit), `cpu` (seconds of processor time, user and system) and `memory`
(bytes, the largest process) of the command and of the processes it waited for, `code` (exit code; negative for a signal). The clock is
the monotonic one, so a system clock that jumps changes nothing. What the command prints goes to DIRECTORY/out and DIRECTORY/err.
"""

import json
import os
import sys
import time


def main():
    directory, command = sys.argv[1], sys.argv[2:]
    files = [os.open(os.path.join(directory, name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644) for name in ("out", "err")]
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, files[0], 1),
        (os.POSIX_SPAWN_DUP2, files[1], 2),
    ]
    began = time.monotonic()
    child = os.posix_spawnp(command[0], command, os.environ, file_actions=actions)
    _, status, usage = os.wait4(child, 0)
    wall = time.monotonic() - began
    # The unit is kilobytes on Linux, and bytes on macOS.
    unit = 1 if sys.platform == "darwin" else 1024
    code = os.waitstatus_to_exitcode(status)
    print(json.dumps({"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "memory": usage.ru_maxrss * unit, "code": code}))


main()
