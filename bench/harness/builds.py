"""How long compilers take: everything from nothing, and one edited handler until it is live in `dev`, beside cargo alone."""

import os
import shutil
import signal
import subprocess
import time

from .aws import environment
from .figures import median
from .places import ROOT, WORK, Failed, must, say
from .project import CHANGED, FUNCTIONS, architecture

CLEAN = WORK / "clean"
EDITS = 5
# Seconds, enough to build all handlers on a machine under load.
PATIENCE = 1200


def measure(project, endpoint):
    """Seconds, and bytes of the program; removes what it built."""
    shutil.rmtree(CLEAN, ignore_errors=True)
    try:
        return {"clean": clean(project, endpoint), "edit": edits(project)}
    finally:
        shutil.rmtree(CLEAN, ignore_errors=True)


def clean(project, endpoint):
    """A release build of the program, then of the handlers for Lambda, each with all that it depends on."""
    say("building everything from nothing")
    access = {**os.environ, "CARGO_TARGET_DIR": str(CLEAN)}
    program = timed(lambda: must(["cargo", "build", "--locked", "--release", "-p", "liveinsight"], cwd=ROOT, env=access))
    project.arrange()
    shutil.rmtree(project.directory / ".liveinsight" / "build")
    access = {**access, **environment(endpoint, "209999999999")}
    handlers = timed(lambda: must([CLEAN / "release" / "liveinsight", "plan"], cwd=project.directory, env=access))
    return {"program": program, "bytes": (CLEAN / "release" / "liveinsight").stat().st_size, "handlers": handlers}


def edits(project):
    """One handler edited, again and again: until `dev` says that it is live, and until cargo alone has built it."""
    directory = project.directory
    access = {**os.environ, "CARGO_TARGET_DIR": str(CLEAN)}
    source = directory / "lambdas" / CHANGED / "src" / "main.rs"
    original = source.read_text()
    edit = lambda n: source.write_text(f'{original}\n#[used]\nstatic EDIT: &str = "{n} at {time.time_ns()}";\n')
    log = WORK / "dev.log"
    program = CLEAN / "release" / "liveinsight"
    say("editing a handler under `dev`")
    with log.open("w") as output:
        dev = subprocess.Popen([program, "dev"], cwd=directory, env=access, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        said(dev, log, "watching the sources", 1)
        live = []
        for n in range(EDITS):
            before = log.read_text().count("live: ")
            live.append(timed(lambda: (edit(n), said(dev, log, "live: ", before + 1))))
            time.sleep(1)
    finally:
        dev.send_signal(signal.SIGINT)
        dev.wait()
        must([program, "local", "reset"], cwd=directory, env=access)
    cargo = ["cargo", "build", "--package", CHANGED]
    alone = []
    for n in range(EDITS):
        edit(n)
        alone.append(timed(lambda: must(cargo, cwd=directory, env=access)))
    source.write_text(original)
    return {"live": live, "cargo": alone}


def said(dev, log, text, times):
    """Waits until the log has this text so many times."""
    end = time.monotonic() + PATIENCE
    while log.read_text().count(text) < times:
        if dev.poll() is not None or time.monotonic() > end:
            raise Failed(f"`dev` did not say {text!r}:\n{log.read_text()[-2000:]}")
        time.sleep(0.02)


def timed(work):
    began = time.monotonic()
    work()
    return time.monotonic() - began


def goals(found):
    beyond = median(found["edit"]["live"]) - median(found["edit"]["cargo"])
    return [("an edited handler until it is live in `dev`: seconds beyond cargo's", 5, beyond)]


def table(found, markdown):
    """As Markdown."""
    clean, edit = found["clean"], found["edit"]
    spread = lambda walls: f"{median(walls):.1f} s ({min(walls):.1f}–{max(walls):.1f})"
    rows = [
        ["release build of the program and of all it depends on", f"{clean['program']:.0f} s", f"{clean['bytes']:,} bytes"],
        [f"the {len(FUNCTIONS)} handlers for Lambda ({architecture()}) and all they depend on", f"{clean['handlers']:.0f} s", ""],
        ["one handler edited under `dev`, until it is live", spread(edit["live"]), f"{len(edit['live'])} edits"],
        ["the same edit, cargo alone", spread(edit["cargo"]), ""],
    ]
    return f"### Builds\n\nAll from nothing, with the crates downloaded.\n\n{markdown(['', 'wall', ''], rows)}"
