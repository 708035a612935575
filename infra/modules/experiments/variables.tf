variable "name" {
  description = "The platform's environment: ecommerce-{env}."
  type        = string
}

variable "region" {
  description = "Where the experiments run."
  type        = string
}

variable "other_regions" {
  description = "Those whose distress ends an experiment."
  type        = list(string)
}

variable "account_id" {
  description = "The account, 12 digits."
  type        = string
}

variable "templates" {
  description = "By scenario, the file that `simulator export fis` wrote for this region."
  type        = map(string)
}

variable "tags" {
  description = "The tags that all resources bear, of which `platform` and `environment` name the targets."
  type        = map(string)
}

variable "architecture" {
  description = "arm64 or x86_64."
  type        = string
}

variable "layer" {
  description = "The ARN of FIS's extension; read from AWS's public parameter where null."
  type        = string
}

variable "dashboard" {
  description = "The name of the dashboard that reports show."
  type        = string
}

variable "region_alarm" {
  description = "The name that the alarm of a region as a whole has in every region."
  type        = string
}

variable "key_arn" {
  description = "The key of the region."
  type        = string
}

variable "log_days" {
  description = "How long logs are kept."
  type        = number
}
