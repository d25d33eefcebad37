"""Looks at an account, and breaks things in it, by another client than the one under test.

usage: account.py ENDPOINT list            every resource of every service the stack uses, one a line
       account.py ENDPOINT break PROJECT   one thing of each kind, and prints `id field` for each
       account.py ENDPOINT fire PROJECT    sets off an alarm, and prints its logical name
       account.py ENDPOINT foreign PROJECT puts somebody else's alarm in the place of ours
"""
import json
import sys

import boto3

endpoint, action, *rest = sys.argv[1:]


def client(service):
    return boto3.client(
        service, endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="other", aws_secret_access_key="other"
    )


def pages(service, operation, key, **arguments):
    c = client(service)
    if c.can_paginate(operation):
        for page in c.get_paginator(operation).paginate(**arguments):
            node = page
            for part in key.split("."):
                node = node.get(part) or {}
            yield from node or []
    else:
        node = getattr(c, operation)(**arguments)
        for part in key.split("."):
            node = node.get(part) or {}
        yield from node or []


def listing():
    for name in pages("dynamodb", "list_tables", "TableNames"):
        yield f"table {name}"
    for function in pages("lambda", "list_functions", "Functions"):
        yield f"function {function['FunctionName']}"
    for role in pages("iam", "list_roles", "Roles"):
        # The account's logging role serves every API of the account; nothing removes it.
        if role["RoleName"] != "liveinsight-apigateway-logs":
            yield f"role {role['RoleName']}"
    for api in pages("apigateway", "get_rest_apis", "items"):
        yield f"api {api['name']} {api['id']}"
    for bucket in client("s3").list_buckets()["Buckets"]:
        yield f"bucket {bucket['Name']}"
    for distribution in pages("cloudfront", "list_distributions", "DistributionList.Items"):
        yield f"distribution {distribution['Id']}"
    controls = client("cloudfront").list_origin_access_controls()["OriginAccessControlList"]
    for control in controls.get("Items") or []:
        yield f"origin access control {control['Name']}"
    for group in pages("logs", "describe_log_groups", "logGroups"):
        yield f"log group {group['logGroupName']}"
    for alarm in pages("cloudwatch", "describe_alarms", "MetricAlarms"):
        yield f"alarm {alarm['AlarmName']}"


def tamper(project):
    name = lambda thing: f"{project}-{thing}-dev"

    client("cloudwatch").delete_alarms(AlarmNames=[name("api-4xx")])
    print("cloudwatch.alarm/api-4xx (missing)")
    alarms = client("cloudwatch")
    alarm = alarms.describe_alarms(AlarmNames=[name("stats-api-errors")])["MetricAlarms"][0]
    keep = ("AlarmName", "AlarmDescription", "Namespace", "MetricName", "Dimensions", "Statistic", "Period",
            "EvaluationPeriods", "ComparisonOperator", "TreatMissingData")
    alarms.put_metric_alarm(Threshold=99.0, **{key: alarm[key] for key in keep if key in alarm})
    print("cloudwatch.alarm/stats-api-errors threshold")

    iam = client("iam")
    role = name("stats-api")
    policy = iam.list_role_policies(RoleName=role)["PolicyNames"][0]
    document = {"Version": "2012-10-17", "Statement": [{"Sid": "All", "Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(document))
    print("iam.role_policy/stats-api document.All.Action")

    lambdas = client("lambda")
    lambdas.update_function_configuration(FunctionName=name("realtime-api"), MemorySize=512)
    lambdas.get_waiter("function_updated_v2").wait(FunctionName=name("realtime-api"))
    print("lambda.function/realtime-api memory")
    lambdas.update_alias(FunctionName=name("event-collector"), Name="live", FunctionVersion="$LATEST")
    print("lambda.alias/event-collector release")
    statements = json.loads(lambdas.get_policy(FunctionName=name("stats-api"), Qualifier="live")["Policy"])["Statement"]
    for statement in statements:
        lambdas.remove_permission(FunctionName=name("stats-api"), Qualifier="live", StatementId=statement["Sid"])
    print("lambda.permission/stats-api (missing)")

    logs = client("logs")
    logs.put_retention_policy(logGroupName=f"/aws/lambda/{name('stats-api')}", retentionInDays=365)
    print("logs.log_group/stats-api retention_days")

    dynamodb = client("dynamodb")
    recovery = {"PointInTimeRecoveryEnabled": False}
    dynamodb.update_continuous_backups(TableName=name("sessions"), PointInTimeRecoverySpecification=recovery)
    print("dynamodb.table/sessions point_in_time_recovery")

    gateway = client("apigateway")
    api = next(item["id"] for item in gateway.get_rest_apis()["items"] if item["name"] == name("api"))
    events = next(item["id"] for item in gateway.get_resources(restApiId=api, limit=500)["items"] if item["path"] == "/api/events")
    gateway.put_integration_response(
        restApiId=api, resourceId=events, httpMethod="OPTIONS", statusCode="200",
        responseParameters={"method.response.header.Access-Control-Allow-Origin": "'https://evil.example'"},
    )
    print("apigateway.integration_response/OPTIONS /api/events 200 response_parameters.method.response.header.Access-Control-Allow-Origin")
    gateway.update_stage(
        restApiId=api, stageName="dev",
        patchOperations=[{"op": "replace", "path": "/*/*/throttling/burstLimit", "value": "7"}],
    )
    print("apigateway.stage/dev throttle_burst")

    s3 = client("s3")
    bucket = next(item["Name"] for item in s3.list_buckets()["Buckets"] if item["Name"].startswith(f"{project}-static-dev-"))
    s3.put_object(Bucket=bucket, Key="site/index.html", Body=b"defaced")
    print("s3.bucket/static site.index.html")
    s3.delete_public_access_block(Bucket=bucket)
    print("s3.public_access_block/static (missing)")

    cloudfront = client("cloudfront")
    distribution = cloudfront.list_distributions()["DistributionList"]["Items"][0]["Id"]
    current = cloudfront.get_distribution_config(Id=distribution)
    config = current["DistributionConfig"]
    config["DefaultRootObject"] = "other.html"
    cloudfront.update_distribution(Id=distribution, IfMatch=current["ETag"], DistributionConfig=config)
    print("cloudfront.distribution/static default_root_object")


def fire(project):
    client("cloudwatch").set_alarm_state(
        AlarmName=f"{project}-events-write-throttles-dev", StateValue="ALARM", StateReason="set off by hand"
    )
    print("events-write-throttles")


def foreign(project):
    """Puts somebody else's alarm in the place of ours."""
    alarms, name = client("cloudwatch"), f"{project}-api-5xx-dev"
    alarms.delete_alarms(AlarmNames=[name])
    alarms.put_metric_alarm(
        AlarmName=name, Namespace="AWS/ApiGateway", MetricName="5XXError", Statistic="Sum", Period=60,
        EvaluationPeriods=1, Threshold=1.0, ComparisonOperator="GreaterThanThreshold",
    )


if action == "list":
    print("\n".join(sorted(listing())))
elif action == "break":
    tamper(*rest)
elif action == "fire":
    fire(*rest)
else:
    foreign(*rest)
