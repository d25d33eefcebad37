"""What is measured, and under which circumstances."""

from dataclasses import dataclass

from .contenders import Variant

RESOURCES = 59


@dataclass(frozen=True)
class Phase:
    key: str
    title: str
    variant: Variant
    removes: bool = False
    # Calls and the longest dependent chain of the best program that can be written (see docs/performance.md).
    fewest_calls: int = 0
    shortest_chain: int = 0
    # Least seconds that AWS's own delays take, under the setting `aws`.
    shortest_delay: float = 0.0


PHASES = [
    # No reads. The API by import, its deployment with the stage, the stage's settings, the account's (4); distribution and access control (2);
    # alarms (8); tables, each with time to live and recovery (6); roles and their policies (8); functions with their version, aliases,
    # permissions (9); log groups, each with its retention (8); the bucket, its versioning and policy (3); its files (8). A role, its
    # function, the alias, the permission. A table with an index takes 16 s, its point-in-time recovery 2.5 s more.
    Phase("create", "Creation", Variant(), fewest_calls=56, shortest_chain=4, shortest_delay=18.5),
    Phase("unchanged", "Nothing changed", Variant(), fewest_calls=23, shortest_chain=1),
    # The reads, and the write.
    Phase("field", "One field changed", Variant(field=True), fewest_calls=24, shortest_chain=2),
    # The reads, the code, and the alias. `UpdateFunctionCode` with `Publish` makes the version in the same call. AWS accepts `UpdateAlias`
    # while the function is still busy for 2 s, so no program has to wait for it.
    Phase("code", "Code of one function changed", Variant(release=2, field=True), fewest_calls=25, shortest_chain=3),
    # The API; the distribution, disabled and deleted, and its access control (3); the alarms in one call; tables (2); policies and roles (6);
    # functions (3); log groups (4); the bucket's objects in one call, and the bucket. The distribution is disabled and deployed (18 s here),
    # and lets go of its access control 20 s later.
    Phase("remove", "Removal", Variant(release=2, field=True), removes=True, fewest_calls=22, shortest_chain=5, shortest_delay=38.0),
]


@dataclass(frozen=True)
class Setting:
    key: str
    title: str
    # Milliseconds added to each call.
    latency: int
    # Further options of the strict AWS.
    options: tuple = ()
    # Seconds before each run, in which the request limits recover from the run before it: users do not repeat a run at once.
    rest: float = 0.0

    @property
    def proxy_options(self):
        return ["--latency", str(self.latency), "--pass-unknown", *self.options]


# Seconds for deploying a distribution under AWS's delays: a tenth of AWS's own, because nothing else depends on it.
DEPLOYING = 18


def settings(latencies, with_aws):
    """The settings, in the order of the table."""
    plain = [Setting(str(latency), f"{latency} ms", latency) for latency in latencies]
    aws = Setting("aws", "AWS's limits and delays", 20, ("--limits", "1", "--delays", "1", "--deploying", str(DEPLOYING)), rest=5)
    return [*plain, aws] if with_aws else plain
