//! A made-up run for tests of the writers.

use super::model::*;
use crate::checks::{OrderCounts, Standing};
use crate::scenario::{GoalPhase, Meaning, Metric, Op};

pub(super) fn goal(id: &str, measured: f64) -> GoalResult {
    GoalResult {
        id: id.into(),
        metric: Metric::LatencyP99,
        meaning: Meaning::Service,
        op: Op::Less,
        target: 1_000.0,
        measured: Some(measured),
        unit: "ms".into(),
        phase: GoalPhase::Whole,
        home: None,
        pass: measured < 1_000.0,
        not_judged: None,
    }
}

pub(super) fn invariant(id: &str, violations: u64) -> InvariantReport {
    InvariantReport {
        id: id.into(),
        title: "every acknowledged order exists in a survivor, as it was acknowledged".into(),
        standing: if violations == 0 { Standing::Kept } else { Standing::Broken },
        checked: 742,
        violations,
        unjudged: 0,
        not_judged: None,
        examples: (0..violations.min(3))
            .map(|n| format!("acknowledged, and in no surviving region (order {n})"))
            .collect(),
    }
}

pub(super) fn fault(felt: bool) -> FaultReport {
    FaultReport {
        kind: "flood-continent".into(),
        label: "flood of am".into(),
        plain: "the whole American continent was lost, with every process, all data and the warehouse".into(),
        at_s: 15.0,
        until_s: None,
        felt,
        shown_by: "212 requests went to dead regions; 37 writes were stranded there".into(),
    }
}

fn metric(metric: Metric, op: Op, target: f64, measured: f64) -> GoalResult {
    GoalResult {
        id: metric.word().into(),
        metric,
        meaning: metric.meaning(),
        op,
        target,
        unit: metric.unit().into(),
        pass: true,
        ..goal("", measured)
    }
}

pub(super) fn evidence() -> Evidence {
    Evidence {
        scenario: "flood-americas".into(),
        title: "The whole American continent is flooded".into(),
        description: "Both American regions and the warehouse are gone at once, without notice and for good. Orders must go on from Europe and Asia.".into(),
        seed: 42,
        commit: "4f2a91c".into(),
        engine: "live".into(),
        cloud: "embedded".into(),
        durability: "journal".into(),
        started_at: "2026-11-24T10:00:00.000Z".into(),
        duration_s: 60.0,
        phases: phases(),
        goals: goals(),
        invariants: invariants(),
        orders: OrderCounts { attempted: 760, acknowledged: 742, refused: 15, ambiguous: 3, ..OrderCounts::default() },
        latency_ms: Latency { p50: 92.0, p99: 431.0, p999: 742.0, max: 812.0 },
        availability: 99.976,
        worst_minute: Some(99.976),
        rto_s: Some(0.74),
        rpo_orders: Some(0),
        faults: vec![fault(true)],
        budget: budget(),
        timeline: timeline(),
        load: Some(load()),
        replication: Some(ReplicationReport { copied: 18_233, stranded: 37, lag_p50_ms: 640.0, lag_p99_ms: 1_180.0, lag_max_ms: 1_420.0 }),
        usage: Some(UsageReport {
            orders: 742,
            write_units_per_order: 61.4,
            read_units_per_order: 38.2,
            events_per_order: 11.3,
            queue_calls_per_order: 40.0,
            cpu_ms_per_order: Some(96.0),
            ..UsageReport::default()
        }),
        cost: Some(crate::cost::sample::report()),
        machine: Some(MachineReport {
            cores: 2,
            steal_pct: 0.4,
            foreign_pct: 2.1,
            own_pct: 71.0,
            driver_late_p99_ms: 1.9,
            driver_late_max_ms: 11.0,
            note: String::new(),
        }),
        boundaries: vec![
            "Edges stand outside every region and survive the flood; a real edge network has outages of its own.".into(),
            "Distances between regions are simulated from published round trips, plus or minus ten percent.".into(),
        ],
        replay: "cargo run -p simulator -- flood-americas --seed 42".into(),
        not_exact: "The run used real time and real sockets: the schedule of faults and the workload repeat, the interleaving of processes does not.".into(),
        ..Evidence::default()
    }
    .judged()
}

impl Evidence {
    fn judged(mut self) -> Self {
        let grounds = super::Grounds {
            failure: None,
            goals: &self.goals,
            invariants: &self.invariants,
            faults: &self.faults,
            inconclusive: &[],
        };
        (self.verdict, self.exit_code, self.reasons) = super::verdict(&grounds);
        self
    }
}

fn goals() -> Vec<GoalResult> {
    let american = GoalResult {
        home: Some("am".into()),
        phase: GoalPhase::After,
        ..metric(Metric::Acknowledged, Op::AtLeast, 20.0, 171.0)
    };
    vec![
        metric(Metric::Lost, Op::Equal, 0.0, 0.0),
        metric(Metric::Duplicated, Op::Equal, 0.0, 0.0),
        metric(Metric::Availability, Op::AtLeast, 99.9, 99.976),
        metric(Metric::LatencyMax, Op::Less, 1_000.0, 812.0),
        metric(Metric::Rto, Op::AtMost, 5.0, 0.74),
        metric(Metric::RpoOrders, Op::Equal, 0.0, 0.0),
        metric(Metric::Requests, Op::AtLeast, 3_000.0, 4_200.0),
        american,
    ]
}

fn invariants() -> Vec<InvariantReport> {
    let ids = ["D1", "D2", "D3", "D4", "G1", "P1", "P4", "S1", "S2", "H1", "E2", "R1", "R2", "L1", "X1"];
    let mut all: Vec<InvariantReport> = ids.iter().map(|id| invariant(id, 0)).collect();
    all.insert(
        4,
        InvariantReport {
            id: "D5".into(),
            title: "after the heal all regions hold the same".into(),
            standing: Standing::NotJudged,
            checked: 0,
            not_judged: Some("a lost region never came back".into()),
            ..invariant("D5", 0)
        },
    );
    all
}

fn phases() -> Vec<PhaseReport> {
    let phase = |name: &str, from_s: f64, to_s: f64, bad: u64, max: f64| {
        let requests = (70.0 * (to_s - from_s)) as u64;
        PhaseReport {
            name: name.into(),
            from_s,
            to_s,
            requests,
            good: requests - bad,
            availability: 100.0 * (requests - bad) as f64 / requests as f64,
            latency_ms: Latency { p50: 90.0, p99: max * 0.6, p999: max * 0.9, max },
            orders: requests / 6,
        }
    };
    vec![
        phase("steady", 0.0, 15.0, 0, 402.0),
        phase("failing-over", 15.0, 20.0, 1, 812.0),
        phase("survived", 20.0, 60.0, 0, 640.0),
    ]
}

fn budget() -> Vec<BudgetReport> {
    let line = |customers: &str, hedge: u32, way: u32, measured: Option<f64>| {
        let parts = [
            ("hedge", hedge),
            ("customer to eu-west-1", way),
            ("new epoch", 175),
            ("journal", 175),
            ("services", 50),
        ];
        BudgetReport {
            customers: customers.into(),
            lost: "am".into(),
            parts: parts
                .iter()
                .map(|(name, ms)| BudgetPartReport { name: (*name).into(), ms: *ms })
                .collect(),
            total_ms: hedge + way + 400,
            measured_ms: measured,
        }
    };
    vec![
        line("north-america", 250, 90, Some(744.0)),
        line("south-america", 200, 179, Some(812.0)),
        line("europe", 0, 20, None),
    ]
}

/// A second each: America serves its own until the flood, then Europe does.
fn timeline() -> Vec<Second> {
    let second = |at: u64| {
        let (steady, waver) = (at < 15, (at * 7 % 5) as f64);
        let spike = if at == 15 {
            412.0
        } else if at == 16 {
            250.0
        } else {
            0.0
        };
        let far = if steady { 0.0 } else { 130.0 };
        let mut orders = vec![("eu-west-1", if steady { 4 } else { 9 }), ("ap-southeast-1", 3)];
        if steady {
            orders.extend([("us-east-1", 4), ("sa-east-1", 1)]);
        }
        let bad = u64::from(at == 15);
        Second {
            at_s: at as f64,
            requests: 70,
            good: 70 - bad,
            bad,
            p50_ms: 88.0 + waver + far / 3.0,
            p99_ms: 290.0 + 9.0 * waver + far + spike * 0.8,
            max_ms: 345.0 + 14.0 * waver + far + spike,
            orders_by_region: orders.into_iter().map(|(region, n)| (region.to_owned(), n)).collect(),
            ..Second::default()
        }
    };
    (0..60).map(second).collect()
}

fn load() -> LoadReport {
    let step = |name: &str, requests: u64, p50_ms: f64| JourneyStep {
        name: name.into(),
        requests,
        failures: 0,
        p50_ms,
        p99_ms: p50_ms * 3.0,
        max_ms: p50_ms * 6.0,
    };
    LoadReport {
        users: 20,
        requests: 1_930,
        failures: 0,
        orders: [("acknowledged".to_owned(), 188)].into(),
        steps: vec![step("browse", 1_204, 61.0), step("create order", 190, 148.0), step("track", 536, 58.0)],
    }
}
