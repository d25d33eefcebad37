resource "aws_s3_bucket" "this" {
  bucket        = local.bucket
  force_destroy = true
  tags          = { Name = local.bucket }
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket                  = aws_s3_bucket.this.id
  block_public_acls       = true
  ignore_public_acls      = true
  block_public_policy     = true
  restrict_public_buckets = true
}

locals {
  content_types = {
    css  = "text/css; charset=utf-8"
    html = "text/html; charset=utf-8"
    js   = "text/javascript; charset=utf-8"
    svg  = "image/svg+xml; charset=utf-8"
    txt  = "text/plain; charset=utf-8"
  }
}

# Content, not resources, in the count of 59.
resource "aws_s3_object" "page" {
  for_each     = fileset(var.site, "**")
  bucket       = aws_s3_bucket_versioning.this.bucket
  key          = "site/${each.value}"
  source       = "${var.site}/${each.value}"
  source_hash  = filemd5("${var.site}/${each.value}")
  content_type = local.content_types[element(split(".", each.value), length(split(".", each.value)) - 1)]
  cache_control = (
    endswith(each.value, ".html") ? "no-cache" :
    can(regex("\\.[0-9a-f]{8,}\\.", each.value)) ? "public, max-age=31536000, immutable" : "public, max-age=300"
  )
}

resource "aws_cloudfront_origin_access_control" "this" {
  name                              = local.name.static
  description                       = "liveinsight:stack=${local.project}/${local.environment} ${local.region}"
  origin_access_control_origin_type = "s3"
  signing_behavior                  = "always"
  signing_protocol                  = "sigv4"
}

locals {
  # AWS's own policies: CachingOptimized, SecurityHeadersPolicy and CORS-and-SecurityHeadersPolicy.
  caching_optimized         = "658327ea-f89d-4fab-a63d-7e88639e58f6"
  security_headers          = "67f7725c-6f97-4210-82d7-5512b31e9d03"
  cors_and_security_headers = "e61eb60c-9c35-4d20-a928-2b84e02af89c"

  # The first pattern that fits counts.
  api_behaviors = [
    {
      pattern = "/api/events"
      max_ttl = 0
      headers = [
        "Authorization", "CloudFront-Viewer-Country", "DNT", "Origin", "Sec-GPC", "User-Agent", "X-API-Key", "X-CSRF-Token",
        "X-Session-ID"
      ]
    },
    { pattern = "/api/*", max_ttl = 60, headers = ["Authorization", "Origin", "X-API-Key"] },
  ]
}

resource "aws_cloudfront_distribution" "this" {
  comment             = local.name.static
  enabled             = true
  default_root_object = "index.html"
  price_class         = "PriceClass_100"
  http_version        = "http2and3"
  is_ipv6_enabled     = true
  wait_for_deployment = false
  tags                = { Name = local.name.static }

  origin {
    origin_id                = "site"
    domain_name              = aws_s3_bucket.this.bucket_regional_domain_name
    origin_path              = "/site"
    origin_access_control_id = aws_cloudfront_origin_access_control.this.id
  }

  origin {
    origin_id   = "api"
    domain_name = "${aws_api_gateway_rest_api.this.id}.execute-api.${local.region}.amazonaws.com"
    origin_path = "/${local.environment}"

    custom_origin_config {
      http_port              = 80
      https_port             = 443
      origin_protocol_policy = "https-only"
      origin_ssl_protocols   = ["TLSv1.2"]
    }
  }

  default_cache_behavior {
    target_origin_id           = "site"
    viewer_protocol_policy     = "redirect-to-https"
    allowed_methods            = ["GET", "HEAD"]
    cached_methods             = ["GET", "HEAD"]
    compress                   = true
    cache_policy_id            = local.caching_optimized
    response_headers_policy_id = local.cors_and_security_headers
  }

  dynamic "ordered_cache_behavior" {
    for_each = local.api_behaviors
    content {
      path_pattern               = ordered_cache_behavior.value.pattern
      target_origin_id           = "api"
      viewer_protocol_policy     = "redirect-to-https"
      allowed_methods            = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
      cached_methods             = ["GET", "HEAD"]
      compress                   = true
      response_headers_policy_id = local.security_headers
      min_ttl                    = 0
      default_ttl                = 0
      max_ttl                    = ordered_cache_behavior.value.max_ttl

      forwarded_values {
        query_string = true
        headers      = ordered_cache_behavior.value.headers
        cookies {
          forward = "none"
        }
      }
    }
  }

  custom_error_response {
    error_code            = 404
    response_code         = 404
    response_page_path    = "/error.html"
    error_caching_min_ttl = 10
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    cloudfront_default_certificate = true
  }
}

resource "aws_s3_bucket_policy" "this" {
  bucket = aws_s3_bucket.this.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      for sid, what in {
        CloudFrontReadsSite           = { action = "s3:GetObject", resource = "${aws_s3_bucket.this.arn}/site/*" }
        CloudFrontLearnsWhatIsMissing = { action = "s3:ListBucket", resource = aws_s3_bucket.this.arn }
        } : {
        Sid       = sid
        Effect    = "Allow"
        Principal = { Service = "cloudfront.amazonaws.com" }
        Action    = what.action
        Resource  = what.resource
        Condition = { StringEquals = { "AWS:SourceArn" = aws_cloudfront_distribution.this.arn } }
      }
      ], [{
        Sid       = "OnlyOverTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [aws_s3_bucket.this.arn, "${aws_s3_bucket.this.arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }])
  })

  depends_on = [aws_s3_bucket_public_access_block.this]
}
