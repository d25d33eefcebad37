"""Creates, compares and changes, or removes the stack, one resource after the other or in threads.

    python -m boto3_stack up   --packages DIRECTORY --site DIRECTORY [--threads 16] [--import] [--longest-duration 25000]
    python -m boto3_stack down --packages DIRECTORY --site DIRECTORY [--threads 16]

`up` describes what is there, compares it with what is declared, and writes what differs. It leaves out what such scripts leave out: it
does not compare tags, looks for nothing that is no longer declared, keeps no other run away, records no release, and does not look again
when it is done. `down` deletes what it would have made, and does not prove that nothing is left.
"""

import argparse
import collections
import concurrent.futures
import graphlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from . import api, data, description as d, functions, removal, site
from .access import Aws


@dataclass(frozen=True)
class Step:
    """One resource, or a few that belong together. `after` names the steps that must be done before it."""

    name: str
    work: Callable
    after: tuple = ()


def creation(aws):
    # Steps that delay others longest come first.
    steps = [Step("logging role", lambda: api.logging_role(aws))]
    steps += [Step(f"table {t.name}", lambda t=t: data.table(aws, t)) for t in d.TABLES.values()]
    for f in d.FUNCTIONS:
        of = f.logical
        steps += [
            Step(f"role {of}", lambda f=f: data.role(aws, f)),
            Step(f"policy {of}", lambda f=f: data.role_policy(aws, f), (f"role {of}",)),
            Step(f"log group {of}", lambda f=f: data.log_group(aws, f"/aws/lambda/{d.PROJECT}-", f.log_group, f.log_group)),
            Step(f"function {of}", lambda f=f: functions.function(aws, f), (f"policy {of}", f"log group {of}")),
            Step(f"permission {of}", lambda f=f: functions.permission(aws, f), (f"function {of}", "api")),
        ]
    files = sorted(file for file in aws.settings.site.rglob("*") if file.is_file())
    pages = [Step(f"page {file.name}", lambda file=file: site.page(aws, file), ("bucket",)) for file in files]
    steps += [
        Step("api", lambda: api.rest_api(aws)),
        Step("parts", lambda: api.parts(aws), ("api",)),
        Step("api log group", lambda: api.api_log_group(aws), ("api",)),
        Step("account", lambda: api.account_settings(aws), ("logging role", *(f"function {f.logical}" for f in d.FUNCTIONS))),
        Step("stage", lambda: api.stage(aws), ("parts", "api log group", "account")),
        Step("bucket", lambda: site.bucket(aws)),
        Step("public access block", lambda: site.public_access_block(aws), ("bucket",)),
        *pages,
        Step("origin access control", lambda: site.origin_access_control(aws)),
        Step("distribution", lambda: site.distribution(aws), ("origin access control", "api")),
        Step("bucket policy", lambda: site.bucket_policy(aws), ("distribution", "public access block")),
        Step("invalidation", lambda: site.invalidation(aws), ("distribution", *(page.name for page in pages))),
    ]
    return steps + [Step(f"alarm {a.name}", lambda a=a: data.alarm(aws, a)) for a in d.alarms(aws.settings.longest_duration)]


def removing(aws):
    steps = [Step(f"table {t.name}", lambda t=t: removal.table(aws, t)) for t in d.TABLES.values()]
    for f in d.FUNCTIONS:
        steps += [
            Step(f"function {f.logical}", lambda f=f: removal.function(aws, f)),
            Step(f"role {f.logical}", lambda f=f: removal.role(aws, f), (f"function {f.logical}",)),
            Step(f"log group {f.logical}", lambda f=f: removal.log_group(aws, f), (f"function {f.logical}",)),
        ]
    return steps + [
        Step("alarms", lambda: removal.alarms(aws)),
        Step("distribution", lambda: removal.distribution(aws)),
        Step("origin access control", lambda: removal.origin_access_control(aws), ("distribution",)),
        Step("bucket", lambda: removal.bucket(aws)),
        Step("api", lambda: removal.rest_api(aws)),
    ]


def one_by_one(steps):
    by_name = {step.name: step for step in steps}
    order = graphlib.TopologicalSorter({step.name: step.after for step in steps}).static_order()
    return {name: by_name[name].work() for name in order}


def in_threads(steps, threads):
    by_name = {step.name: step for step in steps}
    order = graphlib.TopologicalSorter({step.name: step.after for step in steps})
    order.prepare()
    results, running = {}, {}
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        while order.is_active():
            for name in order.get_ready():
                running[pool.submit(by_name[name].work)] = name
            done, _ = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
            for future in done:
                name = running.pop(future)
                results[name] = future.result()
                order.done(name)
    return results


def main():
    parser = argparse.ArgumentParser(prog="boto3_stack")
    parser.add_argument("action", choices=["up", "down"])
    parser.add_argument("--packages", type=Path, required=True, help="directory with one zip for each function")
    parser.add_argument("--site", type=Path, required=True, help="directory of the pages")
    parser.add_argument("--architecture", default="arm64", choices=["arm64", "x86_64"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--import", dest="by_import", action="store_true", help="write the API's parts by one PutRestApi")
    parser.add_argument("--longest-duration", type=float, default=25000.0, help="milliseconds; the threshold of one alarm")
    arguments = parser.parse_args()

    aws = Aws()
    aws.settings = d.Settings(
        account=aws.sts.get_caller_identity()["Account"],
        architecture=arguments.architecture,
        packages=arguments.packages,
        site=arguments.site,
        longest_duration=arguments.longest_duration,
        by_import=arguments.by_import,
    )
    steps = creation(aws) if arguments.action == "up" else removing(aws)
    results = one_by_one(steps) if arguments.threads == 1 else in_threads(steps, arguments.threads)
    json.dump(dict(collections.Counter(filter(None, results.values()))), sys.stdout)
    print()


if __name__ == "__main__":
    main()
