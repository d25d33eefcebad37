"""What somebody else does in the local AWS of the project in this directory, as the user bob: raises the threshold of the alarm api-5xx, and
lets a function do everything with every table.
"""
import json
import pathlib

import boto3

PORT = json.loads(pathlib.Path(".liveinsight/aws/server.json").read_text())["port"]
SECRET = pathlib.Path(".liveinsight/aws/secret").read_text()
NAME = "liveinsight-{}-dev".format
KEPT = (
    "AlarmName AlarmDescription Namespace MetricName Dimensions Statistic Period EvaluationPeriods ComparisonOperator "
    "TreatMissingData AlarmActions ActionsEnabled"
)


def client(service):
    # The local AWS takes the access key as the user's name.
    return boto3.client(
        service, endpoint_url=f"http://127.0.0.1:{PORT}", region_name="us-east-1",
        aws_access_key_id="bob", aws_secret_access_key=SECRET,
    )


alarms, iam = client("cloudwatch"), client("iam")
live = alarms.describe_alarms(AlarmNames=[NAME("api-5xx")])["MetricAlarms"][0]
alarms.put_metric_alarm(**{key: live[key] for key in KEPT.split() if key in live}, Threshold=90.0)
statement = {"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}
iam.put_role_policy(
    RoleName=NAME("stats-api"), PolicyName=NAME("stats-api"),
    PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
)
