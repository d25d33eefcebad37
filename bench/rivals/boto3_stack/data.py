"""Tables, roles and their policies, log groups, and alarms."""

import json

from . import description as d
from .access import optional, patiently


def table(aws, table):
    dynamodb = aws.dynamodb
    keys = [table.partition_key, *([table.sort_key] if table.sort_key else [])]
    index_keys = [table.index_partition_key, table.index_sort_key]
    schema = lambda keys: [{"AttributeName": key[0], "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"))]
    indexes = [
        {"IndexName": table.index, "KeySchema": schema(index_keys), "Projection": {"ProjectionType": table.projection}},
    ]
    ttl = {"Enabled": True, "AttributeName": d.TTL_ATTRIBUTE}
    recovery = {"PointInTimeRecoveryEnabled": True} | ({"RecoveryPeriodInDays": 1} if "-events-" in table.name else {})
    found = optional(dynamodb.describe_table, TableName=table.name)
    changed = False
    if found is None:
        dynamodb.create_table(
            TableName=table.name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind} for key, kind in sorted({*keys, *index_keys})],
            KeySchema=schema(keys),
            GlobalSecondaryIndexes=indexes,
            Tags=d.tag_list(table.name),
        )
        aws.wait("dynamodb", "table_exists", TableName=table.name)
        live_ttl, live_recovery = {}, "DISABLED"
    else:
        live = found["Table"]
        shape = lambda index: (index["IndexName"], index["KeySchema"], index["Projection"]["ProjectionType"])
        if live["KeySchema"] != schema(keys) or [shape(i) for i in live["GlobalSecondaryIndexes"]] != [shape(i) for i in indexes]:
            raise SystemExit(f"{table.name}: keys and indexes cannot be changed by this script")
        live_ttl = dynamodb.describe_time_to_live(TableName=table.name)["TimeToLiveDescription"]
        backups = dynamodb.describe_continuous_backups(TableName=table.name)["ContinuousBackupsDescription"]
        live_recovery = backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
    if (live_ttl.get("TimeToLiveStatus"), live_ttl.get("AttributeName")) not in [(s, d.TTL_ATTRIBUTE) for s in ("ENABLED", "ENABLING")]:
        dynamodb.update_time_to_live(TableName=table.name, TimeToLiveSpecification=ttl)
        changed = True
    if live_recovery != "ENABLED":
        patiently(
            dynamodb.update_continuous_backups, "ContinuousBackupsUnavailableException",
            TableName=table.name, PointInTimeRecoverySpecification=recovery,
        )
        changed = True
    return outcome(found, changed)


def role(aws, function):
    trust = d.trust("lambda.amazonaws.com", "Assume")
    found = optional(aws.iam.get_role, RoleName=function.name)
    if found is None:
        aws.iam.create_role(
            RoleName=function.name, Path=d.ROLE_PATH, AssumeRolePolicyDocument=json.dumps(trust), Tags=d.tag_list(function.name),
        )
    elif found["Role"]["AssumeRolePolicyDocument"] != trust:
        aws.iam.update_assume_role_policy(RoleName=function.name, PolicyDocument=json.dumps(trust))
        return "updated"
    aws.known[f"role {function.logical}"] = found
    return outcome(found, False)


def role_policy(aws, function):
    policy = aws.settings.policy(function)
    # A role that was just created has no policy.
    known = aws.known[f"role {function.logical}"]
    found = known and optional(aws.iam.get_role_policy, RoleName=function.name, PolicyName=function.name)
    if found is None or found["PolicyDocument"] != policy:
        aws.iam.put_role_policy(RoleName=function.name, PolicyName=function.name, PolicyDocument=json.dumps(policy))
        return outcome(found, True)
    return "unchanged"


def log_group(aws, family, group, named):
    groups = aws.shared(
        f"groups {family}", lambda: aws.pages("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=family)
    )
    found = next((listed for listed in groups if listed["logGroupName"] == group), None)
    if found is None:
        aws.logs.create_log_group(logGroupName=group, tags=d.tags(named))
    if found is None or found.get("retentionInDays") != d.RETENTION_DAYS:
        aws.logs.put_retention_policy(logGroupName=group, retentionInDays=d.RETENTION_DAYS)
        return outcome(found, True)
    return "unchanged"


def alarm(aws, alarm):
    listed = aws.shared(
        "alarms", lambda: aws.pages("cloudwatch", "describe_alarms", "MetricAlarms", AlarmNamePrefix=f"{d.PROJECT}-")
    )
    wanted = {
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "Namespace": alarm.namespace,
        "MetricName": alarm.metric,
        "Dimensions": [{"Name": key, "Value": value} for key, value in alarm.dimensions.items()],
        "Statistic": alarm.statistic,
        "Period": 300,
        "EvaluationPeriods": 1,
        "Threshold": alarm.threshold,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
        "AlarmActions": [],
        "ActionsEnabled": True,
    }
    found = next((live for live in listed if live["AlarmName"] == alarm.name), None)
    if found is not None and all(found.get(key) == value for key, value in wanted.items()):
        return "unchanged"
    aws.cloudwatch.put_metric_alarm(**wanted, Tags=d.tag_list(alarm.name))
    return outcome(found, True)


def outcome(found, changed):
    """What was done, for the summary."""
    if found is None:
        return "created"
    return "updated" if changed else "unchanged"
