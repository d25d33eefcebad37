"""What the measurement ran on, in words; no paths and no names."""

import os
import platform
import subprocess


def describe():
    """Each fact as one short text, or nothing where the system does not tell."""
    facts = {
        "processor": f"{os.cpu_count()} × {processor()}",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GB",
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        "rust": first_line(["rustc", "--version"]),
        "load at the start": f"{os.getloadavg()[0]:.1f}",
    }
    return {key: value for key, value in facts.items() if value}


def processor():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as text:
            names = [line.split(":")[1].strip() for line in text if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.machine()


def first_line(command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return ""
