"""Feeds each alarm of the home region a value at which it must be at rest, then one at which it must go off. The emulator
adds up a metric whatever its dimensions, and asks for no number of bad minutes: those are held by Terraform's tests."""

from cloud import NAME, client


def put(watch, alarm, value, times):
    """What an alarm looks at, as many times."""
    datum = {"MetricName": alarm["MetricName"], "Dimensions": alarm["Dimensions"], "Values": [value], "Counts": [times]}
    watch.put_metric_data(Namespace=alarm["Namespace"], MetricData=[datum])


def states(watch):
    """Every alarm's state by name."""
    kinds = ["MetricAlarm", "CompositeAlarm"]
    pages = watch.get_paginator("describe_alarms").paginate(AlarmNamePrefix=NAME, AlarmTypes=kinds)
    return {it["AlarmName"]: it["StateValue"] for page in pages for it in page["MetricAlarms"] + page["CompositeAlarms"]}


def feed():
    """Rest, then alarm; and the region's own alarm goes off with those of its door, and with no other."""
    watch = client("cloudwatch")
    alarms = [it for page in watch.get_paginator("describe_alarms").paginate(AlarmNamePrefix=NAME) for it in page["MetricAlarms"]]
    plain, others = [it for it in alarms if it.get("MetricName")], [it for it in alarms if not it.get("MetricName")]
    region = f"{NAME}-region"
    rule = watch.describe_alarms(AlarmNames=[region], AlarmTypes=["CompositeAlarm"])["CompositeAlarms"][0]["AlarmRule"]
    metric = lambda alarm: (alarm["Namespace"], alarm["MetricName"])
    summed_up = {metric(it) for it in plain if f'"{it["AlarmName"]}"' in rule}
    alarmed = lambda: {name for name, state in states(watch).items() if state == "ALARM"}
    # The emulator looks at alarms when something is put, whatever it is.
    watch.put_metric_data(Namespace="nothing", MetricData=[{"MetricName": "nothing", "Value": 1}])
    before = alarmed()
    for alarm in plain:
        put(watch, alarm, 0, 1)
    restless = alarmed() - before
    assert not restless, f"at rest, and yet alarmed: {restless}"
    if before:
        # Functions fail until they are given their keys.
        print(f"ok: {len(before)} had gone off by themselves: {', '.join(sorted(before))}")
    for alarm in sorted(plain, key=lambda alarm: metric(alarm) in summed_up):
        inside = metric(alarm) in summed_up
        assert inside or states(watch)[region] != "ALARM", f"{region} goes off with {alarm['AlarmName']}"
        # So often that what was put before does not weigh.
        put(watch, alarm, 2 * alarm["Threshold"], 1000)
        seen = states(watch)
        assert seen[alarm["AlarmName"]] == "ALARM", f"{alarm['AlarmName']} does not go off at {2 * alarm['Threshold']}"
        assert not inside or seen[region] == "ALARM", f"{region} does not go off with {alarm['AlarmName']}"
    print(f"ok: {len(plain)} alarms are at rest, go off, and the region's with those of its door alone")
    for alarm in others:
        print(f"not fed: {alarm['AlarmName']}: the emulator works out no expressions")
