use super::*;
use contracts::ids::WarehouseId;
use std::collections::BTreeSet;

fn by_continent(people: &[Customer], continent: &str) -> usize {
    people.iter().filter(|customer| customer.continent == continent).count()
}

#[test]
fn one_seed_gives_one_population() {
    let shares = default_shares();
    assert!(generate(7, 50, &shares) == generate(7, 50, &shares));
    assert!(generate(7, 50, &shares) != generate(8, 50, &shares));
    // More customers leave the first ones as they were.
    assert!(generate(7, 50, &shares)[..20] == generate(7, 20, &shares)[..]);
}

#[test]
fn every_first_part_is_divided_by_the_shares() {
    let people = generate(1, 240, &default_shares());
    for (part, wanted) in [(240, [84, 24, 84, 48]), (20, [7, 2, 7, 4])] {
        let part = &people[..part];
        let names = ["north-america", "south-america", "europe", "asia"];
        assert_eq!(names.map(|name| by_continent(part, name)), wanted);
    }
}

#[test]
fn every_address_can_be_ordered_to() {
    let countries = [
        "US", "CA", "BR", "AR", "DE", "CH", "FR", "IT", "NL", "SE", "TR", "JP", "HK", "TW", "SG", "CO", "PE",
        "NZ",
    ];
    let share = Share {
        continent: "anywhere".to_owned(),
        home: Continent::from("eu"),
        share: 1.0,
        countries: countries.map(str::to_owned).to_vec(),
    };
    let people = generate(3, 600, &[share]);
    for customer in &people {
        assert!(
            customer.address.faults().is_empty(),
            "{:?}: {:?}",
            customer.address,
            customer.address.faults()
        );
        assert_eq!(customer.address.name, customer.name);
    }
    let seen: BTreeSet<&str> = people.iter().map(|customer| customer.address.country.as_str()).collect();
    assert_eq!(seen.len(), countries.len());
}

#[test]
fn ids_are_unique_and_cards_are_canaries() {
    let people = generate(5, 500, &default_shares());
    let subs: BTreeSet<&str> = people.iter().map(|customer| customer.sub.as_str()).collect();
    assert_eq!(subs.len(), people.len());
    for customer in &people {
        assert!(customer.card_number.starts_with(CARD_CANARY));
        assert_eq!(customer.card_number.len(), 16);
        let shown = format!("{customer:?}");
        assert!(!shown.contains(&customer.password) && !shown.contains(&customer.card_number));
    }
}

#[test]
fn a_warehouse_has_pickers_and_a_continent_couriers() {
    let places = [("wh-am", "am"), ("wh-eu", "eu"), ("wh-ap", "ap")];
    let warehouses = places.map(|(id, home)| (WarehouseId::from(id), Continent::from(home)));
    let people = staff(1, &warehouses);
    assert!(people == staff(1, &warehouses));
    let of = |group: &str| people.iter().filter(|staff| staff.group == group).count();
    assert_eq!((of("warehouse"), of("delivery"), of("admin")), (6, 6, 3));
    assert!(people.iter().all(|staff| (staff.group == "warehouse") == staff.warehouse.is_some()));
}
