"""Measures liveinsight and its rivals, and writes docs/performance.md.

Runs take turns (A B C A B C …), so that whatever else the machine does meets all of them alike. Each run has an account of its own,
empty at first, and a proxy of its own in front of the local AWS. After each run another client counts the account's resources and looks
for what the run was to change, and after a removal it must find none: a run that did not do its work fails the benchmark.
"""

import argparse
import datetime
import json
import os
import sys
import time

from . import builds, extremes, page, timeline
from .aws import Account, LocalAws, Proxy, accounts, environment
from .contenders import Liveinsight, contenders
from .machine import describe, first_line
from .phases import PHASES, RESOURCES, settings
from .places import ROOT, WORK, Failed, measured, must, say
from .project import CHANGED, Project, longest_duration


def arguments():
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="how often each is measured with added latency (default: 5)")
    parser.add_argument("--aws-runs", type=int, default=3, help="how often under AWS's limits and delays, 0 for not at all (default: 3)")
    parser.add_argument("--latency", default="0,50,150", help="milliseconds added to each call, with commas (default: 0,50,150)")
    parser.add_argument("--only", default="", help="keys of contenders, with commas: liveinsight, boto3-import, boto3-threads, boto3, terraform")
    parser.add_argument("--profile", default="release", help="cargo's profile for liveinsight and the proxy (default: release)")
    parser.add_argument("--no-build", action="store_true", help="take liveinsight and the proxy as they were last built")
    parser.add_argument("--small", action="store_true", help="programs that do nothing as handlers: for trying the benchmark itself")
    parser.add_argument("--scale", type=int, default=0, metavar="FUNCTIONS", help="also a generated stack with so many functions (the goals: 40)")
    parser.add_argument("--crowd", type=int, default=0, metavar="NUMBER", help="also an account with so many strange tables, functions, alarms, log groups")
    parser.add_argument("--trouble", action="store_true", help="also a slow, a hanging and a lossy endpoint")
    parser.add_argument("--builds", action="store_true", help="also how long builds take; half an hour")
    parser.add_argument("--add", action="store_true", help="only what the four options above name, added to what was measured last")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md and its chart; otherwise the tables are printed")
    parser.add_argument("--note", default="", help="a sentence for the document about the circumstances, such as other load")
    parser.add_argument("--results", action="store_true", help="measure nothing: show, or with --write write, what was measured last")
    return parser.parse_args()


def build(profile, no_build):
    """Builds liveinsight and the proxy; their paths."""
    if not no_build:
        say(f"building liveinsight and the proxy ({profile})")
        must(["cargo", "build", "--locked", "--profile", profile, "-p", "liveinsight", "-p", "strict-aws"], cwd=ROOT)
    metadata = json.loads(must(["cargo", "metadata", "--no-deps", "--format-version", "1"], cwd=ROOT))
    directory = f"{metadata['target_directory']}/{'debug' if profile == 'dev' else profile}"
    return f"{directory}/liveinsight", f"{directory}/strict-aws"


def run(contender, setting, project, strict, aws):
    """All phases of one contender in a new account; what each took."""
    account = next(accounts)
    there = Account(aws.endpoint, account)
    samples = {}
    with Proxy(strict, aws.endpoint, setting.proxy_options) as proxy:
        for phase in PHASES:
            contender.prepare(account, phase.variant)
            time.sleep(setting.rest)
            command, directory, extra = (contender.down if phase.removes else contender.up)(account, phase.variant)
            taken = measured(command, directory, {**environment(proxy.endpoint, account), **extra})
            out, error = taken.pop("out"), taken.pop("err")
            where = f"{contender.key}, {setting.key}, {phase.key}"
            if taken["code"] != 0:
                raise Failed(f"{where} ended with {taken['code']}:\n{out[-2000:]}\n{error[-2000:]}")
            report = proxy.report()
            prove(where, phase, project, there, report)
            samples[phase.key] = {**taken, **report}
            say(f"{where}: {taken['wall']:.2f} s, {report['reads']} reads, {report['writes']} writes, chain {report['rounds']}")
    return samples


def prove(where, phase, project, there, report):
    """Fails unless the account is as it was to be made, and unless nothing was written where nothing was to be done."""
    count = there.resources()
    if sum(count.values()) != (0 if phase.removes else RESOURCES):
        raise Failed(f"{where}: the account holds {sum(count.values())} resources: {count}")
    if phase.key == "unchanged" and report["writes"]:
        raise Failed(f"{where}: {report['writes']} writes, though nothing changed: {report['operations']}")
    if phase.removes:
        return
    found, declared = there.thresholds("Duration"), longest_duration(phase.variant.field)
    if found != [declared]:
        raise Failed(f"{where}: the alarm's threshold is {found}, not {declared}")
    found, declared = there.serving(CHANGED), project.digest(phase.variant.release)
    if found != [declared]:
        raise Failed(f"{where}: the code behind the alias of {CHANGED} is {found}, not release {phase.variant.release}, {declared}")


def measure(chosen, wanted):
    """Runs what is wanted, in turns; with `--add`, what is apart from the turns."""
    made = origin(wanted.profile)
    liveinsight, proxy = build(wanted.profile, wanted.no_build)
    project = Project(liveinsight, wanted.small)
    unfinished, kept = files(wanted)
    if wanted.add:
        results = last(wanted)
    else:
        results = {
            "made": {"turns": made},
            "machine": describe(),
            "small": wanted.small,
            "note": wanted.note,
            "samples": [],
            "missing": {},
            "timeline": False,
            "extremes": {},
        }
    with LocalAws(liveinsight) as aws:
        project.prepare(aws.endpoint)
        if not wanted.add:
            take_turns(chosen, wanted, contenders(liveinsight, project), project, proxy, aws, results)
            if wanted.aws_runs:
                timeline.record(liveinsight, proxy, aws, Liveinsight(liveinsight, project))
                results["timeline"] = True
            save(results, unfinished)
            os.replace(unfinished, kept)
        bench = extremes.Bench(liveinsight, proxy, aws, project)
        for name, is_wanted, find in (
            ("scale", wanted.scale, lambda: extremes.scale(bench, wanted.scale)),
            ("crowd", wanted.crowd, lambda: extremes.crowd(bench, wanted.crowd)),
            ("trouble", wanted.trouble, lambda: extremes.trouble(bench)),
            ("builds", wanted.builds, lambda: builds.measure(project, aws.endpoint)),
        ):
            if is_wanted:
                results["extremes"][name] = find()
                # Results from before this record existed have none.
                results.setdefault("made", {})[name] = made
                save(results, kept)
    return results


def take_turns(chosen, wanted, everyone, project, proxy, aws, results):
    """All phases of everyone who can take part, A B C A B C …"""
    taking_part = []
    only = set(wanted.only.split(",")) if wanted.only else {contender.key for contender in everyone}
    if unknown := only - {contender.key for contender in everyone}:
        raise Failed(f"--only names {', '.join(sorted(unknown))}; known are {', '.join(contender.key for contender in everyone)}")
    for contender in everyone:
        if contender.key not in only:
            continue
        reason = contender.missing()
        results["missing"].update({contender.key: reason} if reason else {})
        taking_part += [] if reason else [contender]
    for number in range(max(wanted.runs, wanted.aws_runs)):
        for setting in chosen:
            if number >= (wanted.aws_runs if setting.key == "aws" else wanted.runs):
                continue
            for contender in taking_part:
                samples = run(contender, setting, project, proxy, aws)
                results["samples"].append({"contender": contender.key, "setting": setting.key, "phases": samples})
                save(results, files(wanted)[0])


def command(options):
    """The command as it can be repeated; the note is shown by itself."""
    options, kept = iter(options), []
    for option in options:
        if option == "--note":
            next(options, None)
        elif not option.startswith("--note="):
            kept.append(option)
    return " ".join(["bench/run", *kept])


def origin(profile):
    """Of what, when and how something is measured; `+` says that the working tree was not the commit's."""
    git = ["git", "-C", str(ROOT)]
    commit = first_line([*git, "rev-parse", "--short", "HEAD"]) + ("+" if first_line([*git, "status", "--porcelain"]) else "")
    return {"commit": commit, "date": datetime.date.today().isoformat(), "command": command(sys.argv[1:]), "profile": profile}


def files(wanted):
    """Where the turns are kept as far as they came, and what was measured last, whose place only all of them take. A try takes no place of it."""
    kept = "tried" if wanted.small or wanted.profile != "release" else "results"
    return WORK / f"{kept}.new.json", WORK / f"{kept}.json"


def save(results, file):
    """All of it or nothing: whoever stops this leaves what was there."""
    part = file.with_suffix(".part")
    part.write_text(json.dumps(results, indent=1))
    os.replace(part, file)


def last(wanted):
    """What was measured last."""
    try:
        return json.loads(files(wanted)[1].read_text())
    except FileNotFoundError:
        raise Failed("nothing was measured yet: run it without --add and --results") from None


def forget_environment():
    """Drops what would lead clients elsewhere: to another account, region or state, or through a proxy to the local AWS, and counted by nobody."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "TF_")):
            del os.environ[name]
    # Downloads still need their proxy.
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = "127.0.0.1,localhost"


def main():
    wanted = arguments()
    forget_environment()
    WORK.mkdir(parents=True, exist_ok=True)
    chosen = settings([int(part) for part in wanted.latency.split(",") if part], wanted.aws_runs > 0)
    try:
        results = last(wanted) if wanted.results else measure(chosen, wanted)
        if wanted.write:
            page.write(results)
        else:
            print(page.measured(results))
    except Failed as failure:
        sys.exit(f"error: {failure}")


main()
