//! What a shop on machines of one's own costs, and the people on either side.

use super::parameters::{Parameters, Range};
use serde::{Deserialize, Serialize};

/// A month on machines of one's own. It does not grow with the traffic: it was bought for the most.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OnPremises {
    /// Its parts.
    pub lines: Vec<OwnLine>,
    /// Their sum, USD a month. Network, licences and storage are not in it.
    pub monthly_usd: Range,
}

/// A part of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OwnLine {
    /// What it is.
    pub what: String,
    /// How it is worked out, in parameters.
    pub formula: String,
    /// USD a month.
    pub monthly_usd: Range,
}

impl OnPremises {
    /// From the parameters.
    pub fn of(parameters: &Parameters) -> OnPremises {
        let of = |name: &str| parameters.range(name);
        let line = |what: &str, formula: &str, monthly_usd| OwnLine {
            what: what.to_owned(),
            formula: formula.to_owned(),
            monthly_usd,
        };
        let power = of("sites").by(of("kw_per_site")).by(of("colocation_usd_kw_month"));
        let bought = of("servers").by(of("server_usd"));
        let months = of("server_years").times(12.0);
        let servers = Range {
            low: bought.low / months.high.max(f64::MIN_POSITIVE),
            high: bought.high / months.low.max(f64::MIN_POSITIVE),
        };
        let lines = vec![
            line("space and power", "sites x kw_per_site x colocation_usd_kw_month", power),
            line(
                "people",
                "administrators x administrator_pay_usd_year x pay_loading / 12",
                people(parameters, "administrators"),
            ),
            line("servers", "servers x server_usd / server_years / 12", servers),
        ];
        let monthly_usd = lines.iter().fold(Range::default(), |sum, line| sum.plus(line.monthly_usd));
        OnPremises { lines, monthly_usd }
    }
}

/// So many administrators for a month, USD.
pub(super) fn people(parameters: &Parameters, count: &str) -> Range {
    let of = |name: &str| parameters.range(name);
    of(count).by(of("administrator_pay_usd_year")).by(of("pay_loading")).times(1.0 / 12.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_is_what_its_inputs_make() {
        let parameters = Parameters::shipped().expect("data");
        let own = OnPremises::of(&parameters);
        let by_hand = |colocation: f64, pay: f64| {
            2.0 * 40.0 * colocation + 4.0 * pay * 1.4 / 12.0 + 60.0 * 8_000.0 / 48.0
        };
        let (low, high) = (by_hand(184.06, 90_520.0), by_hand(217.30, 96_800.0));
        let near = |a: f64, b: f64| (a - b).abs() < 1e-6;
        assert!(near(own.monthly_usd.low, low) && near(own.monthly_usd.high, high), "{own:?}");
        assert!((people(&parameters, "cloud_administrators").high - 22_586.67).abs() < 0.01);
    }
}
