"""What was set as the goal for liveinsight, and what was measured: ratios within one interleaved measurement."""

from . import builds
from .figures import median
from .phases import PHASES

US, THREADS, IMPORT, TERRAFORM = "liveinsight", "boto3-threads", "boto3-import", "terraform"


def goals(figures, extremes):
    """Rows: (what, the most that is allowed, what was measured as a number, or None if it was not)."""
    of = lambda phase, name, setting=None, who=US: median_or_none(figures.values(who, phase, name, setting))
    latencies = [str(latency) for latency in figures.latencies]
    # A megabyte is 2^20 bytes here, as everywhere on the page.
    megabytes = lambda phase: scaled(of(phase, "memory"), 1 / 2**20)
    counted = "without AWS's delays, under which waits ask again and again"
    rows = [
        ("nothing changed: calls", 40, of("unchanged", "calls")),
        ("nothing changed: chain", 2, least(figures.values(US, "unchanged", "rounds"))),
    ]
    for key in latencies:
        theirs = of("unchanged", "wall", key, TERRAFORM)
        rows.append((f"nothing changed: wall to Terraform's, {key} ms", 0.15, ratio(of("unchanged", "wall", key), theirs)))
    for key in latencies:
        theirs = of("unchanged", "wall", key, THREADS)
        rows.append((f"nothing changed: wall to that of boto3 in threads, {key} ms", 1, ratio(of("unchanged", "wall", key), theirs)))
    for key in latencies:
        most = 0.150 + 2 * int(key) / 1000
        rows.append((f"nothing changed: seconds, {key} ms (150 ms and two round trips)", most, of("unchanged", "wall", key)))
    rows += [
        ("nothing changed: CPU, ms", 80, scaled(of("unchanged", "cpu"), 1000)),
        ("nothing changed: memory, MB", 40, megabytes("unchanged")),
        (f"creation: writes, {counted}", 65, of("create", "writes")),
        (f"creation: reads, {counted}", 60, of("create", "reads")),
        ("creation: wall to the floor, AWS's limits and delays", 1.15, to_floor(figures, of, "create")),
    ]
    for key in (key for key in latencies if key != "0"):
        theirs = of("create", "wall", key, IMPORT)
        rows.append((f"creation: wall to that of boto3 by import, {key} ms", 1, ratio(of("create", "wall", key), theirs)))
    throttled = [sum(t.values()) for phase in PHASES for t in figures.values(US, phase.key, "throttles", "aws")]
    rows += [
        ("all phases: throttled calls", 0, sum(throttled) if throttled else None),
        ("code: calls from the first write on", 12, of("code", "acting")),
        (f"removal: writes, {counted}", 30, of("remove", "writes")),
        ("removal: wall to the floor, AWS's limits and delays", 1.15, to_floor(figures, of, "remove")),
    ]
    if "scale" in extremes:
        few, many = (result["runs"]["unchanged"] for result in extremes["scale"])
        resources = [result["resources"] for result in extremes["scale"]]
        rows += [
            (f"{resources[1]} resources, unchanged: calls to those of {resources[0]}", 12, ratio(many["calls"], few["calls"])),
            *(
                (
                    f"{resources[1]} resources, {phase}: time a resource to that of {resources[0]}", 1.5,
                    ratio(*(result["runs"][phase]["wall"] / result["resources"] for result in reversed(extremes["scale"]))),
                )
                for phase in extremes["scale"][0]["runs"] if phase.startswith("unchanged")
            ),
            (f"{resources[1]} resources, unchanged: memory, MB", 120, many["memory"] / 2**20),
        ]
    if "builds" in extremes:
        rows += builds.goals(extremes["builds"])
    return rows


def median_or_none(values):
    return median(values) if values else None


def least(values):
    return min(values) if values else None


def scaled(value, factor):
    return None if value is None else value * factor


def ratio(ours, theirs):
    return None if ours is None or not theirs else ours / theirs


def to_floor(figures, of, key):
    if "aws" not in figures.settings:
        return None
    phase = next(phase for phase in PHASES if phase.key == key)
    return ratio(of(key, "wall", "aws"), figures.floor(phase, "aws"))
