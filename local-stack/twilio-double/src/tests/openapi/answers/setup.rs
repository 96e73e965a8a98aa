//! The answers that the setup gets, and the requests that the double accepts from it.

use std::{collections::BTreeSet, path::Path};

use reqwest::Method;
use serde_json::{Value, json};

use super::{super as openapi, check};
use crate::{
    paging,
    tests::{Bench, openapi::description::Description},
};

/// Returns the number of checked answers.
pub(super) async fn answers_are_as_described(folder: &Path) -> usize {
    let description = |name: &str| Description::read(folder, name);
    let (account, taskrouter, flex) = (
        description("api_v2010.json"),
        description("taskrouter_v1.json"),
        description("flex_v1.json"),
    );
    let bench = Bench::new().await;
    let get = |path: &str| bench.master(Method::GET, path);
    let mut checked = 0;

    checked += check(&account, openapi::ACCOUNT_, get("/2010-04-01/Accounts/{AC}.json")).await;
    bench.double.add_workspace(&format!("WS{:032x}", 2), "Other");
    for page in ["", "?PageSize=1", "?PageSize=1&Page=1&PageToken=PT1"] {
        checked += check(&taskrouter, openapi::WORKSPACES, get(&format!("/v1/Workspaces{page}"))).await;
    }
    checked += configuration_is_as_described(&bench, &flex).await;
    checked += plugins_are_as_described(&bench, &flex).await;
    accepted_parameters_are_described(&flex);
    checked
}

async fn configuration_is_as_described(bench: &Bench, flex: &Description) -> usize {
    let path = openapi::FLEX;
    let change = json!({
        "account_sid": bench.options.account_sid,
        "call_recording_enabled": true,
        "call_recording_webhook_url": "https://example.com/",
    });
    let mut checked = check(flex, path, bench.master(Method::GET, path)).await;
    checked += check(flex, path, bench.master(Method::POST, path).json(&change)).await;
    checked
}

async fn plugins_are_as_described(bench: &Bench, flex: &Description) -> usize {
    let get = |path: &str| bench.master(Method::GET, path);
    let post = |path: &str| bench.master(Method::POST, path);
    let mut checked = check(flex, openapi::PLUGINS, get(openapi::PLUGINS)).await;
    let versions = bench.double.add_plugin("recording-vault", &["0.1.0", "0.2.0"]);
    checked += check(flex, openapi::PLUGINS, get(openapi::PLUGINS)).await;
    let of_plugin = format!("/v1/PluginService/Plugins/FP{:032x}/Versions?PageSize=1", 1);
    checked += check(flex, openapi::PLUGIN_VERSIONS, get(&of_plugin)).await;
    let entry = json!({"plugin_version": versions[0], "phase": 3}).to_string();
    let form = [("Name", "a name"), ("Plugins", &entry)];
    let created = post(openapi::PLUGIN_CONFIGURATIONS).form(&form);
    checked += check(flex, openapi::PLUGIN_CONFIGURATIONS, created).await;
    let form = [("ConfigurationId", format!("FJ{:032x}", 1))];
    let released = post(openapi::PLUGIN_RELEASES).form(&form);
    checked += check(flex, openapi::PLUGIN_RELEASES, released).await;

    // The description lacks the active release. It is the release that was just made.
    let active: Value = get("/v1/PluginService/Releases/active")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let schema = &flex.operation(openapi::PLUGIN_RELEASES, &Method::POST)["responses"]["201"]["content"];
    let validator = flex.validator(&schema["application/json"]["schema"]);
    assert!(validator.is_valid(&active), "{active}");
    checked + 1
}

/// The fields of forms and the parameters of lists.
fn accepted_parameters_are_described(flex: &Description) {
    for (path, accepted) in [
        (openapi::PLUGIN_CONFIGURATIONS, ["Name", "Plugins"].as_slice()),
        (openapi::PLUGIN_RELEASES, &["ConfigurationId"]),
    ] {
        let body = &flex.operation(path, &Method::POST)["requestBody"]["content"];
        let described = &body["application/x-www-form-urlencoded"]["schema"]["properties"];
        for field in accepted {
            assert!(described.get(field).is_some(), "{path} {field}");
        }
    }
    for path in [openapi::PLUGINS, openapi::PLUGIN_VERSIONS] {
        let parameters = flex.operation(path, &Method::GET)["parameters"].as_array().unwrap();
        let described: BTreeSet<_> = parameters.iter().filter_map(|it| it["name"].as_str()).collect();
        assert!(described.is_superset(&BTreeSet::from(paging::PARAMETERS)), "{path}");
    }
    // Flex's configuration takes JSON. The description has no properties for the request.
    let body = &flex.operation(openapi::FLEX, &Method::POST)["requestBody"]["content"];
    assert!(body.get("application/json").is_some(), "{body}");
}
