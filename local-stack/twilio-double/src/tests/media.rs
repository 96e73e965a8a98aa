//! Media: access, formats and ranges.

use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::{Bench, RECORDING, wav_of};

const WAV: &str = "/2010-04-01/Accounts/{AC}/Recordings/{RE}.wav";

#[tokio::test]
async fn media_is_the_file_byte_for_byte_with_or_without_its_extension() {
    let bench = Bench::new().await;
    let (wav, mp3) = (wav_of(2, 20), vec![9; 100_000]);
    bench.record(&format!("{RECORDING}.wav"), &wav);
    bench.record(&format!("{RECORDING}.mp3"), &mp3);
    for (path, content_type, bytes) in [
        (WAV, "audio/x-wav", &wav),
        ("/2010-04-01/Accounts/{AC}/Recordings/{RE}", "audio/x-wav", &wav),
        ("/2010-04-01/Accounts/{AC}/Recordings/{RE}.mp3", "audio/mpeg", &mp3),
    ] {
        let answer = bench.api(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["content-type"], content_type);
        assert_eq!(answer.content_length(), Some(bytes.len() as u64));
        assert!(answer.bytes().await.unwrap() == bytes.as_slice(), "{path}");
    }
    let head = bench
        .api(Method::HEAD, WAV)
        .header("range", "bytes=0-1")
        .send()
        .await
        .unwrap();
    assert_eq!(head.status(), StatusCode::OK);
    assert_eq!(head.headers()["content-length"], wav.len().to_string().as_str());
    assert_eq!(head.bytes().await.unwrap().len(), 0);
}

#[tokio::test]
async fn ranges_resume_a_download_of_the_same_version_only() {
    let bench = Bench::new().await;
    let wav = wav_of(1, 20);
    bench.record(&format!("{RECORDING}.wav"), &wav);
    let whole = bench.api(Method::HEAD, WAV).send().await.unwrap();
    let etag = whole.headers()["etag"].clone();
    assert_eq!(whole.headers()["accept-ranges"], "bytes");

    let part = bench
        .api(Method::GET, WAV)
        .header("range", "bytes=70001-")
        .header("if-range", &etag)
        .send()
        .await
        .unwrap();
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    let (last, total) = (wav.len() - 1, wav.len());
    assert_eq!(
        part.headers()["content-range"],
        format!("bytes 70001-{last}/{total}").as_str()
    );
    assert_eq!(part.headers()["etag"], etag);
    assert!(part.bytes().await.unwrap() == wav[70_001..]);

    let closed = bench
        .api(Method::GET, WAV)
        .header("range", "bytes=7-9")
        .send()
        .await
        .unwrap();
    assert_eq!(closed.content_length(), Some(3));
    assert_eq!(closed.bytes().await.unwrap(), wav[7..10]);

    let beyond = bench
        .api(Method::GET, WAV)
        .header("range", format!("bytes={total}-"))
        .send()
        .await
        .unwrap();
    assert_eq!(beyond.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(beyond.headers()["content-range"], format!("bytes */{total}").as_str());

    bench.record(&format!("{RECORDING}.wav"), &wav_of(1, 21));
    let changed = bench
        .api(Method::GET, WAV)
        .header("range", "bytes=7-")
        .header("if-range", &etag)
        .send()
        .await
        .unwrap();
    assert_eq!(changed.status(), StatusCode::OK);
    assert_ne!(changed.headers()["etag"], etag);
}

#[tokio::test]
async fn credentials_are_the_api_key_or_the_auth_token_and_nothing_else() {
    let bench = Bench::new().await;
    bench.record(&format!("{RECORDING}.wav"), &wav_of(1, 1));
    let options = &bench.options;
    for (user, password, status) in [
        (&options.api_key_sid, &options.api_key_secret, 200),
        (&options.account_sid, &options.auth_token, 200),
        (&options.api_key_sid, &options.auth_token, 401),
        (&"token".to_owned(), &options.flex_token, 401),
    ] {
        let answer = bench
            .stranger(Method::GET, WAV)
            .basic_auth(user, Some(password))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), status, "{user}");
    }
    let anonymous = bench.stranger(Method::GET, WAV).send().await.unwrap();
    assert_eq!(anonymous.status(), StatusCode::UNAUTHORIZED);
    assert!(anonymous.headers().contains_key("www-authenticate"));
    let problem: Value = anonymous.json().await.unwrap();
    assert_eq!(
        (problem["code"].as_u64(), problem["status"].as_u64()),
        (Some(20003), Some(401))
    );
}

#[tokio::test]
async fn a_second_channel_is_400_where_there_is_none_and_no_recording_404() {
    let bench = Bench::new().await;
    let path = format!("{WAV}?RequestedChannels=2");
    let missing = bench.api(Method::GET, &path).send().await.unwrap();
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
    assert_eq!(missing.json::<Value>().await.unwrap()["code"], 20404);

    bench.record(&format!("{RECORDING}.wav"), &wav_of(1, 1));
    assert_eq!(
        bench.api(Method::GET, &path).send().await.unwrap().status(),
        StatusCode::BAD_REQUEST
    );
    bench.record(&format!("{RECORDING}.wav"), &wav_of(2, 1));
    assert_eq!(
        bench.api(Method::GET, &path).send().await.unwrap().status(),
        StatusCode::OK
    );
}
