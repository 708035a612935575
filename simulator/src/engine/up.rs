//! `simulator up`: the platform without load, for trying it by hand.

use super::{Plan, Ports, RunFolder, Stage};
use crate::{
    process::Processes,
    target::{Accounts, Target, TargetPool, TargetRegion},
};
use anyhow::Context as _;
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::Path,
    sync::Arc,
};

/// What `--target` reads.
const TARGET: &str = "target.json";
/// Who signs in there.
const ACCOUNTS: &str = "accounts.json";

/// Starts the platform of a plan and keeps it until told to stop.
///
/// # Errors
/// When something does not come up, or ends by itself.
pub async fn run(plan: Plan, out: &Path, ports: Ports, processes: &Processes) -> anyhow::Result<()> {
    let folder = RunFolder::make(out)?;
    let plan = Arc::new(Plan { event_listener: true, ..plan });
    let stage = Stage::raise(plan, processes, &folder.logs(), ports).await?;
    let addresses = serde_json::to_vec_pretty(&endpoints(&stage)?)?;
    write_target(&stage, &folder)?;
    folder.write("endpoints.json", &addresses)?;
    print(&welcome(&stage, &folder)?);
    Err(anyhow::anyhow!(stage.until_unplanned_end().await))
}

/// The same platform as a deployment, for `--target`. Its people are synthetic, and yet nobody else is to read their
/// passwords.
fn write_target(stage: &Stage, folder: &RunFolder) -> anyhow::Result<()> {
    let (plan, topology) = (&stage.plan, &stage.plan.scenario.topology);
    let regions = stage.regions.values().filter_map(|region| {
        let continent = topology.continent_of(&region.name)?.clone();
        let graphql = format!("http://{}/frontend-api/graphql", region.address);
        Some(TargetRegion { name: region.name.clone(), continent, graphql })
    });
    let pools = plan.pools.iter().filter_map(|(continent, pool)| {
        let endpoint = stage.pool_endpoint(continent)?;
        Some(TargetPool { continent: continent.clone(), endpoint, client_id: pool.client_id.clone() })
    });
    let target = Target {
        name: "simulator-up".to_owned(),
        env: "sim".to_owned(),
        regions: regions.collect(),
        pools: pools.collect(),
        provider: stage.provider_url.clone(),
        accounts: ACCOUNTS.into(),
        experiments: BTreeMap::new(),
    };
    // Whose age is not verified would wait for ever.
    let adults = plan.customers.iter().filter(|one| !plan.unverified.contains_key(&one.sub));
    let accounts = Accounts {
        provider_key: plan.secrets.provider_key.clone(),
        customers: adults.cloned().collect(),
        staff: plan.staff.clone(),
    };
    accounts.write(&folder.file(ACCOUNTS)).context("cannot write the accounts")?;
    Ok(folder.write(TARGET, &serde_json::to_vec_pretty(&target)?)?)
}

#[allow(clippy::print_stdout)] // this text is the command's output
fn print(text: &str) {
    println!("{text}");
}

/// Where everything is reached, for programs.
fn endpoints(stage: &Stage) -> anyhow::Result<serde_json::Value> {
    let edges = stage.edges.iter().map(|(name, edge)| (name.clone(), format!("{}/graphql", edge.url)));
    let edges: BTreeMap<String, String> = edges.collect();
    let regions = stage.regions.values().map(|region| {
        json!({
            "name": region.name,
            "aws_endpoint": format!("http://{}", region.address),
            "graphql": format!("http://{}/frontend-api/graphql", region.address),
            "events": format!("ws://{}/ops/events", region.address),
        })
    });
    let pools = stage.plan.pools.iter().map(|(continent, pool)| {
        json!({
            "continent": continent,
            "pool_id": pool.id,
            "client_id": pool.client_id,
            "endpoint": stage.pool_endpoint(continent),
        })
    });
    Ok(json!({
        "graphql": first_edge(stage)?,
        "edges": edges,
        "regions": regions.collect::<Vec<_>>(),
        "pools": pools.collect::<Vec<_>>(),
        "accounts": accounts(&stage.plan),
        "provider": stage.provider_url,
    }))
}

/// Somebody of each kind who can sign in: a customer, and one of each group of staff. All are synthetic.
fn accounts(plan: &Plan) -> Vec<serde_json::Value> {
    let customer = plan.customers.first().map(|one| {
        json!({ "username": one.username, "password": one.password, "continent": one.home, "group": null })
    });
    let mut groups = BTreeSet::new();
    let staff = plan.staff.iter().filter(|one| groups.insert(&one.group)).map(|one| {
        json!({ "username": one.username, "password": one.password, "continent": one.home,
                "group": one.group })
    });
    customer.into_iter().chain(staff).collect()
}

/// The edge of the first customers that the topology lists.
fn first_edge(stage: &Stage) -> anyhow::Result<String> {
    let first = stage.plan.scenario.topology.customers.first().context("the topology has no customers")?;
    let edge = stage.edges.get(&first.id).context("the first customers have no edge")?;
    Ok(format!("{}/graphql", edge.url))
}

/// The same for people.
fn welcome(stage: &Stage, folder: &RunFolder) -> anyhow::Result<String> {
    let graphql = first_edge(stage)?;
    let mut text = String::new();
    writeln!(text, "The platform stands. Ctrl-C ends it.\n")?;
    writeln!(text, "GraphQL (edge)  {graphql}")?;
    writeln!(text, "GraphiQL        the same address in a browser\n")?;
    for (name, edge) in &stage.edges {
        writeln!(text, "Edge   {name:<16} {}/graphql", edge.url)?;
    }
    for region in stage.regions.values() {
        writeln!(text, "Region {:<16} http://{}   (AWS endpoint)", region.name.as_str(), region.address)?;
    }
    writeln!(text, "Payment provider        {}", stage.provider_url)?;
    writeln!(text, "Events of a region      ws://(its address)/ops/events, as an administrator\n")?;
    writeln!(text, "{}", how_to_sign_in(stage)?)?;
    write!(
        text,
        "All addresses: {}\nFor --target:  {}\nLogs: {}",
        folder.file("endpoints.json").display(),
        folder.file(TARGET).display(),
        folder.logs().display()
    )?;
    Ok(text)
}

/// A demo customer, by two common clients. The people and passwords are synthetic, from the seed.
fn how_to_sign_in(stage: &Stage) -> anyhow::Result<String> {
    let plan = &stage.plan;
    let customer = plan.customers.first().context("the scenario has no customers")?;
    let pool = plan.pools.get(&customer.home).context("the customer has no pool")?;
    let endpoint = stage.pool_endpoint(&customer.home).context("the pool has no region")?;
    let region = pool.id.split_once('_').map_or("us-east-1", |(region, _)| region);
    let (username, password, client) = (&customer.username, &customer.password, &pool.client_id);
    Ok(format!(
        r#"To sign in as {username} (synthetic), with curl:
  curl -s {endpoint} -H 'content-type: application/x-amz-json-1.1' \
    -H 'x-amz-target: AWSCognitoIdentityProviderService.InitiateAuth' \
    -d '{{"AuthFlow":"USER_PASSWORD_AUTH","ClientId":"{client}","AuthParameters":{{"USERNAME":"{username}","PASSWORD":"{password}"}}}}'
or with boto3:
  boto3.client("cognito-idp", region_name="{region}", endpoint_url="{endpoint}",
      aws_access_key_id="any", aws_secret_access_key="any").initiate_auth(AuthFlow="USER_PASSWORD_AUTH",
      ClientId="{client}", AuthParameters={{"USERNAME": "{username}", "PASSWORD": "{password}"}})
Then send AuthenticationResult.AccessToken as: authorization: Bearer <token>
"#
    ))
}
