"""Removes the stack: what holds other things first, whose parts go along. It looks for nothing that it did not make."""

from . import description as d
from .access import optional, patiently
from .site import find_distribution


def alarms(aws):
    aws.cloudwatch.delete_alarms(AlarmNames=[alarm.name for alarm in d.alarms(0.0)])


def distribution(aws):
    found = find_distribution(aws)
    if found is None:
        return
    live = aws.cloudfront.get_distribution_config(Id=found["Id"])
    etag = live["ETag"]
    if live["DistributionConfig"]["Enabled"]:
        config = {**live["DistributionConfig"], "Enabled": False}
        etag = aws.cloudfront.update_distribution(Id=found["Id"], IfMatch=etag, DistributionConfig=config)["ETag"]
    aws.wait("cloudfront", "distribution_deployed", Id=found["Id"])
    aws.cloudfront.delete_distribution(Id=found["Id"], IfMatch=etag)


def origin_access_control(aws):
    listed = aws.cloudfront.list_origin_access_controls()["OriginAccessControlList"].get("Items") or []
    for control in listed:
        if control["Name"] == d.ORIGIN_ACCESS_CONTROL:
            etag = aws.cloudfront.get_origin_access_control_config(Id=control["Id"])["ETag"]
            patiently(aws.cloudfront.delete_origin_access_control, "OriginAccessControlInUse", Id=control["Id"], IfMatch=etag)


def bucket(aws):
    s3, name = aws.s3, aws.settings.bucket
    if optional(s3.head_bucket, Bucket=name) is None:
        return
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=name):
        objects = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        if objects:
            keys = [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in objects]
            s3.delete_objects(Bucket=name, Delete={"Objects": keys, "Quiet": True})
    s3.delete_bucket(Bucket=name)


def rest_api(aws):
    for api in aws.pages("apigateway", "get_rest_apis", "items", PaginationConfig={"PageSize": 500}):
        if api["name"] == d.API and api.get("tags", {}).get("liveinsight:stack") == d.STACK:
            aws.apigateway.delete_rest_api(restApiId=api["id"])
            optional(aws.logs.delete_log_group, logGroupName=f"API-Gateway-Execution-Logs_{api['id']}/{d.STAGE}")


def function(aws, function):
    # AWS deletes the function's alias and permission with it.
    optional(aws.lambda_.delete_function, FunctionName=function.name)


def role(aws, function):
    optional(aws.iam.delete_role_policy, RoleName=function.name, PolicyName=function.name)
    optional(aws.iam.delete_role, RoleName=function.name)


def log_group(aws, function):
    optional(aws.logs.delete_log_group, logGroupName=function.log_group)


def table(aws, table):
    if optional(aws.dynamodb.delete_table, TableName=table.name) is not None:
        aws.wait("dynamodb", "table_not_exists", TableName=table.name)
