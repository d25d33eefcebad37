resource "aws_iam_role" "function" {
  for_each = local.functions
  name     = local.name[each.key]
  path     = "/liveinsight/${local.project}/${local.environment}/${local.region}/"
  tags     = { Name = local.name[each.key] }

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Assume"
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "function" {
  for_each = local.functions
  name     = local.name[each.key]
  role     = aws_iam_role.function[each.key].name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid      = "Logs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = ["arn:aws:logs:${local.region}:${local.account}:log-group:/aws/lambda/${local.name[each.key]}:*"]
      }],
      [for statement in each.value.allowed : merge(
        {
          Sid      = join("", concat(statement.operations, length(statement.keys) == 0 ? [] : ["Keys"]))
          Effect   = "Allow"
          Action   = [for operation in statement.operations : "dynamodb:${operation}"]
          Resource = [local.table_arn[statement.table]]
        },
        length(statement.keys) == 0 ? {} : {
          Condition = { "ForAllValues:StringLike" = { "dynamodb:LeadingKeys" = statement.keys } }
        }
      )],
    )
  })
}

locals {
  # Known before the tables exist, so that nothing waits for them.
  table_arn = {
    for table in keys(local.tables) : table => "arn:aws:dynamodb:${local.region}:${local.account}:table/${local.name[table]}"
  }
}

resource "aws_cloudwatch_log_group" "function" {
  for_each          = local.functions
  name              = "/aws/lambda/${local.name[each.key]}"
  retention_in_days = 7
  tags              = { Name = "/aws/lambda/${local.name[each.key]}" }
}

resource "aws_lambda_function" "this" {
  for_each         = local.functions
  function_name    = local.name[each.key]
  role             = aws_iam_role.function[each.key].arn
  runtime          = "provided.al2023"
  handler          = "bootstrap"
  architectures    = [var.architecture]
  memory_size      = 256
  timeout          = 30
  filename         = "${var.packages}/${each.key}.zip"
  source_code_hash = filebase64sha256("${var.packages}/${each.key}.zip")
  publish          = true
  tags             = { Name = local.name[each.key] }

  environment {
    variables = merge(
      { ENVIRONMENT = local.environment },
      { for table in distinct(each.value.allowed[*].table) : "${upper(table)}_TABLE" => local.name[table] }
    )
  }

  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.function[each.key].name
  }
}

resource "aws_lambda_alias" "live" {
  for_each         = local.functions
  name             = "live"
  function_name    = aws_lambda_function.this[each.key].function_name
  function_version = aws_lambda_function.this[each.key].version
}

resource "aws_lambda_permission" "api" {
  for_each      = local.functions
  statement_id  = "liveinsight-api"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this[each.key].function_name
  qualifier     = aws_lambda_alias.live[each.key].name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_api_gateway_rest_api.this.execution_arn}/${local.environment}/${each.value.method}/api/${each.value.path}"
}
