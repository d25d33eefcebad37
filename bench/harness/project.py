"""The project that is deployed: this repository's own handlers, pages and stack.yaml, in a directory where they can be changed.

Its functions are for this machine's own processor, so that the handlers build where no other standard library is installed. Both
releases of the code are built before anything is measured.
"""

import base64
import hashlib
import os
import platform
import shutil

from .aws import environment
from .places import ROOT, WORK, Failed, must, say

# Parts of this repository's workspace that cargo needs.
PARTS = ["Cargo.toml", "Cargo.lock", ".cargo", "crates", "src", "tests", "lambdas", "templates", "docs/examples", "dashboard/public", "stack.yaml"]
FUNCTIONS = ["event-collector", "realtime-api", "stats-api"]
# Function with the changed code, and the additional line of its second release.
CHANGED = "stats-api"
SECOND = '\n#[used]\nstatic RELEASE: &str = "the second release";\n'
# Changed field: the threshold of an alarm.
FIELD = ("threshold: 25s", "threshold: 20s")


def longest_duration(field):
    """The threshold, as it is or changed, in milliseconds."""
    return 1000 * int(FIELD[field].removeprefix("threshold: ").removesuffix("s"))


def architecture():
    return "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"


class Project:
    """A copy in which `arrange` puts the variant in place that is to be deployed."""

    def __init__(self, liveinsight, small):
        self.directory = WORK / ("small-project" if small else "project")
        self.site = self.directory / "dashboard" / "public"
        self._liveinsight = liveinsight
        self._small = small

    def packages(self, release):
        """The directory of the zips of a release, 1 or 2, by their functions' names."""
        return self.directory / f"release-{release}"

    def _kept(self, release):
        """What `up` keeps of its builds of a release."""
        return self.packages(release) / "built"

    def digest(self, release):
        """The `CodeSha256` of this release of the function whose code changes."""
        return base64.b64encode(hashlib.sha256((self.packages(release) / f"{CHANGED}.zip").read_bytes()).digest()).decode()

    def arrange(self, release=1, field=False):
        """Makes the project be this release of the code, with the field as it is or changed."""
        text = self._stack
        if field:
            text = text.replace(*FIELD)
        (self.directory / "stack.yaml").write_text(text)
        self._main.write_text(self._source + (SECOND if release == 2 else ""))
        self._built().mkdir(parents=True, exist_ok=True)
        for file in self._kept(release).iterdir():
            shutil.copy2(file, self._built() / file.name)

    def _built(self):
        """Where `up` keeps and looks for packages."""
        return self.directory / ".liveinsight" / "build" / architecture()

    def prepare(self, endpoint):
        """Lays it out and builds both releases; most of it is cargo compiling the handlers as they are for Lambda, once."""
        for part in PARTS:
            copy(ROOT / part, self.directory / part)
        if self._small:
            self._make_small()
        shipped = (ROOT / "stack.yaml").read_text()
        self._stack = shipped
        for function in FUNCTIONS:
            source = f"    source: lambdas/{function}\n"
            self._stack = self._stack.replace(source, f"{source}    architecture: {architecture()}\n")
        if self._stack.count("architecture: ") != len(FUNCTIONS) or FIELD[0] not in self._stack:
            raise Failed("stack.yaml is not what the benchmark takes it for: see bench/harness/project.py")
        self._main = self.directory / "lambdas" / CHANGED / "src" / "main.rs"
        self._source = self._main.read_text()
        for release in (1, 2):
            say(f"building release {release} of the handlers for {architecture()}")
            # Packages of earlier builds stay here; the run below uses those that are still current.
            self._kept(release).mkdir(parents=True, exist_ok=True)
            shutil.rmtree(self._built(), ignore_errors=True)
            self.arrange(release)
            access = {**environment(endpoint, "209999999999"), "CARGO_TARGET_DIR": str(WORK / "handlers")}
            run([self._liveinsight, "plan"], self.directory, access)
            shutil.copytree(self._built(), self._kept(release), dirs_exist_ok=True)
            for function in FUNCTIONS:
                # An outdated build may lie beside the current one.
                newest = max(self._built().glob(f"{function}-*.zip"), key=lambda file: file.stat().st_mtime)
                shutil.copy2(newest, self.packages(release) / f"{function}.zip")
        one, two = (self.packages(release) / f"{CHANGED}.zip" for release in (1, 2))
        if one.read_bytes() == two.read_bytes():
            raise Failed("both releases have the same code")

    def _make_small(self):
        """Programs that do nothing in place of the handlers: seconds to build, for trying the benchmark itself."""
        members = "[workspace]\nresolver = \"3\"\nmembers = [\"lambdas/*\"]\n[profile.lambda]\ninherits = \"release\"\nstrip = true\n"
        (self.directory / "Cargo.toml").write_text(members)
        (self.directory / "Cargo.lock").unlink()
        shutil.rmtree(self.directory / "lambdas")
        for function in FUNCTIONS:
            make_crate(self.directory / "lambdas" / function, function)


def make_crate(directory, name, more=""):
    """A program that does nothing; `more` is added to its manifest."""
    (directory / "src").mkdir(parents=True, exist_ok=True)
    (directory / "Cargo.toml").write_text(f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2024"\n{more}')
    (directory / "src" / "main.rs").write_text("fn main() {}\n")


def run(command, directory, access):
    return must(command, cwd=directory, env={**os.environ, **access})


def copy(source, target):
    """Lays a file or directory anew."""
    if target.is_dir():
        shutil.rmtree(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("target", "node_modules", "__pycache__"))
    else:
        shutil.copy2(source, target)
