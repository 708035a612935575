//! Failures on command are for builds that are made for drills: no other has the routes.

use axum::Router;
use http::Method;
use platform::network::Network;
use serde_json::Value;
use simulator::region;

use crate::support::{Needs, Running};

const COMMANDS: [&str; 5] =
    ["/chaos/status/500", "/chaos/latency/100", "/chaos/health", "/chaos/drop/50", "/chaos/crash"];

#[tokio::test]
async fn no_service_can_be_told_to_fail() {
    let needs = Needs { tables: region::tables(), subscriptions: region::subscriptions() };
    let mut names = Vec::new();
    let build = |platform| {
        let services = region::build(&platform);
        names = services.iter().map(|service| service.name).collect();
        services
    };
    let region = Running::start("us-east-1", &Network::new(), needs, build, Router::new()).await;
    assert_eq!(names.len(), 7);
    for name in names {
        for (method, path) in
            [Method::POST, Method::DELETE].iter().flat_map(|method| COMMANDS.map(|path| (method, path)))
        {
            let answer = region.call::<Value>("ops", method.clone(), name, path, &Value::Null).await;
            let code = answer.unwrap_err().code().unwrap();
            assert_eq!(code.status(), 404, "{name} {method} {path}");
        }
        let flag =
            region.call::<Value>("ops", Method::PUT, name, "/chaos/flags/one-copy", &Value::Null).await;
        assert_eq!(flag.unwrap_err().code().unwrap().status(), 404, "{name}");
        let (_, description) =
            region.ask("", Method::GET, &format!("/{name}/openapi.json"), &Value::Null).await;
        let paths = description["paths"].as_object().unwrap();
        assert!(!paths.is_empty() && paths.keys().all(|path| !path.contains("chaos")), "{name}");
    }
}
