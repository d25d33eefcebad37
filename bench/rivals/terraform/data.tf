resource "aws_dynamodb_table" "this" {
  for_each     = local.tables
  name         = local.name[each.key]
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = each.value.partition_key.name
  range_key    = try(each.value.sort_key.name, null)

  dynamic "attribute" {
    for_each = {
      for key in [each.value.partition_key, each.value.sort_key, each.value.index.partition_key, each.value.index.sort_key] :
      key.name => key.type... if key != null
    }
    content {
      name = attribute.key
      type = attribute.value[0]
    }
  }

  global_secondary_index {
    name            = each.value.index.name
    hash_key        = each.value.index.partition_key.name
    range_key       = each.value.index.sort_key.name
    projection_type = each.value.index.projection
  }

  ttl {
    attribute_name = "ttl"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  tags = { Name = local.name[each.key] }
}

locals {
  # Namespace, metric, dimensions, statistic, threshold.
  alarms = merge(
    { for function in keys(local.functions) : "${function}-errors" => {
      namespace  = "AWS/Lambda", metric = "Errors", statistic = "Sum", threshold = 5
      dimensions = { FunctionName = local.name[function] }
    } },
    {
      event-collector-duration = {
        namespace  = "AWS/Lambda", metric = "Duration", statistic = "Maximum", threshold = var.longest_duration
        dimensions = { FunctionName = local.name.event-collector }
      }
      api-4xx = {
        namespace  = "AWS/ApiGateway", metric = "4XXError", statistic = "Average", threshold = 0.1
        dimensions = { ApiName = local.name.api, Stage = local.environment }
      }
      api-5xx = {
        namespace  = "AWS/ApiGateway", metric = "5XXError", statistic = "Average", threshold = 0.1
        dimensions = { ApiName = local.name.api, Stage = local.environment }
      }
      events-read-throttles = {
        namespace  = "AWS/DynamoDB", metric = "ReadThrottleEvents", statistic = "Sum", threshold = 1
        dimensions = { TableName = local.name.events }
      }
      events-write-throttles = {
        namespace  = "AWS/DynamoDB", metric = "WriteThrottleEvents", statistic = "Sum", threshold = 1
        dimensions = { TableName = local.name.events }
      }
    },
  )
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each            = local.alarms
  alarm_name          = "${local.project}-${each.key}-${local.environment}"
  alarm_description   = "${each.value.metric} of ${join(" ", values(each.value.dimensions))}"
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  period              = 300
  evaluation_periods  = 1
  threshold           = each.value.threshold
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  tags                = { Name = "${local.project}-${each.key}-${local.environment}" }
}
