# The faults of scenarios as experiments of AWS Fault Injection Service in one region, and what they need: FIS's role, a
# bucket by which its extension hears of faults and which takes the reports, and an alarm that ends an experiment.

locals {
  role_name  = "${var.name}-experiments-${var.region}"
  role_arn   = "arn:aws:iam::${var.account_id}:role/${local.role_name}"
  alarm_name = "${var.name}-others-in-distress"

  # `simulator export fis` wrote these; they have the shape of FIS's own requests.
  exported = {
    for scenario, file in var.templates : scenario => jsondecode(templatefile(file, {
      role_arn      = local.role_arn
      alarm_arn     = "arn:aws:cloudwatch:${var.region}:${var.account_id}:alarm:${local.alarm_name}"
      dashboard_arn = "arn:aws:cloudwatch::${var.account_id}:dashboard/${var.dashboard}"
      report_bucket = local.bucket
      platform      = var.tags["platform"]
      environment   = var.tags["environment"]
    }))
  }

  # The same in the words of CloudFormation.
  properties = {
    for scenario, it in local.exported : scenario => {
      Description = it.description
      RoleArn     = it.roleArn
      Tags        = it.tags
      Targets = {
        for name, target in it.targets : name => {
          ResourceType  = target.resourceType
          ResourceTags  = target.resourceTags
          SelectionMode = target.selectionMode
        }
      }
      Actions = {
        for name, action in it.actions : name => {
          ActionId    = action.actionId
          Description = action.description
          Parameters  = action.parameters
          StartAfter  = try(action.startAfter, [])
          Targets     = try(action.targets, {})
        }
      }
      StopConditions = [for stop in it.stopConditions : { Source = stop.source, Value = stop.value }]
      ExperimentOptions = {
        AccountTargeting          = it.experimentOptions.accountTargeting
        EmptyTargetResolutionMode = it.experimentOptions.emptyTargetResolutionMode
      }
      ExperimentReportConfiguration = {
        Outputs = {
          ExperimentReportS3Configuration = {
            BucketName = it.experimentReportConfiguration.outputs.s3Configuration.bucketName
            Prefix     = it.experimentReportConfiguration.outputs.s3Configuration.prefix
          }
        }
        DataSources = {
          CloudWatchDashboards = [
            for dashboard in it.experimentReportConfiguration.dataSources.cloudWatchDashboards :
            { DashboardIdentifier = dashboard.dashboardIdentifier }
          ]
        }
        PreExperimentDuration  = it.experimentReportConfiguration.preExperimentDuration
        PostExperimentDuration = it.experimentReportConfiguration.postExperimentDuration
      }
    }
  }
}

# By CloudFormation: aws_fis_experiment_template of provider 5.100 takes no `Functions` as the target of an action.
resource "aws_cloudformation_stack" "experiment" {
  #checkov:skip=CKV_AWS_124: Terraform waits for the stack and says how it went
  for_each = local.properties

  name = "${var.name}-experiment-${each.key}"
  template_body = jsonencode({
    AWSTemplateFormatVersion = "2010-09-09"
    Description              = each.value.Description
    Resources                = { Experiment = { Type = "AWS::FIS::ExperimentTemplate", Properties = each.value } }
    Outputs                  = { Id = { Value = { Ref = "Experiment" } } }
  })

  depends_on = [aws_iam_role_policy.fis, aws_cloudwatch_metric_alarm.others, aws_s3_bucket_policy.experiments]
}

# Each region and architecture has a version of the extension of its own.
data "aws_ssm_parameter" "extension" {
  count = var.layer == null ? 1 : 0

  name = "/aws/service/fis/lambda-extension/AWS-FIS-extension-${var.architecture}/1.x.x"
}
