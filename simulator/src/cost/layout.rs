//! Sets of regions that the shop could run in, and which part of the work each does.

use crate::topology::{CustomerContinent, Topology};
use contracts::ids::{Continent, Region};
use std::collections::BTreeMap;

/// The shop in some of a topology's regions.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// A few words for a table.
    pub name: String,
    /// Continents that have a copy of the journal.
    pub continents: usize,
    shares: BTreeMap<String, Shares>,
}

/// A region's part in a layout.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Shares {
    /// Of the customers whose nearest region it is.
    door: f64,
    /// Of the customers whose orders it drives.
    work: f64,
    /// Whether it holds its continent's copy of the journal.
    copy: bool,
}

impl Layout {
    /// The regions of a topology that `stands` lets through.
    pub fn of(name: &str, topology: &Topology, stands: impl Fn(&Region) -> bool) -> Layout {
        let regions = topology.regions.iter().filter(|region| stands(&region.name));
        let mut shares: BTreeMap<String, Shares> =
            regions.map(|region| (region.name.to_string(), Shares::default())).collect();
        for customers in &topology.customers {
            let share = f64::from(customers.share);
            if let Some(door) = nearest(customers, &stands).and_then(|region| shares.get_mut(region.as_str()))
            {
                door.door += share;
            }
            let driver = driver(topology, customers, &stands);
            if let Some(driver) = driver.and_then(|region| shares.get_mut(region.as_str())) {
                driver.work += share;
            }
        }
        let journals = topology.continents.iter().map(|continent| &continent.journal_region);
        let mut continents = 0;
        for region in journals.filter(|region| stands(region)) {
            continents += 1;
            if let Some(shares) = shares.get_mut(region.as_str()) {
                shares.copy = true;
            }
        }
        Layout { name: name.to_owned(), continents, shares }
    }

    /// All regions.
    pub fn peace(topology: &Topology) -> Layout {
        Layout::of("all regions", topology, |_| true)
    }

    /// Without a continent.
    pub fn without(topology: &Topology, lost: &Continent) -> Layout {
        Layout::of(&format!("without {lost}"), topology, |region| topology.continent_of(region) != Some(lost))
    }

    /// The journal regions of the first one, two, three continents, then all regions.
    pub fn growing(topology: &Topology) -> Vec<Layout> {
        let journals: Vec<&Region> =
            topology.continents.iter().map(|continent| &continent.journal_region).collect();
        let first = |count: usize| {
            let name = if count == 1 { "1 continent".to_owned() } else { format!("{count} continents") };
            Layout::of(&name, topology, |region| journals[..count].contains(&region))
        };
        let mut layouts: Vec<Layout> = (1..=journals.len()).map(first).collect();
        if topology.regions.len() > journals.len() {
            layouts.push(Layout::peace(topology));
        }
        layouts
    }

    /// The regions, by name.
    pub fn regions(&self) -> impl Iterator<Item = &str> {
        self.shares.keys().map(String::as_str)
    }

    /// How many regions each one has beside it.
    pub fn others(&self) -> f64 {
        self.shares.len().saturating_sub(1) as f64
    }

    /// The part of the work that a region does.
    pub fn work_share(&self, region: &str) -> f64 {
        self.shares.get(region).map_or(0.0, |shares| shares.work)
    }

    /// The part of the customers who ask a region.
    pub fn door_share(&self, region: &str) -> f64 {
        self.shares.get(region).map_or(0.0, |shares| shares.door)
    }

    /// Whether a region holds a copy of the journal.
    pub fn has_copy(&self, region: &str) -> bool {
        self.shares.get(region).is_some_and(|shares| shares.copy)
    }

    /// The part of the work whose writes come to a region from others.
    pub fn written_elsewhere(&self, region: &str) -> f64 {
        if self.shares.len() < 2 { 0.0 } else { 1.0 - self.work_share(region) }
    }

    /// How much of a year the shop takes orders, percent, where each region serves so much of it and none fails because
    /// another does. One continent: that region's. More: an order needs a majority of the journal's copies.
    pub fn availability_pct(&self, region_pct: f64) -> f64 {
        let up = (region_pct / 100.0).clamp(0.0, 1.0);
        let copies = self.continents.max(1);
        let majority = copies / 2 + 1;
        let exactly = |count: usize| {
            binomial(copies, count) * up.powi(count as i32) * (1.0 - up).powi((copies - count) as i32)
        };
        100.0 * (majority..=copies).map(exactly).sum::<f64>()
    }
}

fn nearest<'t>(customers: &'t CustomerContinent, stands: &impl Fn(&Region) -> bool) -> Option<&'t Region> {
    customers.nearest_first().into_iter().map(|(region, _)| region).find(|region| stands(region))
}

/// Who drives the orders of some customers: the first of their home's successors that stands.
fn driver<'t>(
    topology: &'t Topology,
    customers: &CustomerContinent,
    stands: &impl Fn(&Region) -> bool,
) -> Option<&'t Region> {
    topology.continent(&customers.home)?.successors.iter().find(|region| stands(region))
}

fn binomial(of: usize, choose: usize) -> f64 {
    (0..choose).map(|i| (of - i) as f64 / (i + 1) as f64).product()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::sample::topology;

    #[test]
    fn all_work_is_done_by_somebody_however_many_are_left() {
        let topology = topology();
        let mut layouts = Layout::growing(&topology);
        layouts.push(Layout::without(&topology, &"am".into()));
        for layout in layouts {
            let sum = |of: &dyn Fn(&str) -> f64| layout.regions().map(of).sum::<f64>();
            let (work, door) =
                (sum(&|region| layout.work_share(region)), sum(&|region| layout.door_share(region)));
            assert!((work - 1.0).abs() < 1e-6 && (door - 1.0).abs() < 1e-6, "{}: {work} {door}", layout.name);
        }
    }

    #[test]
    fn a_lost_continent_takes_its_copy_along() {
        let topology = topology();
        let (peace, flood) = (Layout::peace(&topology), Layout::without(&topology, &"am".into()));
        assert_eq!((peace.continents, flood.continents), (3, 2));
        assert_eq!(flood.regions().collect::<Vec<_>>(), ["ap-southeast-1", "eu-west-1"]);
        assert!(flood.work_share("eu-west-1") > peace.work_share("eu-west-1"));
        assert!(peace.has_copy("us-east-1") && !peace.has_copy("sa-east-1"));
    }

    #[test]
    fn two_copies_serve_less_than_one_and_three_far_more() {
        let topology = topology();
        let pct: Vec<f64> =
            Layout::growing(&topology).iter().map(|layout| layout.availability_pct(99.0)).collect();
        let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(near(pct[0], 99.0) && near(pct[1], 98.01) && near(pct[2], 99.9702), "{pct:?}");
    }
}
