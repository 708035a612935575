use super::*;
use crate::domain::samples::request;
use proptest::prelude::*;
use std::collections::BTreeSet;

const TODAY: &str = "2026-11-27";

fn address(country: &str, state: Option<&str>) -> Address {
    Address { country: country.into(), state: state.map(str::to_owned), ..request(Vec::new()).address }
}

fn message(country: &str, state: Option<&str>) -> Option<String> {
    refusal_by(TABLE, &address(country, state), TODAY).map(|(_, message)| message)
}

#[test]
fn a_country_is_served_by_its_law_and_in_any_case() {
    for country in ["DE", "gb", "Jp", "SE", "CH", "CO", "CL", "PE", "HK", "NZ"] {
        assert_eq!(message(country, None), None, "{country}");
    }
    for country in ["BR", "ca", "FI", "PL", "KR", "BE"] {
        let refused = message(country, None).expect("no");
        assert!(refused.contains("The law of") && refused.contains(&country.to_uppercase()), "{refused}");
    }
}

#[test]
fn what_nobody_has_read_the_law_of_is_refused() {
    assert_eq!(message("AQ", None).as_deref(), Some("We do not ship to AQ yet"));
}

#[test]
fn a_state_can_refuse_what_its_country_allows() {
    for state in ["FL", "New York"] {
        assert_eq!(message("US", Some(state)), None, "{state}");
    }
    for state in ["UT", "utah", " Utah "] {
        assert!(message("us", Some(state)).expect("no").starts_with("The law of UT"), "{state}");
    }
}

#[test]
fn where_states_differ_an_unknown_one_is_refused_and_named() {
    for state in [None, Some(""), Some("Utha")] {
        assert!(message("US", state).expect("no").starts_with("address.state: "), "{state:?}");
    }
    assert_eq!(message("DE", Some("Utah")), None);
}

#[test]
fn a_law_holds_from_its_day_on() {
    let on = |day| refusal_by(TABLE, &address("CH", None), day);
    assert_eq!(on("2024-09-30"), not_yet("CH"));
    assert_eq!(on("2024-10-01"), None);
}

#[test]
fn a_later_row_stands_for_an_earlier_one() {
    let row = |from, rule| Row { country: "XX", state: None, from, rule, source: "a law of 2020" };
    let table = [row("2020-06-01", Rule::Refused), row("2010-01-01", Rule::FromAge(18))];
    let allowed = |day| refusal_by(&table, &address("XX", None), day).is_none();
    assert_eq!(
        ["2009-12-31", "2010-01-01", "2020-05-31", "2020-06-01"].map(allowed),
        [false, true, true, false]
    );
}

#[test]
fn nothing_goes_where_an_age_is_asked_for_that_is_not_verified() {
    let rule = Rule::FromAge(MINIMUM_AGE + 1);
    let table = [Row { country: "XX", state: None, from: "2020-01-01", rule, source: "a law of 2020" }];
    assert!(refusal_by(&table, &address("XX", None), TODAY).is_some());
}

#[test]
fn every_row_has_a_place_a_day_and_a_source_with_its_year() {
    let mut seen = BTreeSet::new();
    for row in TABLE {
        assert!(seen.insert((row.country, row.state, row.from)), "twice: {row:?}");
        assert!(row.country.len() == 2 && row.country.bytes().all(|letter| letter.is_ascii_uppercase()));
        assert!(format!("{}T00:00:00.000Z", row.from).parse::<Timestamp>().is_ok(), "{row:?}");
        let mut numbers = row.source.split(|letter: char| !letter.is_ascii_digit());
        assert!(numbers.any(|number| number.len() == 4), "no year: {row:?}");
        assert!(row.state.is_none_or(|state| states::code(state) == Some(state)), "{row:?}");
        assert!(!matches!(row.rule, Rule::FromAge(years) if years > MINIMUM_AGE), "{row:?}");
    }
}

proptest! {
    #[test]
    fn only_a_place_with_a_row_is_ever_served(country in "[A-Za-z]{2}", state in "[A-Za-z ]{0,12}") {
        let given = address(&country, Some(&state));
        let row = TABLE.iter().any(|row| row.country == country.to_ascii_uppercase() && row.rule != Rule::Refused);
        prop_assert!(row || refusal_by(TABLE, &given, TODAY).is_some());
    }
}
