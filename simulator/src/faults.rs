//! Does what a scenario's fault timeline says, to the live world.

mod felt;
mod lost;

pub use felt::{Back, FaultRecord, SeenByCustomers, Shown};

use crate::{
    cloud::{FaultSettings, Step},
    engine::{
        regions::{RegionProcess, Standing},
        stage::Stage,
    },
    links::Way,
    replication,
    robots::Ground,
    scenario::{Fault, FaultAt},
    watch::Watch,
};
use contracts::ids::Region;
use futures::future::join_all;
use std::{collections::BTreeMap, time::Duration};
use tokio::task::{AbortHandle, JoinSet};

/// The desk sees a lost warehouse on the news after this time.
const NEWS: Duration = Duration::from_secs(3);

/// A loss strikes when so many requests are under way; after this time when any is, and after twice this time in
/// any case.
const BUSY: u64 = 3;
const BUSY_LIMIT: Duration = Duration::from_secs(1);

/// A copy of the journal that comes back with nothing votes within this time; how often it is asked.
const REJOIN_LIMIT: Duration = Duration::from_secs(20);
const REJOIN_LOOK: Duration = Duration::from_millis(100);

/// Does the faults of one run.
pub struct Faults<'a> {
    stage: &'a Stage,
    watch: &'a Watch,
    ground: Ground,
    /// An administrator's token, for the desk.
    desk_token: String,
    cloud: FaultSettings,
    records: Vec<FaultRecord>,
    desk: JoinSet<()>,
    /// By the fault's place in the scenario: those who lie in wait for a step, and how often the region had
    /// crashed before.
    traps: BTreeMap<usize, (u64, AbortHandle)>,
}

/// A fault begins or ends.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Moment {
    at_s: f64,
    /// Its place in the scenario.
    fault: usize,
    begins: bool,
}

impl<'a> Faults<'a> {
    /// Nothing is broken yet.
    pub fn new(stage: &'a Stage, watch: &'a Watch, ground: Ground, desk_token: String) -> Self {
        let (cloud, records, desk) = (FaultSettings::default(), Vec::new(), JoinSet::new());
        Faults { stage, watch, ground, desk_token, cloud, records, desk, traps: BTreeMap::new() }
    }

    /// Goes through the timeline of a load that began `begun_us` after the run's start. Says what was done and
    /// what showed it.
    ///
    /// # Errors
    /// When a fault cannot be done.
    pub async fn run(mut self, begun_us: u64) -> anyhow::Result<Vec<FaultRecord>> {
        let faults = self.stage.plan.scenario.faults.clone();
        for moment in moments(&faults) {
            let at = begun_us + (moment.at_s * 1e6) as u64;
            tokio::time::sleep_until(self.stage.clock.at_us(at)).await;
            let fault = &faults[moment.fault].fault;
            match moment.begins {
                true => self.begin(moment.fault, fault).await?,
                false => self.end(moment.fault, fault).await?,
            }
        }
        while self.desk.join_next().await.is_some() {}
        Ok(self.records)
    }

    async fn begin(&mut self, number: usize, fault: &Fault) -> anyhow::Result<()> {
        self.watch.say(&format!("FAULT  {}", fault.label()));
        let mut record = FaultRecord::new(number, fault.clone(), self.stage.clock.now_us());
        match fault {
            Fault::FloodContinent { continent } => {
                let regions: Vec<Region> =
                    self.stage.plan.scenario.topology.regions_of(continent).cloned().collect();
                record.lost_continents = vec![continent.clone()];
                self.lose(&mut record, regions).await;
            }
            Fault::KillRegion { region, keep_data: false, .. } => {
                self.lose(&mut record, vec![region.clone()]).await
            }
            // It is out of reach, with all it has stored, until it comes back or the run is judged.
            Fault::KillRegion { region, keep_data: true, .. } => {
                record.under_way = self.until_busy(std::slice::from_ref(region)).await;
                record.at_us = self.stage.clock.now_us();
                self.cut_power(region).await;
            }
            Fault::PowerCut { region, .. } => self.cut_power(region).await,
            Fault::FreezeRegion { region, .. } => {
                if let Some(process) = self.process(region) {
                    process.freeze().await;
                }
            }
            Fault::CrashBetweenSteps { .. } => self.set_trap(number, fault),
            Fault::ClockSkew { region, ms, .. } => self.set_skew(region, i64::from(*ms)),
            Fault::LinkLatency { .. }
            | Fault::LinkLoss { .. }
            | Fault::LinkReset { .. }
            | Fault::Partition { .. } => self.change_links(fault, true),
            Fault::PauseReplication { region, .. } => {
                let settings = replication::Settings { paused: true, ..self.stage.plan.replication() };
                self.set_replication(region.as_ref(), settings).await?;
            }
            Fault::ReplicationLag { ms, region, .. } => {
                let settings =
                    replication::Settings { lag_ms: u64::from(*ms), ..self.stage.plan.replication() };
                self.set_replication(region.as_ref(), settings).await?;
            }
            Fault::ProviderRefuse { .. } | Fault::ProviderSlow { .. } | Fault::ProviderAnswerLost { .. } => {
                self.change_provider(fault, true);
            }
            Fault::EventDuplicate { .. } | Fault::EventDelay { .. } | Fault::EventReorder { .. } => {
                self.change_events(fault, true).await?;
            }
        }
        // A clock is off from the first moment on: there is nothing to compare with.
        if !matches!(fault, Fault::ClockSkew { .. }) {
            record.before = felt::Sight::of(self.stage, fault).await;
        }
        self.records.push(record);
        Ok(())
    }

    async fn end(&mut self, number: usize, fault: &Fault) -> anyhow::Result<()> {
        // What shows a fault must be looked at while it lasts.
        let seen = felt::Sight::of(self.stage, fault).await;
        match fault {
            Fault::FreezeRegion { region, .. } => {
                if let Some(process) = self.process(region) {
                    process.thaw().await;
                }
            }
            Fault::PowerCut { region, .. } | Fault::KillRegion { region, keep_data: true, .. } => {
                self.stage.mesh.set_dark(region, false);
                if let Some(process) = self.process(region) {
                    process.restore_power().await?;
                }
            }
            Fault::KillRegion { region, keep_data: false, .. } => {
                let back = self.bring_back(region).await?;
                if let Some(record) = self.records.iter_mut().find(|record| record.number == number) {
                    record.back = Some(back);
                }
            }
            Fault::CrashBetweenSteps { region, .. } => self.take_trap_away(number, region),
            Fault::ClockSkew { region, .. } => self.set_skew(region, 0),
            Fault::LinkLatency { .. }
            | Fault::LinkLoss { .. }
            | Fault::LinkReset { .. }
            | Fault::Partition { .. } => self.change_links(fault, false),
            Fault::ReplicationLag { region, .. } | Fault::PauseReplication { region, .. } => {
                let usual = self.stage.plan.replication();
                self.set_replication(region.as_ref(), usual).await?;
            }
            Fault::ProviderRefuse { .. } | Fault::ProviderSlow { .. } | Fault::ProviderAnswerLost { .. } => {
                self.change_provider(fault, false);
            }
            Fault::EventDuplicate { .. } | Fault::EventDelay { .. } | Fault::EventReorder { .. } => {
                self.change_events(fault, false).await?;
            }
            Fault::FloodContinent { .. } => {} // this never ends
        }
        if let Some(record) = self.records.iter_mut().find(|record| record.number == number) {
            record.ended_us = Some(self.stage.clock.now_us());
            record.shown = seen.since(&record.before, fault);
        }
        self.watch.say(&format!("HEALED {}", fault.label()));
        Ok(())
    }

    /// Starts a lost region again, and waits until it serves and its copy of the journal votes.
    async fn bring_back(&self, region: &Region) -> anyhow::Result<Back> {
        self.stage.mesh.set_dark(region, false);
        let Some(process) = self.process(region) else { return Ok(Back::default()) };
        process.start_again().await?;
        let rows = process.control().usage().await?.replicated_rows();
        let votes = async {
            while !process
                .control()
                .report()
                .await
                .is_ok_and(|report| report.copy.is_none_or(|copy| copy.votes()))
            {
                tokio::time::sleep(REJOIN_LOOK).await;
            }
        };
        let votes = tokio::time::timeout(REJOIN_LIMIT, votes).await.is_ok();
        if !votes {
            self.watch.say(&format!("       {region} serves, and its copy of the journal does not vote yet"));
        }
        Ok(Back { rows, votes })
    }

    fn process(&self, region: &Region) -> Option<&'a RegionProcess> {
        self.stage.regions.get(region)
    }

    fn change_links(&self, fault: &Fault, begins: bool) {
        let mesh = &self.stage.mesh;
        match fault {
            Fault::LinkLatency { from, to, add_ms, .. } => {
                let extra = Duration::from_millis(if begins { u64::from(*add_ms) } else { 0 });
                mesh.change(from, to, |way: &mut Way| way.extra = extra);
            }
            Fault::LinkLoss { from, to, pct, .. } => {
                let stall_pct = if begins { *pct } else { 0.0 };
                mesh.change(from, to, |way| way.stall_pct = stall_pct);
            }
            Fault::LinkReset { from, to, .. } => mesh.change(from, to, |way| way.reset = begins),
            Fault::Partition { from, to, one_way, .. } => {
                mesh.change(from, to, |way| way.blackhole = begins);
                if !one_way {
                    mesh.change(to, from, |way| way.blackhole = begins);
                }
            }
            _ => {}
        }
    }

    async fn cut_power(&self, region: &Region) {
        self.stage.mesh.set_dark(region, true);
        if let Some(process) = self.process(region) {
            process.cut_power().await;
        }
    }

    fn set_skew(&self, region: &Region, ms: i64) {
        if let Some(process) = self.process(region) {
            process.set_skew(ms);
        }
    }

    fn set_trap(&mut self, number: usize, fault: &Fault) {
        let Fault::CrashBetweenSteps { region, moment, operation, table, word, nth, back_after_ms, .. } =
            fault
        else {
            return;
        };
        let Some(host) = self.process(region).and_then(RegionProcess::host) else { return };
        let resource = self.stage.plan.table(table);
        let (moment, operation, word, nth) = (*moment, operation.clone(), word.clone(), *nth);
        let step = Step { moment, operation, resource, word, nth };
        let back_after = Duration::from_millis(u64::from(*back_after_ms));
        let trap = self.desk.spawn(host.clone().crash_after(step, back_after));
        self.traps.insert(number, (host.crashes(), trap));
    }

    /// A trap that has caught somebody is left to bring the region back.
    fn take_trap_away(&mut self, number: usize, region: &Region) {
        let Some(host) = self.process(region).and_then(RegionProcess::host) else { return };
        if let Some((crashes, trap)) = self.traps.remove(&number)
            && host.crashes() == crashes
            && host.disarm()
        {
            trap.abort();
        }
    }

    async fn set_replication(
        &self,
        region: Option<&Region>,
        settings: replication::Settings,
    ) -> anyhow::Result<()> {
        for process in self.working().filter(|process| region.is_none_or(|region| process.name == *region)) {
            process.control().set_replication(&settings).await?;
        }
        Ok(())
    }

    fn change_provider(&self, fault: &Fault, begins: bool) {
        let mut faults = self.stage.provider.faults();
        match fault {
            Fault::ProviderRefuse { pct, .. } => faults.refuse_pct = if begins { *pct } else { 0.0 },
            Fault::ProviderSlow { ms, .. } => faults.slow_ms = if begins { *ms } else { 0 },
            Fault::ProviderAnswerLost { pct, .. } => faults.answer_lost_pct = if begins { *pct } else { 0.0 },
            _ => {}
        }
        self.stage.provider.set_faults(faults);
    }

    async fn change_events(&mut self, fault: &Fault, begins: bool) -> anyhow::Result<()> {
        let chance = |pct: f32| if begins { f64::from(pct) / 100.0 } else { 0.0 };
        match fault {
            Fault::EventDuplicate { pct, .. } => self.cloud.event_duplicate = chance(*pct),
            Fault::EventReorder { pct, .. } => self.cloud.event_reorder = chance(*pct),
            Fault::EventDelay { pct, ms, .. } => {
                self.cloud.event_delay = chance(*pct);
                self.cloud.event_delay_ms_max = if begins { u64::from(*ms) } else { 0 };
            }
            _ => {}
        }
        for process in self.working() {
            process.control().set_faults(&self.cloud).await?;
        }
        Ok(())
    }

    /// The regions that can be talked to.
    fn working(&self) -> impl Iterator<Item = &'a RegionProcess> {
        self.stage.regions.values().filter(|process| process.standing() == Standing::Up)
    }

    /// Regions are gone, with everything they hold, and the warehouses in them.
    async fn lose(&mut self, record: &mut FaultRecord, regions: Vec<Region>) {
        record.under_way = self.until_busy(&regions).await;
        // All at once and without an await in between: nobody is told.
        for region in &regions {
            self.stage.mesh.set_dark(region, true);
            if let Some(process) = self.process(region) {
                process.set_dark(true);
            }
        }
        record.at_us = self.stage.clock.now_us();
        let processes: Vec<&RegionProcess> =
            regions.iter().filter_map(|region| self.process(region)).collect();
        record.losses = join_all(processes.iter().map(|process| lost::ask(process))).await;
        join_all(processes.iter().map(|process| process.kill())).await;
        record.killed_us = Some(self.stage.clock.now_us());
        record.lost_regions = regions;
        let warehouses = self.stage.plan.scenario.topology.warehouses.iter();
        let gone = warehouses.filter(|warehouse| record.lost_regions.contains(&warehouse.region));
        record.lost_warehouses = gone.map(|warehouse| warehouse.id.clone()).collect();
        for line in record.lines() {
            self.watch.say(&line);
        }
        self.send_news(record);
    }

    /// Waits for a moment at which customers' requests are under way to these regions; says how many. A flood that
    /// meets nobody proves nothing.
    async fn until_busy(&self, regions: &[Region]) -> u64 {
        for wanted in [BUSY, 1] {
            let give_up = tokio::time::Instant::now() + BUSY_LIMIT;
            while tokio::time::Instant::now() < give_up {
                let under_way = self.stage.under_way(regions);
                if under_way >= wanted {
                    return under_way;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        0
    }

    fn send_news(&mut self, record: &FaultRecord) {
        // Without it survivors would go on trying. Whoever comes back is not forgotten: it asks for everything.
        let for_good = record.fault.for_s().is_none();
        let controls = self.working().filter(|_| for_good).map(|process| process.control().clone());
        for control in controls.collect::<Vec<_>>() {
            let gone = record.lost_regions.clone();
            self.desk.spawn(async move {
                tokio::time::sleep(NEWS).await;
                if let Err(fault) = control.forget(&gone).await {
                    tracing::warn!(%fault, "a survivor was not told what is lost");
                }
            });
        }
        for warehouse in record.lost_warehouses.clone() {
            let (ground, token) = (self.ground.clone(), self.desk_token.clone());
            let reason = record.fault.label();
            self.desk.spawn(async move {
                tokio::time::sleep(NEWS).await;
                crate::robots::declare_lost(ground, token, warehouse, reason).await;
            });
        }
    }
}

/// Judges the faults that last to the end of the load. `seen` tells what customers had to do with some regions
/// at a moment, microseconds since the run's start.
pub async fn judge_lasting(
    stage: &Stage,
    records: &mut [FaultRecord],
    seen: impl Fn(&[Region], u64) -> SeenByCustomers,
) {
    for record in records.iter_mut().filter(|record| record.ended_us.is_none() || record.loses_data()) {
        record.shown = match (&record.fault, record.loses_data()) {
            (_, true) => record.judge_loss(&seen(&record.lost_regions, record.at_us)),
            (Fault::KillRegion { region, .. }, false) => {
                let seen = seen(std::slice::from_ref(region), record.at_us);
                let under_way = seen.under_way.max(record.under_way);
                Shown { felt: under_way > 0, by: format!("{under_way} requests were under way to it") }
            }
            (fault, false) => felt::Sight::of(stage, fault).await.since(&record.before, fault),
        };
    }
}

/// Begins and ends, by time; what begins and what ends at the same moment in the order of the file.
fn moments(faults: &[FaultAt]) -> Vec<Moment> {
    let begins = faults.iter().enumerate().map(|(fault, at)| Moment { at_s: at.at_s, fault, begins: true });
    let ends = faults
        .iter()
        .enumerate()
        .filter_map(|(fault, at)| Some(Moment { at_s: at.heals_at_s()?, fault, begins: false }));
    let mut moments: Vec<Moment> = begins.chain(ends).collect();
    moments.sort_by(|a, b| a.at_s.total_cmp(&b.at_s).then(a.fault.cmp(&b.fault)));
    moments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_begin_and_end_in_time() {
        let lag = Fault::ReplicationLag { ms: 9, region: None, for_s: Some(4.0) };
        let freeze = Fault::FreezeRegion { region: "eu-west-1".into(), for_s: 1.0 };
        let flood = Fault::FloodContinent { continent: "am".into() };
        let faults = [(2.0, lag), (3.0, freeze), (5.0, flood)];
        let faults = faults.map(|(at_s, fault)| FaultAt { at_s, fault });
        let order: Vec<(f64, usize, bool)> =
            moments(&faults).into_iter().map(|m| (m.at_s, m.fault, m.begins)).collect();
        assert_eq!(order, [(2.0, 0, true), (3.0, 1, true), (4.0, 1, false), (5.0, 2, true), (6.0, 0, false)]);
    }
}
