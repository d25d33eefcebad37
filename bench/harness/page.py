"""Writes what was measured into docs/performance.md, between its markers, and the chart beside it."""

from . import builds, chart, timeline
from .contenders import contenders
from .figures import Figures, median
from .goals import goals
from .places import ROOT, Failed, say
from .phases import PHASES

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
PAGE = ROOT / "docs" / "performance.md"
CHART = ROOT / "docs" / "images" / "performance.svg"


def write(results):
    text = PAGE.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise Failed(f"docs/performance.md has no {BEGIN} and {END}")
    PAGE.write_text(f"{before}{BEGIN}\n\n{measured(results)}\n{END}{after}")
    CHART.parent.mkdir(exist_ok=True)
    CHART.write_text(chart.draw(Figures(results)))
    if drawn(results):
        timeline.PICTURE.write_text(timeline.draw())
    say("wrote docs/performance.md and its pictures")


def measured(results):
    """All that was measured, as Markdown."""
    figures = Figures(results)
    parts = [head(results)]
    parts += [table(figures, phase) for phase in PHASES]
    extremes = results["extremes"]
    parts.append(goal_table(figures, extremes))
    shown = {"scale": scale, "crowd": crowd, "trouble": trouble, "builds": lambda found: builds.table(found, markdown)}
    for name, show in shown.items():
        if name in extremes:
            heading, rest = show(extremes[name]).split("\n", 1)
            made = results.get("made", {}).get(name)
            parts.append(f"{heading}\n\n{origin(made)}\n{rest}" if made else f"{heading}\n{rest}")
    return "\n".join(parts)


def drawn(results):
    """Whether a creation was recorded in this measurement; older results do not say, but always had one with AWS's delays."""
    return results.get("timeline", any(sample["setting"] == "aws" for sample in results["samples"]))


def origin(made):
    commit = f", commit {made['commit']}" if made.get("commit") else ""
    built = ", taken as it was last built" if "--no-build" in made["command"] else ""
    return f"`{made['command']}` on {made['date']}{commit}, cargo profile `{made['profile']}`{built}."


def head(results):
    machine = "; ".join(f"{key}: {value}" for key, value in results["machine"].items())
    runs = {}
    for sample in results["samples"]:
        key = (sample["contender"], sample["setting"])
        runs[key] = runs.get(key, 0) + 1
    times = []
    for key, title in Figures(results).settings.items():
        counts = sorted({n for (_, setting), n in runs.items() if setting == key})
        count = f"{counts[0]}–{counts[-1]}" if len(counts) > 1 else f"{counts[0]}"
        times.append(f"{count} × {'AWS' if key == 'aws' else title}")
    handlers = "programs that do nothing" if results["small"] else "this repository's own, as they are for Lambda"
    # Older results have their origin at the top level, newer ones in each part.
    made = origin(results.get("made", {}).get("turns", results))
    lines = [f"{made} {machine}. Runs: {', '.join(times)}. Handlers: {handlers}."]
    if results["note"]:
        lines.append(f"\n**{results['note']}**")
    lines.append("\n![Wall-clock time by added latency, with the floor](images/performance.svg)\n")
    if drawn(results):
        lines.append("A first creation under AWS's limits and delays, as `up --timings` draws it: calls, waits for AWS, and the critical path (outlined).\n")
        lines.append("![Each resource's calls and waits over time](images/creation.svg)\n")
    return "\n".join(lines)


def table(figures, phase):
    settings = figures.settings
    heads = ["", *(f"wall, {title}" for title in settings.values()), "calls (reads + writes)"]
    heads += [f"calls, {settings['aws']} (failed)"] if "aws" in settings else []
    heads += ["chain", "CPU", "memory"]
    if "aws" in settings:
        heads.append("throttled")
    heads.append("leaves out")
    rows = []
    for contender in contenders("", None):
        if contender.key in figures.missing:
            rows.append([contender.title, figures.missing[contender.key], *[""] * (len(heads) - 2)])
        elif figures.took_part(contender.key):
            of = lambda name, setting=None: figures.values(contender.key, phase.key, name, setting)
            walls = [spread(of("wall", setting)) for setting in settings]
            rows.append([contender.title, *walls, *figures.about(contender.key, phase.key), contender.leaves_out])
    floors = [f"{figures.floor(phase, setting):.2f} s" for setting in settings]
    floor = ["*floor*", *floors, f"{phase.fewest_calls}", *[""] * ("aws" in settings), f"{phase.shortest_chain}"]
    rows.append(floor + [""] * (len(heads) - len(floor)))
    return f"### {phase.title}\n\n{markdown(heads, rows)}"


def markdown(heads, rows):
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def spread(walls):
    """The median, with the least and the most; what was measured once has none."""
    if not walls:
        return ""
    if len(walls) == 1:
        return f"**{walls[0]:.2f} s**"
    middle, least, most = median(walls), min(walls), max(walls)
    return f"**{middle:.2f} s** ({least:.2f}–{most:.2f})"


def goal_table(figures, extremes):
    rows = []
    for what, most, found in goals(figures, extremes):
        verdict = "not measured" if found is None else "met" if found <= most else "**missed**"
        rows.append([what, f"{most:.4g}", "" if found is None else f"{found:.3g}", verdict])
    return f"### Goals\n\nThe most that is allowed, and the median that was measured.\n\n{markdown(['liveinsight', 'goal', 'measured', ''], rows)}"


def scale(results):
    heads = ["resources", "phase", "wall", "calls", "calls a resource", "time a resource", "CPU", "memory"]
    rows = []
    for result in results:
        for phase, sample in result["runs"].items():
            resources = result["resources"]
            rows.append([
                str(resources), phase, f"{sample['wall']:.2f} s", f"{sample['calls']} ({sample['writes']} writes)",
                f"{sample['calls'] / resources:.2f}", f"{1000 * sample['wall'] / resources:.0f} ms",
                f"{sample['cpu']:.2f} s", f"{sample['memory'] / 2**20:.0f} MB",
            ])
    few, many = (result["resources"] for result in results)
    return f"### {many} resources beside {few}\n\nGenerated stacks; one run each, of *unchanged* the middle one of three; no added latency but where it is said.\n\n{markdown(heads, rows)}"


def crowd(results):
    alone, crowded = results["runs"]["alone"], results["runs"]["crowded"]
    more = {name: count - alone["operations"].get(name, 0) for name, count in crowded["operations"].items()}
    more = ", ".join(f"`{name}` {count}" for name, count in sorted(more.items()) if count > 0) or "none"
    heads = ["unchanged `up`", "calls", "chain", "wall", "CPU", "memory"]
    row = lambda title, s: [
        title, str(s["calls"]), str(s["rounds"]), f"{s['wall']:.2f} s", f"{s['cpu']:.2f} s", f"{s['memory'] / 2**20:.0f} MB",
    ]
    rows = [row("alone in the account", alone), row("crowded", crowded)]
    number = f"{results['number']:,}"
    title = f"### An account with {number} strange tables, functions, alarms and log groups each, and 200 APIs"
    return f"{title}\n\nOne run each, no added latency. Calls more than alone: {more}.\n\n{markdown(heads, rows)}"


def trouble(results):
    titles = {
        "slow": "every call takes a second more",
        "lossy": "a tenth of the calls is throttled, stumbles, is cut off, or done and its answer lost",
        "hanging": "the 20th write, in the creation, is never answered, and its connection stays open",
    }
    heads = ["the endpoint", "phase", "exit codes, run after run", "wall", "calls"]
    rows = []
    for name, runs in results.items():
        for phase, samples in runs.items():
            codes = ", ".join(str(sample["code"]) for sample in samples)
            walls = ", ".join(f"{sample['wall']:.1f} s" for sample in samples)
            rows.append([titles[name], phase, codes, walls, ", ".join(str(sample["calls"]) for sample in samples)])
    return f"### An endpoint in trouble\n\nEach phase is run until it ends with 0; nothing may be left at the end.\n\n{markdown(heads, rows)}"
