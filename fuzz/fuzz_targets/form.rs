//! Any bytes as a callback's form. No pair may be lost when the form is written and read, and the parsed values must be
//! those of the form.

#![no_main]

use http::HeaderValue;
use libfuzzer_sys::fuzz_target;
use twilio::callback::{RecordingCallback, form_pairs};

fuzz_target!(|body: &[u8]| {
    let pairs = form_pairs(body);
    let written = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(&pairs)
        .finish();
    assert_eq!(form_pairs(written.as_bytes()), pairs);

    let Ok(callback) = RecordingCallback::from_pairs(&pairs) else {
        return;
    };
    let says = |name: &str, value: &str| pairs.iter().any(|(key, text)| key == name && text.trim() == value);
    assert!(says("AccountSid", callback.account_sid.as_str()));
    assert!(says("RecordingSid", callback.recording_sid.as_str()));
    if let Some(call) = &callback.facts.call_sid {
        assert!(says("CallSid", call.as_str()));
    }
    // The labels become the object's metadata, which S3 transmits as headers.
    for (name, label) in [
        ("RecordingSource", &callback.facts.source),
        ("RecordingTrack", &callback.facts.track),
    ] {
        if let Some(label) = label {
            assert!(says(name, label));
            assert!(label.trim() == label && HeaderValue::from_str(label).is_ok_and(|value| value.to_str().is_ok()));
        }
    }
    assert!(
        callback
            .facts
            .channels
            .is_none_or(|channels| channels == 1 || channels == 2)
    );
});
