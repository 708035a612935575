//! How long a parcel is under way.
//!
//! The figures are the shop's own assumption, in calendar days: no carrier has promised them. They lie in the range of
//! tracked parcels by air, customs included, and are to be replaced by those of a carrier's contract.

use contracts::Continent;

/// Where a parcel goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Zone {
    /// North and South America.
    Americas,
    /// Europe, Cyprus included.
    Europe,
    /// East, South and South-East Asia, and Oceania.
    AsiaPacific,
    /// Africa, West and Central Asia, and Antarctica.
    Elsewhere,
}

// ISO 3166-1 alpha-2 by the regions of the United Nations' list M49, but Cyprus with its Union and Taiwan with its sea.
const AMERICAS: &str = "AG AI AR AW BB BL BM BO BQ BR BS BV BZ CA CL CO CR CU CW DM DO EC FK GD GF GL GP GS GT GY HN \
    HT JM KN KY LC MF MQ MS MX NI PA PE PM PR PY SR SV SX TC TT US UY VC VE VG VI";
const EUROPE: &str = "AD AL AT AX BA BE BG BY CH CY CZ DE DK EE ES FI FO FR GB GG GI GR HR HU IE IM IS IT JE LI LT LU \
    LV MC MD ME MK MT NL NO PL PT RO RS RU SE SI SJ SK SM UA VA";
const ASIA_PACIFIC: &str = "AF AS AU BD BN BT CC CK CN CX FJ FM GU HK HM ID IN IR JP KH KI KP KR LA LK MH MM MN MO MP \
    MV MY NC NF NP NR NU NZ PF PG PH PK PN PW SB SG TH TK TL TO TV TW UM VN VU WF WS";

/// The zone of a country, by its code in any case.
pub(crate) fn zone(country: &str) -> Zone {
    let lies_in = |list: &str| list.split_whitespace().any(|code| code.eq_ignore_ascii_case(country));
    if lies_in(AMERICAS) {
        Zone::Americas
    } else if lies_in(EUROPE) {
        Zone::Europe
    } else if lies_in(ASIA_PACIFIC) {
        Zone::AsiaPacific
    } else {
        Zone::Elsewhere
    }
}

/// The fewest and the most days from a warehouse's continent to a zone; nothing, where we know no such continent.
pub(crate) fn days(from: &Continent, to: Zone) -> Option<(i64, i64)> {
    use Zone::{Americas, AsiaPacific, Elsewhere, Europe};
    Some(match (from.as_str(), to) {
        ("am", Americas) => (2, 7),
        ("am", Europe) => (4, 10),
        ("am", AsiaPacific) => (5, 12),
        ("am", Elsewhere) => (6, 14),
        ("eu", Europe) => (2, 6),
        ("eu", Americas) => (4, 10),
        ("eu", AsiaPacific) => (5, 12),
        ("eu", Elsewhere) => (4, 12),
        ("ap", AsiaPacific) => (2, 8),
        ("ap", Americas | Europe) => (5, 12),
        ("ap", Elsewhere) => (6, 14),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_country_lies_in_one_zone() {
        let all: Vec<&str> =
            [AMERICAS, EUROPE, ASIA_PACIFIC].into_iter().flat_map(str::split_whitespace).collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
        assert!(all.iter().all(|code| code.len() == 2));
        let found = ["us", "DE", "CY", "jp", "AU", "ZA", "AE", "??"].map(zone);
        use Zone::{Americas, AsiaPacific, Elsewhere, Europe};
        assert_eq!(
            found,
            [Americas, Europe, Europe, AsiaPacific, AsiaPacific, Elsewhere, Elsewhere, Elsewhere]
        );
    }

    #[test]
    fn nothing_is_faster_than_within_a_continent() {
        let homes = [("am", Zone::Americas), ("eu", Zone::Europe), ("ap", Zone::AsiaPacific)];
        for (from, home) in homes {
            let (least, most) = days(&from.into(), home).expect("a continent of ours");
            for to in [Zone::Americas, Zone::Europe, Zone::AsiaPacific, Zone::Elsewhere] {
                let (other_least, other_most) = days(&from.into(), to).expect("a continent of ours");
                assert!(least <= other_least && most <= other_most && other_least < other_most, "{from}");
            }
        }
        assert_eq!(days(&"moon".into(), Zone::Europe), None);
    }
}
