# What exists before.

variable "env" {
  description = "The environment."
  type        = string
  validation {
    condition     = contains(["dev", "tests", "staging", "prod"], var.env)
    error_message = "env: dev, tests, staging or prod."
  }
}

variable "account_id" {
  description = "The AWS account, 12 digits."
  type        = string
  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id: 12 digits."
  }
}

variable "domain" {
  description = "The platform's domain, such as shop.example."
  type        = string
}

variable "zone_id" {
  description = "The domain's public zone in Route 53."
  type        = string
}

variable "certificates" {
  description = "By region, a certificate for *.{region}.{domain} and *.{domain}."
  type        = map(string)
}

variable "buckets" {
  description = "By region, the bucket of releases; each has {release}/{service}.zip."
  type        = map(string)
}

variable "offline" {
  description = "Plans without asking AWS anything: for checks."
  type        = bool
  default     = false
}

# What runs.

variable "release" {
  description = "The release that is deployed: the folder of the packages, such as a commit's id."
  type        = string
}

variable "architecture" {
  description = "arm64 or x86_64, as the packages were built."
  type        = string
  default     = "arm64"
  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture: arm64 or x86_64."
  }
}

variable "live" {
  description = "By service and region, what serves: `version` (the newest where absent), and `next` with `next_share` of the calls."
  type = map(map(object({
    version    = optional(string)
    next       = optional(string)
    next_share = optional(number, 0)
  })))
  default = {}
}

variable "evacuated" {
  description = "Regions to which nobody is sent by the world-wide names."
  type        = list(string)
  default     = []
}

variable "concurrency" {
  description = "By service, invocations at the same time in one region, guaranteed and at most; 100 where absent. In all 100 less than the quota."
  type        = map(number)
  default     = {}
}

variable "requests_per_s" {
  description = "Requests a second that one service in one region takes; twice as many at once."
  type        = number
  default     = 500
}

variable "log_days" {
  description = "How long logs are kept."
  type        = number
  default     = 30
}

variable "emails" {
  description = "Who is woken up by alarms."
  type        = list(string)
  default     = []
}

variable "api_key_expires" {
  description = "When the GraphQL key of anonymous callers ends (RFC 3339), a year ahead at most."
  type        = string
}

# What is broken on purpose.

variable "experiments" {
  description = "Scenarios, folders of experiments/, that can be run as experiments of FIS. Functions get FIS's extension only where there is one."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for scenario in var.experiments : length(fileset("${path.module}/experiments/${scenario}", "*.json")) > 0])
    error_message = "experiments: each is a folder of infra/experiments, written by `simulator export fis`."
  }
}

variable "experiment_layers" {
  description = "By region, the ARN of FIS's extension for Lambda; AWS's public parameter tells it where absent."
  type        = map(string)
  default     = {}
}

variable "drill_addresses" {
  description = "From where `simulator --target` sends load (CIDR, IPv4). While there are any, the firewall lets these send as much as they like, and the user pools take sign-in by password."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for range in var.drill_addresses : can(cidrnetmask(range))])
    error_message = "drill_addresses: IPv4 ranges, such as 192.0.2.10/32."
  }
}

# What the services are told (services/platform/src/config.rs).

variable "shards" {
  description = "Shards of each continent's orders. Never changed once there are orders."
  type        = number
  default     = 16
  validation {
    condition     = var.shards >= 1 && var.shards <= 100
    error_message = "shards: 1 to 100."
  }
}

variable "successors" {
  description = "By continent, who drives the orders of customers at home there: the first live region of the list."
  type        = map(list(string))
  default = {
    am = ["us-east-1", "eu-west-1", "ap-southeast-1"]
    eu = ["eu-west-1", "us-east-1", "ap-southeast-1"]
    ap = ["ap-southeast-1", "eu-west-1", "us-east-1"]
  }
}

variable "warehouses" {
  description = "The warehouses: which region owns the stock, and where they stand."
  type        = list(object({ id = string, region = string, continent = string }))
  default = [
    { id = "wh-am", region = "us-east-1", continent = "am" },
    { id = "wh-eu", region = "eu-west-1", continent = "eu" },
    { id = "wh-ap", region = "ap-southeast-1", continent = "ap" },
  ]
}

variable "pool_keys" {
  description = "By continent, its user pool's keys (JSON, from {issuer}/.well-known/jwks.json). Without them its tokens are refused."
  type        = map(string)
  default     = {}
}

variable "provider_url" {
  description = "The payment provider."
  type        = string
}

variable "carrier_url" {
  description = "The carrier."
  type        = string
}

variable "age_check_url" {
  description = "The page of the age checker that customers are sent to."
  type        = string
}

variable "otlp_url" {
  description = "The OpenTelemetry collector, where there is one."
  type        = string
  default     = null
}
