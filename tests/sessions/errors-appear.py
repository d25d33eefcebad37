"""What happens when a new version makes errors: as soon as it has a share of the requests, an alarm of the stack fires.

usage: errors-appear &
"""
import json
import pathlib
import time

import boto3

PORT = json.loads(pathlib.Path(".liveinsight/aws/server.json").read_text())["port"]
SECRET = pathlib.Path(".liveinsight/aws/secret").read_text()
ALARM, FUNCTION = "liveinsight-stats-api-errors-dev", "liveinsight-stats-api-dev"


def client(service):
    return boto3.client(
        service, endpoint_url=f"http://127.0.0.1:{PORT}", region_name="us-east-1",
        aws_access_key_id="other", aws_secret_access_key=SECRET,
    )


functions, alarms = client("lambda"), client("cloudwatch")
while not functions.get_alias(FunctionName=FUNCTION, Name="live").get("RoutingConfig", {}).get("AdditionalVersionWeights"):
    time.sleep(0.1)
alarms.set_alarm_state(AlarmName=ALARM, StateValue="ALARM", StateReason="errors")
