"""Who takes part: how each of them makes the stack be as it is declared, how it removes it, and what it leaves out."""

import shutil
import sys
from dataclasses import dataclass

from .places import RIVALS, WORK, Failed, must
from .project import architecture, longest_duration


@dataclass(frozen=True)
class Variant:
    """What is to be deployed: a release of the code, and the one field as it is or changed."""

    release: int = 1
    field: bool = False


class Liveinsight:
    key = "liveinsight"
    title = "liveinsight"
    leaves_out = "the smoke check; has plan, tags, orphans, lock, release record, a last look at everything"

    def __init__(self, binary, project):
        self._binary = str(binary)
        self._project = project

    def missing(self):
        return None

    def prepare(self, account, variant):
        self._project.arrange(variant.release, variant.field)

    def up(self, account, variant):
        # The smoke check calls the stack's public addresses, which no server answers here.
        return [self._binary, "up", "--quiet", "--no-smoke"], self._project.directory, {}

    def down(self, account, variant):
        return [self._binary, "down", "--quiet", "--yes", "--delete-data"], self._project.directory, {}


class Boto3:
    """`bench/rivals/boto3_stack`."""

    leaves_out = "comparison of tags, orphans, lock, record, last look; on removal the proof that nothing is left"

    def __init__(self, key, title, project, options):
        self.key, self.title = key, title
        self._project, self._options = project, options

    def missing(self):
        return None

    def prepare(self, account, variant):
        pass

    def up(self, account, variant):
        return self._command("up", variant)

    def down(self, account, variant):
        return self._command("down", variant)

    def _command(self, action, variant):
        command = [
            sys.executable, "-m", "boto3_stack", action,
            "--packages", str(self._project.packages(variant.release)),
            "--site", str(self._project.site),
            "--architecture", architecture(),
            "--longest-duration", str(longest_duration(variant.field)),
            *self._options,
        ]
        return command, self._project.directory, {"PYTHONPATH": str(RIVALS)}


class Terraform:
    """`bench/rivals/terraform`, where Terraform or OpenTofu is installed and can get its AWS provider."""

    key = "terraform"
    title = "Terraform"
    leaves_out = "orphans that are not in its state, record; it has a state file to keep"

    def __init__(self, project):
        self._project = project
        self._program = shutil.which("terraform") or shutil.which("tofu")
        self._missing = None

    def missing(self):
        """Why it cannot take part; None if it can."""
        if self._program is None:
            return "not run: not installed"
        if self._missing is None:
            self._missing = self._initialise() or ""
        return self._missing or None

    def _initialise(self):
        try:
            must([*self._in(self._directory("base")), "init", "-input=false", "-no-color"])
        except Failed:
            return "not run: `terraform init` failed"
        return None

    def _directory(self, account):
        directory = WORK / "terraform" / account
        directory.mkdir(parents=True, exist_ok=True)
        for file in (RIVALS / "terraform").glob("*.tf"):
            shutil.copy2(file, directory / file.name)
        return directory

    def _in(self, directory):
        return [self._program, f"-chdir={directory}"]

    def prepare(self, account, variant):
        directory = self._directory(account)
        for name in (".terraform", ".terraform.lock.hcl"):
            source, target = WORK / "terraform" / "base" / name, directory / name
            if source.is_dir():
                shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
            elif source.exists():
                shutil.copy2(source, target)

    def up(self, account, variant):
        return self._command("apply", account, variant)

    def down(self, account, variant):
        return self._command("destroy", account, variant)

    def _command(self, action, account, variant):
        variables = {
            "packages": self._project.packages(variant.release),
            "site": self._project.site,
            "architecture": architecture(),
            "longest_duration": longest_duration(variant.field),
        }
        options = [f"-var={name}={value}" for name, value in variables.items()]
        command = [*self._in(WORK / "terraform" / account), action, "-auto-approve", "-input=false", "-no-color", *options]
        return command, self._project.directory, {"TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}


def contenders(liveinsight, project):
    """All of them, in the order in which they take turns."""
    return [
        Liveinsight(liveinsight, project),
        Boto3("boto3-import", "boto3, threads, API by import", project, ["--threads", "16", "--import"]),
        Boto3("boto3-threads", "boto3, threads", project, ["--threads", "16"]),
        Boto3("boto3", "boto3, one by one", project, []),
        Terraform(project),
    ]
