//! The choice of the KMS key: several encrypted data keys, refused keys, and multi-Region keys.

use aws_sdk_kms::{Client, config::Region};
use esdk_message::{DataKey, EncryptedDataKey, EncryptionContext};
use vault::{KeyArn, ObjectKeys, ReadError, Reader, ReaderConfig};

use crate::{
    sealed::{F, Shape, context, read, seal_with},
    support::{World, account, noise, proxy::Fault, recording},
};

/// A reader that accepts only these keys.
fn reader(world: &World, keys: &[&str]) -> Reader {
    let config = ReaderConfig {
        bucket: world.bucket.clone(),
        account: account(),
        kms_keys: keys.iter().map(|key| KeyArn::parse(key).unwrap()).collect(),
    };
    Reader::new(world.s3(), world.kms(), config)
}

/// Creates a key and returns its ARN.
async fn key(kms: &Client, multi_region: bool) -> String {
    let created = kms.create_key().multi_region(multi_region).send().await.unwrap();
    created.key_metadata.unwrap().arn.unwrap()
}

/// A new data key, encrypted under each of these keys.
async fn wrapped(keys: &[(&Client, &str)], context: &EncryptionContext) -> (DataKey, Vec<EncryptedDataKey>) {
    let plaintext = noise(32, 7);
    let request_context = context.iter().map(|(k, v)| (k.to_owned(), v.to_owned()));
    let request_context: std::collections::HashMap<_, _> = request_context.collect();
    let mut stored = Vec::new();
    for (kms, key) in keys {
        let encrypt = kms.encrypt().key_id(*key).plaintext(plaintext.clone().into());
        let answer = encrypt
            .set_encryption_context(Some(request_context.clone()))
            .send()
            .await
            .unwrap();
        stored.push(EncryptedDataKey {
            provider_id: "aws-kms".to_owned(),
            provider_info: (*key).to_owned(),
            ciphertext: answer.ciphertext_blob.unwrap().into_inner(),
        });
    }
    (DataKey::from_slice(&plaintext).unwrap(), stored)
}

/// Stores a recording whose data key is encrypted under these keys, in this order.
async fn store(world: &World, keys: &[(&Client, &str)]) -> Vec<u8> {
    let plaintext = noise(F, 1);
    let context = context(&recording(1), Some(F));
    let (data_key, stored) = wrapped(keys, &context).await;
    let object = seal_with(&data_key, &stored, &context, &plaintext, &Shape::default());
    world.put_object(&recording(1).object_key(), object).await;
    plaintext
}

/// A recording under two keys.
async fn under_two(world: &World) -> (String, String, Vec<u8>) {
    let kms = world.direct_kms();
    let (first, second) = (key(&kms, false).await, key(&kms, false).await);
    let plaintext = store(world, &[(&kms, &first), (&kms, &second)]).await;
    (first, second, plaintext)
}

#[tokio::test]
async fn the_next_key_is_tried_where_the_first_is_disabled() {
    let world = World::start().await;
    let (first, second, plaintext) = under_two(&world).await;
    world.direct_kms().disable_key().key_id(&first).send().await.unwrap();
    let (seen, error) = read(&reader(&world, &[&first, &second]), &recording(1), 0..F).await;
    assert!(error.is_none() && seen == plaintext, "{error:?}");
    assert_eq!(world.proxy.count("Decrypt"), 2);
}

#[tokio::test]
async fn the_next_key_is_tried_whatever_the_first_one_is_refused_for() {
    let world = World::start().await;
    let (first, second, plaintext) = under_two(&world).await;
    for code in [
        "AccessDeniedException",
        "NotFoundException",
        "KMSInvalidStateException",
        "InvalidCiphertextException",
        "IncorrectKeyException",
    ] {
        world.proxy.heal();
        world.proxy.inject("Decrypt", 0..1, Fault::Error(400, code));
        let (seen, error) = read(&reader(&world, &[&first, &second]), &recording(1), 0..F).await;
        assert!(error.is_none() && seen == plaintext, "{code}: {error:?}");
    }
    // An answer under another key than requested does not end the search either.
    world.proxy.heal();
    let other_partition = |answer: &str| answer.replace("arn:aws:kms", "arn:aws-cn:kms");
    world.proxy.inject("Decrypt", 0..1, Fault::EditBody(other_partition));
    let (seen, error) = read(&reader(&world, &[&first, &second]), &recording(1), 0..F).await;
    assert!(error.is_none() && seen == plaintext, "{error:?}");
}

#[tokio::test]
async fn a_recording_is_unavailable_only_while_a_refusal_may_pass() {
    let world = World::start().await;
    let (first, second, _) = under_two(&world).await;
    let (denied, disabled, invalid) = (
        "AccessDeniedException",
        "DisabledException",
        "InvalidCiphertextException",
    );
    for (codes, expected) in [
        ([denied, denied], "KMS refuses the data key"),
        ([denied, disabled], "unavailable"),
        ([disabled, denied], "unavailable"),
        ([invalid, denied], "KMS refuses the data key"),
        ([denied, invalid], "KMS refuses the data key"),
        ([invalid, disabled], "unavailable"),
        ([invalid, invalid], "damaged"),
    ] {
        world.proxy.heal();
        // Each fault hits one call, in the order in which they were added.
        for code in codes {
            world.proxy.inject("Decrypt", 0..1, Fault::Error(400, code));
        }
        let (seen, error) = read(&reader(&world, &[&first, &second]), &recording(1), 0..F).await;
        assert!(seen.is_empty());
        let error = error.unwrap();
        assert!(error.to_string().starts_with(expected), "{codes:?}: {error}");
        assert_eq!(error.is_retryable(), expected == "unavailable", "{codes:?}: {error}");
    }
}

/// An incomplete answer, or one of another server, proves nothing about the stored object.
#[tokio::test]
async fn an_answer_of_kms_without_a_key_is_no_damage() {
    let world = World::start().await;
    let (first, second, plaintext) = under_two(&world).await;
    let edits: [fn(&str) -> String; 3] = [
        |_| String::new(),
        |answer| answer.replace("KeyId", "Canary"),
        |answer| answer.replace("Plaintext", "Canary"),
    ];
    for edit in edits {
        world.proxy.heal();
        world.proxy.inject("Decrypt", 0..usize::MAX, Fault::EditBody(edit));
        let (_, error) = read(&reader(&world, &[&first, &second]), &recording(1), 0..F).await;
        assert!(matches!(error, Some(ReadError::Unavailable(_))), "{error:?}");
        world.proxy.heal();
        world.proxy.inject("Decrypt", 0..1, Fault::EditBody(edit));
        let (seen, error) = read(&reader(&world, &[&first, &second]), &recording(1), 0..F).await;
        assert!(error.is_none() && seen == plaintext, "{error:?}");
    }
}

#[tokio::test]
async fn only_accepted_keys_are_requested() {
    let world = World::start().await;
    let (first, second, plaintext) = under_two(&world).await;
    // KMS would refuse this key. A request with it would take one more call.
    world.direct_kms().disable_key().key_id(&first).send().await.unwrap();
    let (seen, error) = read(&reader(&world, &[&second]), &recording(1), 0..F).await;
    assert!(error.is_none() && seen == plaintext, "{error:?}");
    assert_eq!(world.proxy.count("Decrypt"), 1);
}

/// This test needs the stricter emulator. It supports multi-Region keys and refuses a ciphertext of another key.
#[tokio::test]
async fn a_related_key_of_this_region_opens_what_another_regions_key_sealed() {
    let world = World::start_with_locks().await;
    let here = world.direct_kms();
    let there = here.config().to_builder().region(Region::from_static("eu-west-1"));
    let there = Client::from_conf(there.build());
    let primary = key(&there, true).await;
    let replicate = there.replicate_key().key_id(&primary).replica_region("us-east-1");
    let replica = replicate
        .send()
        .await
        .unwrap()
        .replica_key_metadata
        .unwrap()
        .arn
        .unwrap();
    assert_ne!(primary, replica);
    assert_eq!(primary.replace("eu-west-1", "us-east-1"), replica);

    let plaintext = store(&world, &[(&there, &primary)]).await;
    let (seen, error) = read(&reader(&world, &[&replica]), &recording(1), 0..F).await;
    assert!(error.is_none() && seen == plaintext, "{error:?}");
    assert_eq!(world.proxy.count("Decrypt"), 1);

    // KMS must name the requested key, and not the one in the message.
    let other_region = |answer: &str| answer.replace("us-east-1", "eu-west-1");
    world.proxy.inject("Decrypt", 0..1, Fault::EditBody(other_region));
    let (seen, error) = read(&reader(&world, &[&replica]), &recording(1), 0..F).await;
    assert!(
        seen.is_empty() && matches!(error, Some(ReadError::Damaged(_))),
        "{error:?}"
    );

    // Another multi-Region key of this Region is not related.
    let other = key(&here, true).await;
    world.proxy.heal();
    world.proxy.forget_calls();
    let (seen, error) = read(&reader(&world, &[&other]), &recording(1), 0..F).await;
    assert!(
        seen.is_empty() && matches!(error, Some(ReadError::Damaged(_))),
        "{error:?}"
    );
    assert_eq!(world.proxy.count("Decrypt"), 0);
}
