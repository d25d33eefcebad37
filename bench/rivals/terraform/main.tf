# The stack of stack.yaml at the root of this repository, as Terraform has it: the same resources with the same fields and tags.
# Never applied so far: where this was written there was no AWS provider. What was checked is said in docs/performance.md.

terraform {
  required_version = ">= 1.6"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }
}

variable "packages" {
  description = "The directory of the functions' zips."
  type        = string
}

variable "site" {
  description = "The directory of the pages."
  type        = string
}

variable "architecture" {
  type    = string
  default = "arm64"
}

variable "longest_duration" {
  description = "The threshold of the alarm on durations, in milliseconds."
  type        = number
  default     = 25000
}

# AWS_ENDPOINT_URL and the credentials come from the environment.
provider "aws" {
  region                      = local.region
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true

  default_tags {
    tags = {
      Project              = local.project
      Environment          = local.environment
      ManagedBy            = "liveinsight"
      "liveinsight:stack"  = "${local.project}/${local.environment}"
      "liveinsight:region" = local.region
    }
  }
}

data "aws_caller_identity" "current" {}

locals {
  project     = "liveinsight"
  environment = "dev"
  region      = "us-east-1"
  account     = data.aws_caller_identity.current.account_id
  # {project}-{thing}-{environment}
  name   = { for thing in local.things : thing => "${local.project}-${thing}-${local.environment}" }
  things = concat(keys(local.tables), keys(local.functions), ["api", "static"])
  bucket = "${local.name.static}-${substr(sha256("${local.account}${local.region}"), 0, 8)}"

  tables = {
    events = {
      partition_key = { name = "session_id", type = "S" }
      sort_key      = { name = "timestamp", type = "N" }
      index = {
        name          = "EventTypeIndex"
        partition_key = { name = "event_type", type = "S" }
        sort_key      = { name = "timestamp", type = "N" }
        projection    = "ALL"
      }
    }
    sessions = {
      partition_key = { name = "session_id", type = "S" }
      sort_key      = null
      index = {
        name          = "ActivityIndex"
        partition_key = { name = "is_active", type = "S" }
        sort_key      = { name = "last_activity", type = "N" }
        projection    = "KEYS_ONLY"
      }
    }
  }

  functions = {
    event-collector = {
      method = "POST"
      path   = "events"
      allowed = [
        { operations = ["GetItem"], table = "sessions", keys = [] },
        { operations = ["PutItem", "UpdateItem"], table = "events", keys = [] },
        { operations = ["UpdateItem"], table = "sessions", keys = [] },
        { operations = ["DeleteItem"], table = "events", keys = ["@salt#*"] },
      ]
    }
    realtime-api = { method = "GET", path = "realtime", allowed = [{ operations = ["Query"], table = "events", keys = [] }] }
    stats-api    = { method = "GET", path = "stats", allowed = [{ operations = ["Query"], table = "events", keys = [] }] }
  }
}
