//! The writer against a real S3 and KMS emulator.

#[path = "../support/mod.rs"]
mod support;

use support::{World, proxy::Fault};

#[tokio::test]
async fn the_proxy_counts_and_breaks() {
    let world = World::start().await;
    world.put_object("k", b"hello".to_vec()).await;
    let s3 = world.s3();
    let get = || s3.get_object().bucket(&world.bucket).key("k").send();
    world.proxy.inject("GetObject", 1..2, Fault::CutAnswer(3));
    assert_eq!(get().await.unwrap().body.collect().await.unwrap().to_vec(), b"hello");
    assert!(get().await.unwrap().body.collect().await.is_err());
    assert_eq!(world.proxy.count("GetObject"), 2);
    world.proxy.inject("GetObject", 0..1, Fault::LoseAnswer);
    world.proxy.inject("GetObject", 1..2, Fault::Reset);
    get().await.unwrap();
    assert_eq!(world.proxy.count("GetObject"), 5);
    world
        .proxy
        .inject("PutObject", 0..usize::MAX, Fault::Answer(503, "SlowDown"));
    let error = s3.put_object().bucket(&world.bucket).key("j").send().await.unwrap_err();
    assert_eq!(error.into_service_error().meta().code(), Some("SlowDown"));
    assert_eq!(world.proxy.count("PutObject"), 3);
}
