//! The Recording resource.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Bench, RECORDING, wav_of};

const METADATA: &str = "/2010-04-01/Accounts/{AC}/Recordings/{RE}.json";

#[tokio::test]
async fn metadata_is_read_from_the_file() {
    let bench = Bench::new().await;
    bench.record(&format!("{RECORDING}.wav"), &wav_of(2, 7));
    let recording: Value = bench
        .api(Method::GET, METADATA)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(recording["sid"], RECORDING);
    assert_eq!(
        (&recording["duration"], &recording["channels"]),
        (&json!("7"), &json!(2))
    );
    assert_eq!(recording["status"], "completed");
    let media_url = recording["media_url"].as_str().unwrap();
    assert!(
        media_url.starts_with("http://") && media_url.ends_with(RECORDING),
        "{media_url}"
    );
}

#[tokio::test]
async fn encryption_details_are_those_beside_the_media() {
    let bench = Bench::new().await;
    bench.record(&format!("{RECORDING}.wav"), b"ciphertext");
    let details = async || {
        let answer = bench.api(Method::GET, METADATA).send().await.unwrap();
        answer.json::<Value>().await.unwrap()["encryption_details"].clone()
    };
    assert_eq!(details().await, Value::Null);
    bench.record(
        &format!("{RECORDING}.encryption.json"),
        br#"{"encryption_iv": "8I2hhNIYNTrwxfHk"}"#,
    );
    assert_eq!(details().await, json!({"encryption_iv": "8I2hhNIYNTrwxfHk"}));
}

#[tokio::test]
async fn a_deleted_recording_keeps_its_metadata_on_request() {
    let bench = Bench::new().await;
    bench.record(&format!("{RECORDING}.wav"), &wav_of(1, 1));
    let status = async |method, path: &str| bench.api(method, path).send().await.unwrap().status();
    assert_eq!(status(Method::DELETE, METADATA).await, StatusCode::NO_CONTENT);
    assert_eq!(status(Method::DELETE, METADATA).await, StatusCode::NOT_FOUND);
    assert_eq!(status(Method::GET, METADATA).await, StatusCode::NOT_FOUND);
    assert_eq!(
        status(Method::GET, &METADATA.replace("json", "wav")).await,
        StatusCode::NOT_FOUND
    );
    let kept = bench
        .api(Method::GET, &format!("{METADATA}?IncludeSoftDeleted=true"))
        .send()
        .await
        .unwrap();
    assert_eq!(kept.json::<Value>().await.unwrap()["status"], "deleted");
}

#[tokio::test]
async fn following_next_page_uri_lists_every_recording_once() {
    let bench = Bench::new().await;
    let sids: Vec<String> = (0..7).map(|n| format!("RE{n:032x}")).collect();
    for sid in &sids {
        bench.record(&format!("{sid}.wav"), &wav_of(1, 1));
    }
    bench.record("notes.txt", b"no recording");
    bench.record("RE1.wav", b"no SID");

    let mut seen = Vec::new();
    let mut next = Some("/2010-04-01/Accounts/{AC}/Recordings.json?PageSize=3&DateCreated%3E=2020-01-01".to_owned());
    while let Some(path) = next {
        let page: Value = bench
            .api(Method::GET, &path)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let recordings = page["recordings"].as_array().unwrap();
        seen.extend(
            recordings
                .iter()
                .map(|recording| recording["sid"].as_str().unwrap().to_owned()),
        );
        next = page["next_page_uri"].as_str().map(str::to_owned);
    }
    seen.sort();
    assert_eq!(seen, sids);

    for (query, found) in [("DateCreated%3C=2020-01-01", 0), (&*format!("CallSid=CA{:032x}", 4), 1)] {
        let path = format!("/2010-04-01/Accounts/{{AC}}/Recordings.json?{query}");
        let page: Value = bench
            .api(Method::GET, &path)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        assert_eq!(page["recordings"].as_array().unwrap().len(), found, "{query}");
    }
    let typo = bench.api(
        Method::GET,
        "/2010-04-01/Accounts/{AC}/Recordings.json?DateCraeted=2020-01-01",
    );
    assert_eq!(typo.send().await.unwrap().status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn calls_are_found_by_a_number_of_either_side() {
    let bench = Bench::new().await;
    let (customer, office) = ("+15550100001", "+15550100002");
    let sids: Vec<_> = (1..=3).map(|n| format!("CA{n:032x}")).collect();
    bench.double.add_phone_call(&sids[0], customer, office);
    bench.double.add_phone_call(&sids[1], office, customer);
    bench.double.add_phone_call(&sids[2], office, "+15550100003");
    for (query, expected) in [("From", &sids[..1]), ("To", &sids[1..2])] {
        let number = customer.replace('+', "%2B");
        let calls = format!("/2010-04-01/Accounts/{{AC}}/Calls.json?{query}={number}");
        let request = bench.api(Method::GET, &calls);
        let page: Value = request.send().await.unwrap().json().await.unwrap();
        let calls = page["calls"].as_array().unwrap();
        let found: Vec<_> = calls.iter().map(|call| call["sid"].as_str().unwrap()).collect();
        assert_eq!(found, expected, "{query}");
    }
}
