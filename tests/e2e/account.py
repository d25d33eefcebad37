"""Looks at an account, and does things in it, by another client than the one under test.

usage: account.py ENDPOINT list            every resource of every service the stack uses, one a line
       account.py ENDPOINT fire PROJECT    sets off an alarm, and prints its logical name
       account.py ENDPOINT calm PROJECT    ends that alarm
       account.py ENDPOINT tamper PROJECT  changes an alarm and a role's policy, as the user ada
       account.py ENDPOINT foreign PROJECT puts somebody else's alarm in the place of ours
       account.py ENDPOINT earlier PROJECT leaves the stack as a version before the safe defaults did, and prints `id field` for each change
"""
import json
import os
import sys

import boto3

endpoint, action, *rest = sys.argv[1:]


def client(service, user="other"):
    # The local AWS takes the access key as the user's name.
    return boto3.client(
        service, endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id=user, aws_secret_access_key=os.environ["SECRET"]
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
        # The account's logging role serves every API of the account, and no run removes it.
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
    policies = client("cloudfront").list_response_headers_policies(Type="custom")["ResponseHeadersPolicyList"]
    for policy in policies.get("Items") or []:
        yield f"response headers policy {policy['ResponseHeadersPolicy']['ResponseHeadersPolicyConfig']['Name']}"
    for group in pages("logs", "describe_log_groups", "logGroups"):
        yield f"log group {group['logGroupName']}"
    for alarm in pages("cloudwatch", "describe_alarms", "MetricAlarms"):
        yield f"alarm {alarm['AlarmName']}"


def alarm(project, state):
    name = "events-write-throttles"
    client("cloudwatch").set_alarm_state(AlarmName=f"{project}-{name}-dev", StateValue=state, StateReason="set by hand")
    print(name)


def tamper(project):
    alarms, iam = client("cloudwatch", "ada"), client("iam", "ada")
    alarm = alarms.describe_alarms(AlarmNames=[f"{project}-api-5xx-dev"])["MetricAlarms"][0]
    keep = (
        "AlarmName AlarmDescription Namespace MetricName Dimensions Statistic Period EvaluationPeriods ComparisonOperator "
        "TreatMissingData AlarmActions ActionsEnabled"
    )
    alarms.put_metric_alarm(**{key: alarm[key] for key in keep.split() if key in alarm}, Threshold=4711.0)
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    iam.put_role_policy(
        RoleName=f"{project}-stats-api-dev", PolicyName=f"{project}-stats-api-dev",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )


def foreign(project):
    """Puts somebody else's alarm in the place of ours."""
    alarms, name = client("cloudwatch"), f"{project}-api-5xx-dev"
    alarms.delete_alarms(AlarmNames=[name])
    alarms.put_metric_alarm(
        AlarmName=name, Namespace="AWS/ApiGateway", MetricName="5XXError", Statistic="Sum", Period=60,
        EvaluationPeriods=1, Threshold=1.0, ComparisonOperator="GreaterThanThreshold",
    )


def earlier(project):
    """Writes what the version before the safe defaults declared otherwise. Its code is not here: the functions run today's under its settings.

    The local AWS has no TLS and does not tell for how many days a table can be restored; tests/reliability/earlier.rs has these.
    """
    dynamodb, functions, cloudfront = client("dynamodb"), client("lambda"), client("cloudfront")
    for table in ("events", "sessions"):
        dynamodb.update_table(TableName=f"{project}-{table}-dev", DeletionProtectionEnabled=False)
        print(f"dynamodb.table/{table} deletion_protection")
    for function in ("event-collector", "realtime-api", "stats-api"):
        name = f"{project}-{function}-dev"
        variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        del variables["ALLOWED_ORIGINS"]
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
        functions.get_waiter("function_updated_v2").wait(FunctionName=name)
        # Versions that the earlier program published had no description.
        version = functions.publish_version(FunctionName=name)["Version"]
        functions.update_alias(FunctionName=name, Name="live", FunctionVersion=version)
        print(f"lambda.function/{function} environment.ALLOWED_ORIGINS")
        print(f"lambda.alias/{function} release")
    listed = cloudfront.list_distributions()["DistributionList"]["Items"]
    # The account has no other project.
    live = cloudfront.get_distribution_config(Id=listed[0]["Id"])
    config = live["DistributionConfig"]
    # SecurityHeadersPolicy, as for the API.
    config["DefaultCacheBehavior"]["ResponseHeadersPolicyId"] = "67f7725c-6f97-4210-82d7-5512b31e9d03"
    cloudfront.update_distribution(Id=listed[0]["Id"], IfMatch=live["ETag"], DistributionConfig=config)
    print("cloudfront.distribution/static behaviors.default.headers_policy")


def unpublish(function, version):
    client("lambda").delete_function(FunctionName=function, Qualifier=version)


def protected():
    """Prints the tables that refuse to be deleted."""
    dynamodb = client("dynamodb")
    for name in sorted(dynamodb.list_tables()["TableNames"]):
        if dynamodb.describe_table(TableName=name)["Table"].get("DeletionProtectionEnabled"):
            print(name)


def unrecord(bucket):
    """Removes the newest record of a release, as if the run had been killed before it wrote that."""
    s3 = client("s3")
    # The keys of records begin with their number; newest.json repeats them, and sorts last.
    keys = sorted(o["Key"] for o in s3.list_objects_v2(Bucket=bucket, Prefix="site-releases/0")["Contents"])
    s3.delete_object(Bucket=bucket, Key=keys[-1])


if action == "list":
    print("\n".join(sorted(listing())))
elif action == "fire":
    alarm(*rest, "ALARM")
elif action == "calm":
    alarm(*rest, "OK")
elif action == "tamper":
    tamper(*rest)
elif action == "earlier":
    earlier(*rest)
elif action == "unpublish":
    unpublish(*rest)
elif action == "protected":
    protected()
elif action == "unrecord":
    unrecord(*rest)
else:
    foreign(*rest)
