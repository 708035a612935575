use super::*;
use crate::scenario;
use loadtests::population::{default_shares, generate};
use std::{fs, path::Path};

fn target() -> Target {
    let region = |name: &str, continent: &str| TargetRegion {
        name: name.into(),
        continent: continent.into(),
        graphql: format!("https://frontend-api.{name}.shop.example/graphql"),
    };
    let pool = |continent: &str| TargetPool {
        continent: continent.into(),
        endpoint: "https://cognito-idp.us-east-1.amazonaws.com/".to_owned(),
        client_id: "client".to_owned(),
    };
    Target {
        name: "shop".to_owned(),
        env: "staging".to_owned(),
        regions: vec![region("us-east-1", "am"), region("eu-west-1", "eu")],
        pools: ["am", "eu", "ap"].map(pool).into(),
        provider: "https://provider.example".to_owned(),
        accounts: "accounts.json".into(),
        experiments: BTreeMap::new(),
    }
}

fn accounts() -> Accounts {
    let customers = generate(1, 8, &default_shares());
    Accounts { provider_key: "merchant-secret".to_owned(), customers, staff: Vec::new() }
}

fn flood() -> Scenario {
    scenario::load(&scenario::find("flood-americas").expect("it is there")).expect("it is right")
}

/// Writes both files, and reads them.
fn read_back(name: &str, target: &str, accounts: &str) -> Result<(Target, Accounts), String> {
    let folder = std::env::temp_dir().join(format!("bigsmokes-{}-target-{name}", std::process::id()));
    fs::create_dir_all(&folder).expect("made");
    let path = folder.join("target.json");
    fs::write(&path, target).expect("written");
    fs::write(folder.join("accounts.json"), accounts).expect("written");
    let outcome = read(&path, &flood(), false).map_err(|fault| fault.to_string());
    fs::remove_dir_all(&folder).expect("removed");
    outcome
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).expect("it is JSON")
}

#[test]
fn what_is_written_is_read() {
    let read = read_back("whole", &text(&target()), &text(&accounts())).expect("it is right");
    assert_eq!(read, (target(), accounts()));
    assert_eq!(read.0.regions[0].base_url(), "https://frontend-api.us-east-1.shop.example");
}

#[test]
fn a_malformed_file_is_named_with_the_field_and_the_line() {
    let whole = text(&target());
    let misspelt = whole.replace("\"provider\"", "\"provder\"");
    let wrong = read_back("misspelt", &misspelt, "{}").expect_err("a field is misspelt");
    let line = misspelt.lines().position(|line| line.contains("provder")).expect("there") + 1;
    assert!(wrong.contains(&format!("target.json:{line}: unknown field `provder`")), "{wrong}");
    let missing = whole.replace("\"client_id\": \"client\"", "\"client_id\": 7");
    let wrong = read_back("kind", &missing, "{}").expect_err("a field is of another kind");
    assert!(wrong.contains("target.json:") && wrong.ends_with("invalid type, expected a string"), "{wrong}");
    let wrong = read_back("empty", "{}", "{}").expect_err("everything is missing");
    assert!(wrong.ends_with("target.json:1: missing field `name`"), "{wrong}");
}

#[test]
fn a_file_of_accounts_is_not_shown_by_its_mistakes() {
    let secret = text(&accounts()).replace("\"index\": 0", "\"index\": \"hunter2\"");
    let wrong = read_back("secret", &text(&target()), &secret).expect_err("an index is no number");
    assert!(wrong.contains("accounts.json:") && !wrong.contains("hunter2"), "{wrong}");
    assert!(!format!("{:?}", accounts()).contains("secret"));
}

#[test]
fn what_does_not_fit_the_scenario_is_refused() {
    let refused = |change: fn(&mut Target)| {
        let mut target = target();
        change(&mut target);
        target.unfit_for(&flood(), false).expect("it does not fit")
    };
    assert!(refused(|target| target.env = "prod".to_owned()).contains("--prod"));
    assert!(refused(|target| target.regions.clear()).contains("there is none"));
    assert!(refused(|target| target.regions[0].name = "mars-1".into()).contains("has no region mars-1"));
    assert!(refused(|target| target.regions[0].continent = "eu".into()).contains("stands on am, not on eu"));
    assert!(refused(|target| target.regions[1] = target.regions[0].clone()).contains("listed twice"));
    assert!(refused(|target| target.provider = "provider".to_owned()).contains("no http or https address"));
    let prod = Target { env: "prod".to_owned(), ..target() };
    assert_eq!(prod.unfit_for(&flood(), true), None);
}

#[test]
fn whoever_can_sign_in_nowhere_is_named() {
    let mut target = target();
    target.pools.retain(|pool| pool.continent != Continent::from("ap"));
    let topology = flood().topology;
    let nowhere = Path::new("nowhere.json");
    assert!(
        Accounts::read(nowhere, &target, &topology)
            .expect_err("absent")
            .to_string()
            .contains("cannot be read")
    );
    let wrong = read_back("homeless", &text(&target), &text(&accounts())).expect_err("ap has no pool");
    assert!(wrong.contains("is at home on ap, where the target has no pool"), "{wrong}");
}
