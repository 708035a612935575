# It is spoken to over plain HTTP, which the queues refuse on AWS.
resource "aws_sqs_queue_policy" "events" {
  policy = jsonencode({ Version = "2012-10-17", Statement = [local.queue_policies.events[each.key].Statement[0]] })
}

resource "aws_sqs_queue_policy" "parked" {
  policy = jsonencode({ Version = "2012-10-17", Statement = [local.queue_policies.parked[each.key].Statement[0]] })
}
