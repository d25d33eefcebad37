"""What the stack is: names, fields and tags of its 59 resources, as `stack.yaml` at the root of this repository declares them.

Data only. What is done with it is in the other files. That it says the same as stack.yaml is checked by the benchmark: after this script
ran, `liveinsight plan` compares what is there field by field with what it would have made.
"""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

PROJECT = "liveinsight"
ENVIRONMENT = "dev"
REGION = "us-east-1"
STACK = f"{PROJECT}/{ENVIRONMENT}"


def name(thing):
    return f"{PROJECT}-{thing}-{ENVIRONMENT}"


def tags(physical):
    """What every resource that can have tags carries."""
    return {
        "Project": PROJECT,
        "Environment": ENVIRONMENT,
        "Name": physical,
        "ManagedBy": "liveinsight",
        "liveinsight:stack": STACK,
        "liveinsight:region": REGION,
    }


def tag_list(physical):
    return [{"Key": key, "Value": value} for key, value in tags(physical).items()]


def document(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


def trust(service, sid):
    return document({"Sid": sid, "Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"})


@dataclass(frozen=True)
class Table:
    name: str
    partition_key: tuple
    sort_key: tuple | None
    index: str
    index_partition_key: tuple
    index_sort_key: tuple
    projection: str


TABLES = {
    "events": Table(
        name("events"), ("session_id", "S"), ("timestamp", "N"),
        "EventTypeIndex", ("event_type", "S"), ("timestamp", "N"), "ALL",
    ),
    "sessions": Table(
        name("sessions"), ("session_id", "S"), None,
        "ActivityIndex", ("is_active", "S"), ("last_activity", "N"), "KEYS_ONLY",
    ),
}
TTL_ATTRIBUTE = "ttl"


@dataclass(frozen=True)
class Function:
    logical: str
    method: str
    path: str
    # Operations on tables: (operations, table, patterns of partition keys).
    allowed: tuple = ()

    @property
    def name(self):
        return name(self.logical)

    @property
    def log_group(self):
        return f"/aws/lambda/{self.name}"

    @property
    def variables(self):
        tables = {f"{table.upper()}_TABLE": name(table) for _, table, *_ in self.allowed}
        return {"ENVIRONMENT": ENVIRONMENT, **tables}


FUNCTIONS = [
    Function(
        "event-collector", "POST", "/api/events",
        (
            (("GetItem",), "sessions"),
            (("PutItem", "UpdateItem"), "events"),
            (("UpdateItem",), "sessions"),
            (("DeleteItem",), "events", ("@salt#*",)),
        ),
    ),
    Function("realtime-api", "GET", "/api/realtime", ((("Query",), "events"),)),
    Function("stats-api", "GET", "/api/stats", ((("Query",), "events"),)),
]
RUNTIME = "provided.al2023"
MEMORY = 256
TIMEOUT = 30
ALIAS = "live"
ROLE_PATH = f"/liveinsight/{PROJECT}/{ENVIRONMENT}/{REGION}/"
RETENTION_DAYS = 7

API = name("api")
PATHS = ["/api", "/api/events", "/api/realtime", "/api/stats"]
STAGE = ENVIRONMENT
ACCESS_LOG = json.dumps(
    {
        "requestId": "$context.requestId",
        "time": "$context.requestTimeEpoch",
        "method": "$context.httpMethod",
        "resource": "$context.resourcePath",
        "status": "$context.status",
        "latency": "$context.responseLatency",
        "integrationLatency": "$context.integrationLatency",
        "bytes": "$context.responseLength",
        "error": "$context.error.responseType",
    },
    separators=(",", ":"),
)
# Role with which API Gateway writes logs. The account has one; it does not count among the 59.
LOGGING_ROLE = "liveinsight-apigateway-logs"
LOGGING_ACTIONS = [
    "CreateLogGroup", "CreateLogStream", "DescribeLogGroups", "DescribeLogStreams", "PutLogEvents", "GetLogEvents", "FilterLogEvents",
]


def preflight_headers(function):
    """The CORS headers that the preflight of a function's path is answered with."""
    values = {
        "Headers": "Content-Type,X-API-Key,Authorization,X-CSRF-Token,X-Session-ID",
        "Methods": f"{function.method},OPTIONS",
        "Origin": "*",
    }
    headers = {f"Access-Control-Allow-{part}": value for part, value in values.items()}
    return {f"method.response.header.{key}": f"'{value}'" for key, value in (headers | {"Access-Control-Max-Age": "7200"}).items()}


ORIGIN_ACCESS_CONTROL = name("static")
DISTRIBUTION = name("static")
SITE_PREFIX = "site/"
CACHING_OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"
CORS_AND_SECURITY_HEADERS = "e61eb60c-9c35-4d20-a928-2b84e02af89c"
SECURITY_HEADERS = "67f7725c-6f97-4210-82d7-5512b31e9d03"
READERS_HEADERS = ["Authorization", "Origin", "X-API-Key"]
WRITERS_HEADERS = [
    "Authorization", "CloudFront-Viewer-Country", "DNT", "Origin", "Sec-GPC", "User-Agent", "X-API-Key", "X-CSRF-Token", "X-Session-ID",
]
CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
}


@dataclass(frozen=True)
class Alarm:
    logical: str
    namespace: str
    metric: str
    dimensions: dict = field(hash=False)
    statistic: str
    threshold: float

    @property
    def name(self):
        return name(self.logical)

    @property
    def description(self):
        return f"{self.metric} of {' '.join(value for _, value in sorted(self.dimensions.items()))}"


def alarms(longest_duration):
    """The eight alarms; `longest_duration` is the threshold of the one on durations, in milliseconds."""
    of_function = lambda logical: {"FunctionName": name(logical)}
    of_api, of_events = {"ApiName": API, "Stage": STAGE}, {"TableName": name("events")}
    errors = [Alarm(f"{f.logical}-errors", "AWS/Lambda", "Errors", of_function(f.logical), "Sum", 5.0) for f in FUNCTIONS]
    return [
        *errors,
        Alarm("event-collector-duration", "AWS/Lambda", "Duration", of_function("event-collector"), "Maximum", longest_duration),
        Alarm("api-4xx", "AWS/ApiGateway", "4XXError", of_api, "Average", 0.1),
        Alarm("api-5xx", "AWS/ApiGateway", "5XXError", of_api, "Average", 0.1),
        Alarm("events-read-throttles", "AWS/DynamoDB", "ReadThrottleEvents", of_events, "Sum", 1.0),
        Alarm("events-write-throttles", "AWS/DynamoDB", "WriteThrottleEvents", of_events, "Sum", 1.0),
    ]


@dataclass(frozen=True)
class Settings:
    """What may differ from one run to the next."""

    account: str
    architecture: str
    # Directory with one zip for each function.
    packages: Path
    # Directory of the pages.
    site: Path
    longest_duration: float
    # True if one PutRestApi writes all parts of the API, instead of one call each.
    by_import: bool

    @property
    def bucket(self):
        digest = hashlib.sha256(f"{self.account}{REGION}".encode()).hexdigest()
        return f"{name('static')}-{digest[:8]}"

    def arn(self, service, resource):
        return f"arn:aws:{service}:{REGION}:{self.account}:{resource}"

    def role_arn(self, function):
        return f"arn:aws:iam::{self.account}:role{ROLE_PATH}{function.name}"

    def alias_arn(self, function):
        return self.arn("lambda", f"function:{function.name}:{ALIAS}")

    def invocation_uri(self, function):
        return f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{self.alias_arn(function)}/invocations"

    def policy(self, function):
        """What a function may do: its own log streams, and the operations on tables."""
        streams = self.arn("logs", f"log-group:{function.log_group}:*")
        allow = lambda sid, actions, resource: {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": [resource]}
        statements = [allow("Logs", ["logs:CreateLogStream", "logs:PutLogEvents"], streams)]
        for operations, table, *keys in function.allowed:
            sid = "".join(operations) + ("Keys" if keys else "")
            actions = [f"dynamodb:{operation}" for operation in operations]
            statement = allow(sid, actions, self.arn("dynamodb", f"table/{name(table)}"))
            if keys:
                statement["Condition"] = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": list(keys[0])}}
            statements.append(statement)
        return document(*statements)

    def bucket_policy(self, distribution_arn):
        allow = lambda sid, action, resource: {
            "Sid": sid,
            "Effect": "Allow",
            "Principal": {"Service": ["cloudfront.amazonaws.com"]},
            "Action": [action],
            "Resource": [resource],
            "Condition": {"StringEquals": {"aws:sourcearn": [distribution_arn]}},
        }
        bucket = f"arn:aws:s3:::{self.bucket}"
        only_over_tls = {
            "Sid": "OnlyOverTls",
            "Effect": "Deny",
            "Principal": "*",
            "Action": ["s3:*"],
            "Resource": [bucket, f"{bucket}/*"],
            "Condition": {"Bool": {"aws:securetransport": ["false"]}},
        }
        return document(
            allow("CloudFrontReadsSite", "s3:GetObject", f"{bucket}/{SITE_PREFIX}*"),
            allow("CloudFrontLearnsWhatIsMissing", "s3:ListBucket", bucket),
            only_over_tls,
        )
