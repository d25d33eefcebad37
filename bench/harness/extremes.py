"""What only liveinsight is measured with: a stack ten times as large, a crowded account, and an endpoint in trouble."""

import concurrent.futures
import io
import os
import zipfile
from dataclasses import dataclass

from .aws import Account, LocalAws, Proxy, accounts, environment
from .phases import RESOURCES
from .places import WORK, Failed, measured, must, say
from .project import Project, architecture, make_crate


@dataclass
class Bench:
    liveinsight: str
    strict: str
    aws: LocalAws
    project: Project

    def run(self, proxy, account, directory, *command):
        """One run of liveinsight; what it took and asked for."""
        taken = measured([self.liveinsight, *command], directory, environment(proxy.endpoint, account))
        last = "\n".join((taken.pop("out") + taken.pop("err")).splitlines()[-15:])
        sample = {**taken, **proxy.report(), "last": last}
        say(f"{' '.join(command)}: {sample['wall']:.2f} s, code {sample['code']}, {sample['calls']} calls, {sample['memory'] >> 20} MB")
        return sample

    def proxy(self, latency=0):
        return Proxy(self.strict, self.aws.endpoint, ["--latency", str(latency)])


def succeeded(sample):
    if sample["code"] != 0:
        raise Failed(f"a run ended with {sample['code']}:\n{sample['last']}")
    return sample


def holds(where, account, wanted):
    """Fails unless the account holds so many resources."""
    count = account.resources()
    if sum(count.values()) != wanted:
        raise Failed(f"{where}: the account holds {sum(count.values())} resources, not {wanted}: {count}")


UP = ("up", "--quiet", "--no-smoke")
DOWN = ("down", "--quiet", "--yes", "--delete-data")


def large_stack(functions):
    """A stack.yaml with so many functions, each with a route, a preflight and three alarms: that of `tests/contract/scale.rs`."""
    lines = ["project: large", "region: us-east-1", "tables:", "  items: { partition_key: { name: id, type: S } }", "functions:"]
    crate = f"source: handler, architecture: {architecture()}"
    lines += [f"  f{n}: {{ {crate}, route: GET /api/f{n}, reads: [items] }}" for n in range(functions)]
    lines += ['api: { cors: { origins: ["*"], headers: [Content-Type], max_age: 2h } }', "alarms:", "  rules:"]
    for n in range(functions):
        for name, rule in (("errors", "threshold: 5"), ("duration", "threshold: 25s"), ("throttles", "threshold: 1")):
            lines.append(f"    f{n}-{name}: {{ function: f{n}, metric: {name}, {rule}, period: 5m }}")
    return "\n".join(lines) + "\n"


# Milliseconds added to each call in the second measurement of unchanged runs of a large stack, as on the way to a nearby region.
ON_THE_WAY = 50


def scale(bench, functions):
    """Creation, unchanged runs and removal of stacks with 3 and with this many functions; without added latency but where it is said."""
    results = []
    for number in (3, functions):
        directory = WORK / f"large-{number}"
        # The crate is no member of the workspace around it.
        make_crate(directory / "handler", "handler", "[workspace]\n")
        (directory / "stack.yaml").write_text(large_stack(number))
        account = next(accounts)
        access = {**os.environ, **environment(bench.aws.endpoint, account), "CARGO_TARGET_DIR": str(WORK / "handlers")}
        must([bench.liveinsight, "plan"], cwd=directory, env=access)
        with bench.proxy() as proxy:
            runs = {"create": succeeded(bench.run(proxy, account, directory, *UP)), "unchanged": unchanged(bench, proxy, account, directory)}
        with bench.proxy(ON_THE_WAY) as proxy:
            runs[f"unchanged, {ON_THE_WAY} ms a call"] = unchanged(bench, proxy, account, directory)
        there = Account(bench.aws.endpoint, account)
        resources = sum(there.resources().values())
        with bench.proxy() as proxy:
            runs["remove"] = succeeded(bench.run(proxy, account, directory, *DOWN))
        holds(f"{number} functions, remove", there, 0)
        results.append({"functions": number, "resources": resources, "runs": runs})
    return results


def unchanged(bench, proxy, account, directory):
    """The middle one of three runs that find nothing to do."""
    samples = [succeeded(bench.run(proxy, account, directory, *UP)) for _ in range(3)]
    return sorted(samples, key=lambda sample: sample["wall"])[1]


def crowd(bench, number):
    """An unchanged run in an account of its own, and in one with so many strange things of each kind, and 200 strange APIs."""
    results = {"number": number, "runs": {}}
    bench.project.arrange()
    for name in ("alone", "crowded"):
        account = next(accounts)
        there = Account(bench.aws.endpoint, account)
        if name == "crowded":
            fill(there, number, account)
        with bench.proxy() as proxy:
            succeeded(bench.run(proxy, account, bench.project.directory, *UP))
            results["runs"][name] = succeeded(bench.run(proxy, account, bench.project.directory, *UP))
            succeeded(bench.run(proxy, account, bench.project.directory, *DOWN))
        left, wanted = names(there), [number] * 4 + [APIS] if name == "crowded" else [0] * 5
        if left != wanted:
            raise Failed(f"{name}: tables, functions, alarms, log groups and APIs after the removal: {left}, not {wanted}")
    return results


def names(account):
    """How many names there are of each kind that `fill` makes: neither one of the strange ones less nor one of ours more."""
    lists = [
        ("dynamodb", "list_tables", "TableNames", None),
        ("lambda", "list_functions", "Functions", "FunctionName"),
        ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
        ("logs", "describe_log_groups", "logGroups", "logGroupName"),
        ("apigateway", "get_rest_apis", "items", "name"),
    ]
    return [len({item[key] if key else item for item in account.pages(*where)}) for *where, key in lists]


# Number of foreign APIs; AWS allows 600 APIs.
APIS = 200


def fill(account, number, digits):
    """Puts strange things into an account, by many calls at once."""
    say(f"making {number} tables, functions, alarms and log groups, and {APIS} APIs")
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("bootstrap", "#!/bin/sh\n")
    code = package.getvalue()
    role = f"arn:aws:iam::{digits}:role/stranger"
    key = {"AttributeName": "id"}
    dynamodb, functions, alarms, logs, apis = (
        account.client(service) for service in ("dynamodb", "lambda", "cloudwatch", "logs", "apigateway")
    )
    makers = [
        lambda n: dynamodb.create_table(
            TableName=f"stranger-{n}", BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{**key, "AttributeType": "S"}], KeySchema=[{**key, "KeyType": "HASH"}],
        ),
        lambda n: functions.create_function(
            FunctionName=f"stranger-{n}", Role=role, Runtime="provided.al2023", Handler="bootstrap", Code={"ZipFile": code},
        ),
        lambda n: alarms.put_metric_alarm(
            AlarmName=f"stranger-{n}", Namespace="Strange", MetricName="Things", Statistic="Sum", Period=60,
            EvaluationPeriods=1, Threshold=1.0, ComparisonOperator="GreaterThanThreshold",
        ),
        lambda n: logs.create_log_group(logGroupName=f"/aws/lambda/stranger-{n}"),
    ]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        made = [pool.submit(make, n) for make in makers for n in range(number)]
        made += [pool.submit(lambda n: apis.create_rest_api(name=f"stranger-{n}"), n) for n in range(APIS)]
        for future in made:
            future.result()


# Number of tries of a run before it counts as failed.
ATTEMPTS = 5


def trouble(bench):
    """Creation and removal while the endpoint is slow, loses 10 % of what is asked or said, or never answers one write."""
    bench.project.arrange()
    results = {}
    for name, options in (("slow", ["--latency", "1000"]), ("lossy", ["--lossy", "0.1"]), ("hanging", ["--hang", "20"])):
        account = next(accounts)
        there = Account(bench.aws.endpoint, account)
        with Proxy(bench.strict, bench.aws.endpoint, options) as proxy:
            runs = {}
            for what, command in (("create", UP), ("unchanged", UP), ("remove", DOWN)):
                runs[what] = []
                while not runs[what] or runs[what][-1]["code"] != 0:
                    if len(runs[what]) == ATTEMPTS:
                        raise Failed(f"{name}, {what}: {ATTEMPTS} runs did not do it:\n{runs[what][-1]['last']}")
                    runs[what].append(bench.run(proxy, account, bench.project.directory, *command))
                holds(f"{name}, {what}", there, 0 if command == DOWN else RESOURCES)
            results[name] = runs
    return results
