//! What the setup calls: the account, the workspaces, Flex's configuration and its plugins.

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::Bench;
use crate::{Fault, FaultAction, Operation};

const FLEX: &str = "/v1/Configuration";
const CONFIGURATIONS: &str = "/v1/PluginService/Configurations";
const RELEASES: &str = "/v1/PluginService/Releases";

async fn answer(request: RequestBuilder) -> (StatusCode, Value) {
    let answer = request.send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

#[tokio::test]
async fn the_account_and_flex_are_for_the_auth_token_alone() {
    let bench = Bench::new().await;
    for path in ["/2010-04-01/Accounts/{AC}.json", FLEX] {
        let (status, document) = answer(bench.api(Method::GET, path)).await;
        assert_eq!(
            (status, &document["code"]),
            (StatusCode::UNAUTHORIZED, &json!(20003)),
            "{path}"
        );
        assert_eq!(
            answer(bench.stranger(Method::GET, path)).await.0,
            StatusCode::UNAUTHORIZED,
            "{path}"
        );
        assert_eq!(
            answer(bench.master(Method::GET, path)).await.0,
            StatusCode::OK,
            "{path}"
        );
    }
    let (status, document) = answer(bench.api(Method::GET, "/v1/Workspaces")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(document["workspaces"][0]["sid"], json!(bench.options.workspace_sid));
}

#[tokio::test]
async fn an_update_replaces_what_is_sent_and_keeps_the_rest() {
    let bench = Bench::new().await;
    let before = bench.double.flex_configuration().unwrap();
    let account = &bench.options.account_sid;
    let change = json!({"account_sid": account, "call_recording_enabled": true, "ui_attributes": {"only": 1}});
    let (status, after) = answer(bench.master(Method::POST, FLEX).json(&change)).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(after["ui_attributes"], json!({"only": 1}));
    for (name, value) in before.as_object().unwrap() {
        if !["call_recording_enabled", "ui_attributes", "date_updated"].contains(&name.as_str()) {
            assert_eq!(&after[name], value, "{name}");
        }
    }
    assert_ne!(after["date_updated"], before["date_updated"]);
    assert_eq!(bench.double.flex_configuration(), Some(after));
}

#[tokio::test]
async fn a_malformed_update_changes_nothing() {
    let bench = Bench::new().await;
    let before = bench.double.flex_configuration();
    let account = &bench.options.account_sid;
    let post = || bench.master(Method::POST, FLEX);
    for request in [
        post().json(&json!({"call_recording_enabled": true})),
        post().json(&json!({"account_sid": "ACother", "call_recording_enabled": true})),
        post().json(&json!({"account_sid": account, "call_recording": true})),
        post().json(&json!([account])),
        post().form(&[("account_sid", account)]),
    ] {
        assert_eq!(answer(request).await.0, StatusCode::BAD_REQUEST);
    }
    assert_eq!(bench.double.flex_configuration(), before);
}

#[tokio::test]
async fn an_account_without_flex_has_no_configuration() {
    let bench = Bench::new().await;
    bench.double.remove_flex();
    bench.double.set_flex_property("status", json!("ok"));
    assert_eq!(bench.double.flex_configuration(), None);
    assert_eq!(answer(bench.master(Method::GET, FLEX)).await.0, StatusCode::NOT_FOUND);
    let change = json!({"account_sid": bench.options.account_sid});
    let refused = answer(bench.master(Method::POST, FLEX).json(&change)).await;
    assert_eq!(refused.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_fault_strikes_the_update_alone() {
    let bench = Bench::new().await;
    let refusal = FaultAction::Answer {
        status: 500,
        body: None,
        retry_after: None,
    };
    bench.double.fault(Fault::once(Operation::FlexUpdate, refusal));
    assert_eq!(answer(bench.master(Method::GET, FLEX)).await.0, StatusCode::OK);
    let change = json!({"account_sid": bench.options.account_sid, "call_recording_enabled": true});
    let post = || bench.master(Method::POST, FLEX).json(&change);
    assert_eq!(answer(post()).await.0, StatusCode::INTERNAL_SERVER_ERROR);
    let kept = bench.double.flex_configuration().unwrap();
    assert_eq!(kept["call_recording_enabled"], json!(false));
    assert_eq!(answer(post()).await.0, StatusCode::OK);
}

#[tokio::test]
async fn the_newest_release_is_active() {
    let bench = Bench::new().await;
    let active = format!("{RELEASES}/active");
    assert_eq!(answer(bench.api(Method::GET, &active)).await.0, StatusCode::NOT_FOUND);
    let theirs = bench.double.add_plugin("dialpad", &["2.0.0"]);
    let ours = bench.double.add_plugin("recording-vault", &["0.1.0", "0.2.0"]);
    bench.double.release_plugins(&theirs);
    assert_eq!(bench.double.active_plugins(), ["dialpad@2.0.0"]);

    let entry = |version: &str| json!({"plugin_version": version, "phase": 3}).to_string();
    let create = |entries: &[String]| {
        let plugins = entries.iter().map(|entry| ("Plugins", entry.as_str()));
        let form: Vec<_> = std::iter::once(("Name", "both")).chain(plugins).collect();
        bench.api(Method::POST, CONFIGURATIONS).form(&form)
    };
    let (status, created) = answer(create(&[entry(&theirs[0]), entry(&ours[1])])).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(bench.double.active_plugins(), ["dialpad@2.0.0"]);
    let form = [("ConfigurationId", created["sid"].as_str().unwrap())];
    let released = answer(bench.api(Method::POST, RELEASES).form(&form)).await;
    assert_eq!(released.0, StatusCode::CREATED);
    assert_eq!(
        bench.double.active_plugins(),
        ["dialpad@2.0.0", "recording-vault@0.2.0"]
    );
    let (_, shown) = answer(bench.api(Method::GET, &active)).await;
    assert_eq!(shown["configuration_sid"], created["sid"]);

    let unknown = entry("FV00000000000000000000000000000fff");
    for refused in [
        create(&[unknown]),
        create(&[entry(&ours[0]), entry(&ours[1])]),
        create(&["{}".to_owned()]),
    ] {
        assert_eq!(answer(refused).await.0, StatusCode::BAD_REQUEST);
    }
    let unknown = [("ConfigurationId", "FJ1")];
    let refused = answer(bench.api(Method::POST, RELEASES).form(&unknown)).await;
    assert_eq!(refused.0, StatusCode::BAD_REQUEST);
}
