"""The local AWS, the proxy that makes it take its time, and what is in an account."""

import itertools
import json
import os
import subprocess
import time

import boto3
from botocore.config import Config

from .places import WORK, Failed, must

REGION = "us-east-1"
SECRET = "test"


class LocalAws:
    """A local AWS of the benchmark's own, empty at first. Every run has an account of its own in it."""

    def __init__(self, liveinsight):
        self._command = [liveinsight, "--file", WORK / "aws" / "stack.yaml", "local"]
        (WORK / "aws").mkdir(parents=True, exist_ok=True)
        (WORK / "aws" / "stack.yaml").touch()
        secret = WORK / "aws" / ".liveinsight" / "aws" / "secret"
        secret.parent.mkdir(parents=True, exist_ok=True)
        secret.touch(mode=0o600)
        # The local AWS uses a secret that exists before the first start.
        secret.write_text(SECRET)

    def __enter__(self):
        must([*self._command, "reset", "--yes"])
        must([*self._command, "start"])
        self.endpoint = json.loads(must([*self._command, "status", "--format", "json"]))["endpoint"]
        return self

    def __exit__(self, *_):
        must([*self._command, "reset", "--yes"])


# In the local AWS, an access key of twelve digits selects an account.
accounts = (f"{number:012}" for number in itertools.count(210_000_000_001))


class Proxy:
    """The strict AWS in front of the local one, with these options; see `strict-aws --help`."""

    def __init__(self, strict, upstream, options):
        self._command = [str(strict), upstream, *options]

    def __enter__(self):
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.endpoint = self._process.stdout.readline().strip()
        if not self.endpoint:
            raise Failed(f"{' '.join(self._command)} does not start")
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.wait()

    def report(self):
        """What was asked for since the last report."""
        self._process.stdin.write("report\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


def environment(endpoint, account):
    """What every AWS client reads from its environment."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": account,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        # Clients that read these files would use another account.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


class Account:
    """Another client's view of an account, past the proxy: it neither waits nor counts."""

    def __init__(self, endpoint, account):
        self._access = {
            "endpoint_url": endpoint, "region_name": REGION, "aws_access_key_id": account, "aws_secret_access_key": SECRET,
        }
        self._clients = {}

    def client(self, service):
        if service not in self._clients:
            config = Config(retries={"mode": "standard"}, max_pool_connections=32)
            self._clients[service] = boto3.client(service, config=config, **self._access)
        return self._clients[service]

    def pages(self, service, operation, items, **arguments):
        for page in self.client(service).get_paginator(operation).paginate(**arguments):
            for key in items.split("."):
                page = page.get(key) or {}
            yield from page

    def resources(self):
        """How many resources there are of each kind, counted as `docs/architecture.md` counts them."""
        count = {}

        def add(kind, number=1):
            count[kind] = count.get(kind, 0) + number

        for _ in self.pages("dynamodb", "list_tables", "TableNames"):
            add("table")
        for role in self.pages("iam", "list_roles", "Roles"):
            # The account's logging role serves every API of the account, and no run removes it.
            if role["RoleName"] != "liveinsight-apigateway-logs":
                add("role")
                add("role policy", len(self.client("iam").list_role_policies(RoleName=role["RoleName"])["PolicyNames"]))
        for function in self.pages("lambda", "list_functions", "Functions"):
            add("function")
            for alias in self.pages("lambda", "list_aliases", "Aliases", FunctionName=function["FunctionName"]):
                add("alias")
                add("permission", self._permissions(function["FunctionName"], alias["Name"]))
        for api in self.pages("apigateway", "get_rest_apis", "items"):
            add("api")
            self._count_api(api["id"], add)
        for bucket in self.client("s3").list_buckets()["Buckets"]:
            add("bucket")
            for question in ("get_public_access_block", "get_bucket_policy"):
                add(question, self._is_there(question, bucket["Name"]))
        for _ in self.pages("cloudfront", "list_distributions", "DistributionList.Items"):
            add("distribution")
        controls = self.client("cloudfront").list_origin_access_controls()["OriginAccessControlList"].get("Items") or []
        add("origin access control", len(controls))
        for _ in self.pages("logs", "describe_log_groups", "logGroups"):
            add("log group")
        for _ in self.pages("cloudwatch", "describe_alarms", "MetricAlarms"):
            add("alarm")
        return {kind: number for kind, number in count.items() if number}

    def thresholds(self, metric):
        """Of all alarms on this metric."""
        return [alarm["Threshold"] for alarm in self.pages("cloudwatch", "describe_alarms", "MetricAlarms") if alarm.get("MetricName") == metric]

    def serving(self, function):
        """The digest of the code behind the alias, of each function with this in its name."""
        names = [f["FunctionName"] for f in self.pages("lambda", "list_functions", "Functions") if function in f["FunctionName"]]
        ask = self.client("lambda").get_function_configuration
        return [ask(FunctionName=name, Qualifier="live")["CodeSha256"] for name in names]

    def _permissions(self, function, alias):
        client = self.client("lambda")
        try:
            return len(json.loads(client.get_policy(FunctionName=function, Qualifier=alias)["Policy"])["Statement"])
        except client.exceptions.ResourceNotFoundException:
            return 0

    def _count_api(self, api, add):
        resources = self.pages("apigateway", "get_resources", "items", restApiId=api, embed=["methods"], PaginationConfig={"PageSize": 500})
        for resource in resources:
            add("api resource", resource["path"] != "/")
            for method in resource.get("resourceMethods", {}).values():
                integration = method.get("methodIntegration")
                add("method")
                add("integration", integration is not None)
                add("method response", len(method.get("methodResponses", {})))
                add("integration response", len((integration or {}).get("integrationResponses", {})))
        add("deployment", len(self.client("apigateway").get_deployments(restApiId=api)["items"]))
        add("stage", len(self.client("apigateway").get_stages(restApiId=api)["item"]))

    def _is_there(self, question, bucket):
        client = self.client("s3")
        try:
            getattr(client, question)(Bucket=bucket)
        except client.exceptions.ClientError:
            return 0
        return 1


