"""Functions, the aliases that serve requests, and who may invoke them."""

import base64
import hashlib
import json

from . import description as d
from .access import optional, patiently
from .data import outcome


def function(aws, function):
    settings = aws.settings
    package = (settings.packages / f"{function.logical}.zip").read_bytes()
    digest = base64.b64encode(hashlib.sha256(package).digest()).decode()
    configuration = {
        "Role": settings.role_arn(function),
        "Runtime": d.RUNTIME,
        "MemorySize": d.MEMORY,
        "Timeout": d.TIMEOUT,
        "Environment": {"Variables": function.variables},
        "LoggingConfig": {"LogGroup": function.log_group},
    }
    found = optional(aws.lambda_.get_function, FunctionName=function.name)
    if found is None:
        # The role may not be usable yet. API Gateway and Lambda answer with the same code as for a wrong role.
        patiently(
            aws.lambda_.create_function, "InvalidParameterValueException",
            FunctionName=function.name, Handler="bootstrap", Architectures=[settings.architecture], Code={"ZipFile": package},
            Tags=d.tags(function.name), **configuration,
        )
        aws.wait("lambda", "function_active_v2", FunctionName=function.name)
        publish(aws, function, None)
        return "created"
    live = found["Configuration"]
    logging = live.get("LoggingConfig", {}).get("LogGroup", function.log_group)
    same = all(live[key] == configuration[key] for key in ("Role", "Runtime", "MemorySize", "Timeout", "Environment"))
    changed = False
    if not same or logging != function.log_group:
        aws.lambda_.update_function_configuration(FunctionName=function.name, **configuration)
        aws.wait("lambda", "function_updated_v2", FunctionName=function.name)
        changed = True
    if live["CodeSha256"] != digest or live["Architectures"] != [settings.architecture]:
        aws.lambda_.update_function_code(FunctionName=function.name, ZipFile=package, Architectures=[settings.architecture])
        aws.wait("lambda", "function_updated_v2", FunctionName=function.name)
        changed = True
    serving = optional(aws.lambda_.get_function_configuration, FunctionName=function.name, Qualifier=d.ALIAS)
    compared = ("Role", "Runtime", "MemorySize", "Timeout", "Environment", "CodeSha256", "Architectures")
    if changed or serving is None or any(serving[key] != live[key] for key in compared):
        publish(aws, function, serving)
        changed = True
    return outcome(found, changed)


def publish(aws, function, serving):
    """Makes a version of what the function is now, and points the alias there."""
    version = aws.lambda_.publish_version(FunctionName=function.name)["Version"]
    write = aws.lambda_.create_alias if serving is None else aws.lambda_.update_alias
    write(FunctionName=function.name, Name=d.ALIAS, FunctionVersion=version)


def permission(aws, function):
    source = aws.settings.arn("execute-api", f"{aws.known['api']}/{d.STAGE}/{function.method}{function.path}")
    sid = f"liveinsight-{hashlib.sha256(source.encode()).hexdigest()[:16]}"
    found = optional(aws.lambda_.get_policy, FunctionName=function.name, Qualifier=d.ALIAS)
    statements = json.loads(found["Policy"])["Statement"] if found else []
    for statement in statements:
        if statement["Sid"] == sid and statement["Condition"]["ArnLike"]["AWS:SourceArn"] == source:
            return "unchanged"
    aws.lambda_.add_permission(
        FunctionName=function.name, Qualifier=d.ALIAS, StatementId=sid, Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com", SourceArn=source,
    )
    return "created"
