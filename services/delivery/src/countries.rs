//! Countries and what a box to them costs.

/// ISO 3166-1 alpha-2, every code that is assigned, in order.
const ASSIGNED: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO \
    BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG \
    EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID \
    IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA \
    MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA \
    PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST \
    SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE \
    YT ZA ZM ZW";

/// Members of the European Union that do not have free delivery.
const EUROPEAN_UNION: &str = "AT BE BG CY CZ DE EE ES FR GR HR HU IE IT LT LU LV MT NL PL PT RO SI SK";

/// Whether `code`, in upper case, is an assigned code.
pub(crate) fn assigned(code: &str) -> bool {
    holds(ASSIGNED, code)
}

/// What one box to a country costs, US cents.
pub(crate) fn fee_per_box(code: &str) -> i64 {
    match code {
        "DK" | "FI" | "NO" | "SE" => 0,
        "CA" | "US" => 1500,
        code if holds(EUROPEAN_UNION, code) => 1000,
        _ => 2500,
    }
}

fn holds(list: &str, code: &str) -> bool {
    code.len() == 2 && list.split_whitespace().any(|known| known == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fees_are_those_of_the_contract() {
        for (code, fee) in [("NO", 0), ("PL", 1000), ("US", 1500), ("GB", 2500), ("JP", 2500)] {
            assert_eq!(fee_per_box(code), fee, "{code}");
        }
    }

    #[test]
    fn there_are_249_countries_and_the_union_is_among_them() {
        assert_eq!(ASSIGNED.split_whitespace().count(), 249);
        assert!(EUROPEAN_UNION.split_whitespace().all(assigned));
        assert!(!assigned("PO") && !assigned("us") && !assigned("A") && !assigned(" "));
    }
}
