use proptest::prelude::*;

use super::*;

fn recording(digit: char) -> RecordingSid {
    RecordingSid::parse(&format!("RE{}", digit.to_string().repeat(32))).unwrap()
}

fn reservation() -> ReservationSid {
    ReservationSid::parse(&format!("WR{}", "5".repeat(32))).unwrap()
}

fn provider(recording: &RecordingSid) -> String {
    format!("https://play.example/media-url?recordingSid={recording}")
}

fn full_link(recording: &RecordingSid) -> TaskLink {
    TaskLink::Media {
        url_provider: provider(recording),
        reservation: None,
        start_time_ms: Some(1_574_350_321_000),
        channels: Some(ChannelOrder::CustomerFirst),
    }
}

fn bare_link(recording: &RecordingSid) -> TaskLink {
    TaskLink::Media {
        url_provider: provider(recording),
        reservation: None,
        start_time_ms: None,
        channels: None,
    }
}

fn on_reservation(link: TaskLink) -> TaskLink {
    match link {
        TaskLink::Media {
            url_provider,
            start_time_ms,
            channels,
            ..
        } => TaskLink::Media {
            url_provider,
            reservation: Some(reservation()),
            start_time_ms,
            channels,
        },
        other => other,
    }
}

#[test]
fn an_entry_has_the_documented_shape_and_starts_a_second_early() {
    let re = recording('1');
    let url = provider(&re);
    assert_eq!(
        merge(None, &re, &full_link(&re)).unwrap(),
        format!(
            r#"{{"conversations":{{"media":[{{"type":"VoiceRecording","url_provider":"{url}","start_time":1574350320000,"channels":["customer","others"]}}]}}}}"#
        )
    );
}

#[test]
fn no_attributes_in_any_form_count_as_an_empty_object() {
    let re = recording('1');
    let merged = merge(Some("{}"), &re, &bare_link(&re)).unwrap();
    for nothing in [
        None,
        Some(""),
        Some(" \n"),
        Some("null"),
        Some(r#"{"conversations":null}"#),
        Some(r#"{"conversations":{"media":null}}"#),
    ] {
        assert_eq!(merge(nothing, &re, &bare_link(&re)).unwrap(), merged, "{nothing:?}");
    }
}

#[test]
fn attributes_that_are_no_object_are_refused() {
    let re = recording('1');
    for text in ["[]", "1", "\"{}\"", "true", "{", "{}{}", "not json"] {
        assert_eq!(
            merge(Some(text), &re, &bare_link(&re)),
            Err(MergeError::NotAnObject),
            "{text}"
        );
    }
}

#[test]
fn occupied_keys_are_named_and_never_overwritten() {
    let re = recording('1');
    let wr = reservation();
    let segment = TaskLink::SegmentLink {
        url: "https://play.example/".to_owned(),
    };
    for (attributes, link, key) in [
        (
            r#"{"conversations":"canary"}"#.to_owned(),
            bare_link(&re),
            "conversations",
        ),
        (r#"{"conversations":[]}"#.to_owned(), segment, "conversations"),
        (r#"{"conversations":{"media":{}}}"#.to_owned(), bare_link(&re), "media"),
        (
            r#"{"reservation_attributes":1}"#.to_owned(),
            on_reservation(bare_link(&re)),
            "reservation_attributes",
        ),
        (
            format!(r#"{{"reservation_attributes":{{"{wr}":0}}}}"#),
            on_reservation(bare_link(&re)),
            "the reservation",
        ),
    ] {
        let error = merge(Some(&attributes), &re, &link).unwrap_err();
        assert!(
            matches!(error, MergeError::Occupied { key: k, .. } if k == key),
            "{error}"
        );
        assert!(!error.to_string().contains("canary"));
    }
}

#[test]
fn the_link_of_a_reservation_is_beside_the_task_s_own() {
    let re = recording('1');
    let wr = reservation();
    let url = provider(&re);
    let attributes = r#"{"conversations":{"media":[{"type":"Raw"}]}}"#;
    assert_eq!(
        merge(Some(attributes), &re, &on_reservation(bare_link(&re))).unwrap(),
        format!(
            r#"{{"conversations":{{"media":[{{"type":"Raw"}}]}},"reservation_attributes":{{"{wr}":{{"media":[{{"type":"VoiceRecording","url_provider":"{url}"}}]}}}}}}"#
        )
    );
}

fn segment_link(url: &str) -> TaskLink {
    TaskLink::SegmentLink { url: url.to_owned() }
}

#[test]
fn a_segment_link_is_set_where_there_is_none_and_replaces_one_of_the_same_recording() {
    let re = recording('1');
    let new = format!("https://h/recordings/{re}?signature=new");
    let expected = format!(r#"{{"conversations":{{"queue":"q","segment_link":"{new}"}},"x":1}}"#);
    for present in [
        String::new(),
        r#","segment_link":null"#.to_owned(),
        r#","segment_link":"""#.to_owned(),
        format!(r#","segment_link":"https://h/recordings/{re}?signature=old""#),
        format!(r#","segment_link":"https://h/?recordingSid={re}&signature=old""#),
        format!(r#","segment_link":"{new}""#),
    ] {
        let before = format!(r#"{{"conversations":{{"queue":"q"{present}}},"x":1}}"#);
        assert_eq!(merge(Some(&before), &re, &segment_link(&new)).unwrap(), expected);
    }
}

#[test]
fn a_segment_link_of_another_recording_or_of_somebody_else_is_kept() {
    let (re, other) = (recording('1'), recording('2'));
    for present in [
        format!(r#""https://h/recordings/{other}?signature=s""#),
        format!(r#""https://h/?recordingSid={other}&signature=s""#),
        format!(r#""https://h/recordings/{re}{re}""#),
        r#""https://somebody.example/recording""#.to_owned(),
        r#""\ud83d""#.to_owned(),
        "7".to_owned(),
        "{}".to_owned(),
    ] {
        let before = format!(r#"{{"conversations":{{"segment_link":{present}}}}}"#);
        let merged = merge(
            Some(&before),
            &re,
            &segment_link(&format!("https://h/recordings/{re}?s")),
        );
        assert_eq!(merged, Err(MergeError::SegmentLinkTaken), "{present}");
    }
}

#[test]
fn the_entry_of_the_same_recording_is_replaced_in_place() {
    let [first, ours, last] = ['1', '2', '3'].map(recording);
    let mut text = String::new();
    for re in [&first, &ours, &last] {
        text = merge(Some(&text), re, &bare_link(re)).unwrap();
    }
    let replaced = merge(Some(&text), &ours, &full_link(&ours)).unwrap();
    let replaced: Value = serde_json::from_str(&replaced).unwrap();
    let media = replaced["conversations"]["media"].as_array().unwrap();
    let providers: Vec<_> = media
        .iter()
        .map(|entry| entry["url_provider"].as_str().unwrap())
        .collect();
    assert_eq!(providers, [provider(&first), provider(&ours), provider(&last)]);
    assert_eq!(media[1]["channels"], json!(["customer", "others"]));
}

#[test]
fn an_entry_is_the_recording_s_by_its_query_alone() {
    let re = recording('1');
    let other = recording('2');
    let mentions = [
        format!(r#"{{"type":"VoiceRecording","url":"{}"}}"#, provider(&re)),
        format!(r#"{{"url_provider":"https://h/{re}?recordingSid={other}"}}"#),
        format!(r#"{{"url_provider":"recordingSid={re}"}}"#),
        r#"{"url_provider":7}"#.to_owned(),
        r#""text""#.to_owned(),
    ];
    let attributes = format!(r#"{{"conversations":{{"media":[{}]}}}}"#, mentions.join(","));
    let merged: Value = serde_json::from_str(&merge(Some(&attributes), &re, &bare_link(&re)).unwrap()).unwrap();
    assert_eq!(
        merged["conversations"]["media"].as_array().unwrap().len(),
        mentions.len() + 1
    );
}

#[test]
fn a_link_is_recognized_in_any_form_that_twilio_returns() {
    let re = recording('1');
    let segment = TaskLink::SegmentLink {
        url: "https://h/é".to_owned(),
    };
    for link in [full_link(&re), on_reservation(full_link(&re)), segment] {
        let merged = merge(Some(r#"{"x":"\ud83d"}"#), &re, &link).unwrap();
        let spaced = merged
            .replace(',', " , ")
            .replace(':', " : ")
            .replace(" : //", "://")
            .replace('é', "\\u00e9");
        for attributes in [&merged, &spaced] {
            assert!(is_linked(Some(attributes), &re, &link), "{attributes}");
            assert!(!is_linked(
                Some(attributes),
                &recording('2'),
                &full_link(&recording('2'))
            ));
        }
    }
    for nothing in [
        None,
        Some(""),
        Some("null"),
        Some("{}"),
        Some(r#"{"conversations":{"media":{}}}"#),
        Some("<html>"),
    ] {
        assert!(!is_linked(nothing, &re, &full_link(&re)), "{nothing:?}");
    }
    // An entry of the same recording with another URL is not this link.
    let elsewhere = merge(None, &re, &full_link(&re))
        .unwrap()
        .replace("play.example", "old.example");
    assert!(!is_linked(Some(&elsewhere), &re, &full_link(&re)));
}

#[test]
fn debug_shows_no_link() {
    let segment = TaskLink::SegmentLink {
        url: "https://h/?signature=canary".to_owned(),
    };
    let media = full_link(&recording('1'));
    assert_eq!(format!("{segment:?}"), "SegmentLink { .. }");
    assert_eq!(format!("{media:?}"), "Media { reservation: None, .. }");
}

#[test]
fn digits_and_order_of_what_was_there_survive() {
    let re = recording('1');
    let before = r#"{"z":1.10,"a":12345678901234567890123,"m":-0.0,"e":1e+400,"n":{"y":[0.1000,null],"b":"\u0000é"}"#;
    let merged = merge(Some(&format!("{before}}}")), &re, &bare_link(&re)).unwrap();
    assert_eq!(merged[..before.len()], *before);
}

#[test]
fn a_lone_surrogate_and_deep_nesting_are_kept_as_they_are() {
    let re = recording('1');
    let url = provider(&re);
    let deep = format!("{}1{}", r#"{"a":["#.repeat(200), "]}".repeat(200));
    for before in [
        // JavaScript writes this when it cuts an emoji in two.
        r#""note":"cut \ud83d","#.to_owned(),
        r#""\uDE00":"\ud83d\ud83d","#.to_owned(),
        format!(r#""deep":{deep},"#),
    ] {
        let attributes = format!(r#"{{{before}"conversations":{{"media":[{{"title":"\ud83d"}}]}}}}"#);
        let merged = merge(Some(&attributes), &re, &bare_link(&re)).unwrap();
        assert_eq!(
            merged,
            format!(
                r#"{{{before}"conversations":{{"media":[{{"title":"\ud83d"}},{{"type":"VoiceRecording","url_provider":"{url}"}}]}}}}"#
            )
        );
        assert_eq!(merge(Some(&merged), &re, &bare_link(&re)).unwrap(), merged);
    }
}

#[test]
fn white_space_escapes_and_a_byte_order_mark_are_kept_as_they_are() {
    let re = recording('1');
    let entry = format!(r#"{{"type":"VoiceRecording","url_provider":"{}"}}"#, provider(&re));
    for (before, after) in [
        (
            "\u{feff} { \"x\" : \"\\/\\u0041\" }\n",
            format!("\u{feff} {{ \"x\" : \"\\/\\u0041\",\"conversations\":{{\"media\":[{entry}]}} }}\n"),
        ),
        (
            r#"{ "conversations" : { "media" : [ 1 , 2 ] , "q" : 1.0 } }"#,
            format!(r#"{{ "conversations" : {{ "media" : [ 1 , 2,{entry} ] , "q" : 1.0 }} }}"#),
        ),
        (
            r#"{"\u0063onversations":{"media":[ ]}}"#,
            format!(r#"{{"\u0063onversations":{{"media":[{entry} ]}}}}"#),
        ),
        ("{\t}", format!("{{\"conversations\":{{\"media\":[{entry}]}}\t}}")),
    ] {
        let merged = merge(Some(before), &re, &bare_link(&re)).unwrap();
        assert_eq!(merged, after);
        assert_eq!(merge(Some(&merged), &re, &bare_link(&re)).unwrap(), merged);
    }
}

/// All known readers, including Twilio's own, use the last one.
#[test]
fn the_last_value_of_a_repeated_key_counts() {
    let re = recording('1');
    let before = r#"{"conversations":{"media":1},"conversations":{"media":[]}}"#;
    let merged = merge(Some(before), &re, &bare_link(&re)).unwrap();
    assert!(
        merged.starts_with(r#"{"conversations":{"media":1},"conversations":{"media":[{"type""#),
        "{merged}"
    );
    let read: Value = serde_json::from_str(&merged).unwrap();
    assert_eq!(read["conversations"]["media"].as_array().unwrap().len(), 1);
}

/// White space counts towards TaskRouter's limit, and it has no meaning.
#[test]
fn white_space_is_removed_if_the_link_would_not_fit_otherwise() {
    let re = recording('1');
    let text = r#"{ "pad" : "a  b\" \\", "n" : [ 1.10 , true ] }"#;
    let padded = text.replace("a  b", &format!("a  b{}", "x".repeat(3_500)));
    let spaced = format!("{padded}{}", " ".repeat(MAX_CHARS - padded.len()));
    let merged = merge(Some(&spaced), &re, &full_link(&re)).unwrap();
    let kept = padded
        .replace(r#"{ "pad" : "#, r#"{"pad":"#)
        .replace(r#", "n" : [ 1.10 , true ] }"#, r#","n":[1.10,true]"#);
    assert!(merged.starts_with(&format!("{kept},\"conversations\":")), "{merged}");
    assert!(merged.contains("channels"), "nothing of the link had to go");
}

/// Attributes of exactly `len` characters. The padding has two bytes for each character, because the limit counts
/// characters.
fn attributes_of(len: usize) -> String {
    let frame = r#"{"pad":""}"#;
    format!(r#"{{"pad":"{}"}}"#, "é".repeat(len - frame.len()))
}

#[test]
fn optional_fields_go_in_order_and_then_the_merge_fails() {
    let re = recording('1');
    let with = |fields: &[&str]| {
        let mut entry = json!({"type": "VoiceRecording", "url_provider": provider(&re)});
        for &field in fields {
            entry[field] = match field {
                "start_time" => json!(1_574_350_320_000_i64),
                _ => json!(["customer", "others"]),
            };
        }
        json!({"conversations": {"media": [entry]}}).to_string().len() - "{}".len() + ",".len()
    };
    let kept = [&["start_time", "channels"][..], &["start_time"], &[]];
    for (at, fields) in kept.iter().enumerate() {
        // Fits to the last character …
        let attributes = attributes_of(MAX_CHARS - with(fields));
        let merged = merge(Some(&attributes), &re, &full_link(&re)).unwrap();
        assert_eq!(merged.chars().count(), MAX_CHARS);
        for field in OPTIONAL_FIELDS {
            assert_eq!(merged.contains(field), fields.contains(&field), "{field} of {fields:?}");
        }
        assert_eq!(merge(Some(&merged), &re, &full_link(&re)).unwrap(), merged);
        // … and one more costs the next field, or the link.
        let attributes = attributes_of(MAX_CHARS - with(fields) + 1);
        let merged = merge(Some(&attributes), &re, &full_link(&re));
        match kept.get(at + 1) {
            Some(fewer) => {
                let merged = merged.unwrap();
                for field in OPTIONAL_FIELDS {
                    assert_eq!(merged.contains(field), fewer.contains(&field), "{field} of {fewer:?}");
                }
            }
            None => assert_eq!(
                merged,
                Err(MergeError::TooLong {
                    chars: MAX_CHARS + 1,
                    max: MAX_CHARS
                })
            ),
        }
    }
}

/// JSON as plugins write it, of any depth. Some keys are the same as the link's.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "-?[1-9][0-9]{0,24}\\.[0-9]{1,8}".prop_map(|digits| serde_json::from_str(&digits).unwrap()),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            any_object(inner).prop_map(Value::from),
        ]
    })
}

fn any_object(values: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    let key = prop_oneof![
        4 => "[a-z_]{1,6}",
        1 => Just("media".to_owned()),
        1 => Just("url_provider".to_owned()),
        1 => Just("segment_link".to_owned()),
    ];
    proptest::collection::vec((key, values), 0..5).prop_map(|pairs| pairs.into_iter().collect())
}

/// Attributes with a well-formed path to the link, and other entries in it.
fn any_attributes() -> impl Strategy<Value = Value> {
    (
        any_object(any_json()),
        any_object(any_json()),
        proptest::collection::vec(any_json(), 0..4),
        any::<bool>(),
    )
        .prop_map(|(mut root, mut conversations, media, has_media)| {
            conversations.shift_remove("media");
            if has_media {
                conversations.insert("media".to_owned(), Value::Array(media));
            }
            root.insert("conversations".to_owned(), Value::Object(conversations));
            Value::Object(root)
        })
}

/// Any JSON text: with white space, escapes, lone surrogates, numbers of any form and repeated keys.
fn any_text() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        "-?(0|[1-9][0-9]{0,24})(\\.[0-9]{1,8})?([eE][+-]?[0-9]{1,3})?",
        any_string(),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            (white_space(), proptest::collection::vec(inner.clone(), 0..4))
                .prop_map(|(space, values)| format!("[{space}{}{space}]", values.join(&format!("{space},{space}")))),
            any_text_object(inner),
        ]
    })
}

fn any_text_object(values: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    (members(values), white_space()).prop_map(|(members, space)| format!("{{{space}{}}}", members.join(",")))
}

/// Members of an object without the link's keys.
fn members(values: impl Strategy<Value = String>) -> impl Strategy<Value = Vec<String>> {
    let key = prop_oneof![
        4 => any_string(),
        1 => Just(r#""url_provider""#.to_owned()),
        1 => Just(r#""segment_link""#.to_owned()),
    ];
    let member = (white_space(), key, white_space(), values)
        .prop_map(|(before, key, after, value)| format!("{before}{key}{after}:{before}{value}"));
    proptest::collection::vec(member, 0..4)
}

/// A string in quotes. Its letters can't spell the link's keys.
fn any_string() -> impl Strategy<Value = String> {
    r#""([a-cX é😀]|\\["\\/bfnrt]|\\u[dD][89a-fA-F][0-9a-f]{2}|\\u00[0-9a-f]{2}){0,8}""#
}

fn white_space() -> impl Strategy<Value = String> {
    "[ \t\r\n]{0,2}"
}

proptest! {
    /// The model writes the text around the link. The merge must add the link there and change no other byte.
    #[test]
    fn every_byte_beside_the_link_survives(
        root in members(any_text()),
        conversations in members(any_text()),
        media in proptest::collection::vec(any_text(), 0..4),
        [a, b, c] in [white_space(), white_space(), white_space()],
        present in 0usize..3,
    ) {
        let re = recording('1');
        let entry = format!(r#"{{"type":"VoiceRecording","url_provider":"{}"}}"#, provider(&re));
        let list = |link: &str| format!("[{}{link}{b}]", media.join(","));
        let object = |members: &[String], link: &str| format!("{{{}{link}{c}}}", members.join(","));
        let also = |is_empty: bool, link: String| if is_empty { link } else { format!(",{link}") };
        let of_conversations = |value: String| {
            let mut root = root.clone();
            root.push(format!(r#"{a}"conversations"{b}:{c}{value}"#));
            format!("{a}{}{b}", object(&root, ""))
        };
        let of_media = |value: String| {
            let mut conversations = conversations.clone();
            conversations.push(format!(r#"{a}"media"{b}:{c}{value}"#));
            of_conversations(object(&conversations, ""))
        };
        let (before, after) = match present {
            0 => {
                let link = also(root.is_empty(), format!(r#""conversations":{{"media":[{entry}]}}"#));
                (object(&root, ""), object(&root, &link))
            }
            1 => {
                let link = also(conversations.is_empty(), format!(r#""media":[{entry}]"#));
                (of_conversations(object(&conversations, "")), of_conversations(object(&conversations, &link)))
            }
            _ => (of_media(list("")), of_media(list(&also(media.is_empty(), entry)))),
        };
        prop_assume!(after.chars().count() <= MAX_CHARS);
        prop_assert_eq!(merge(Some(&before), &re, &bare_link(&re)), Ok(after.clone()));
        prop_assert_eq!(merge(Some(&after), &re, &bare_link(&re)), Ok(after));
    }

    #[test]
    fn all_else_survives(attributes in any_attributes()) {
        let re = recording('1');
        let text = attributes.to_string();
        prop_assume!(text.chars().count() < MAX_CHARS - 400);
        let merged = merge(Some(&text), &re, &full_link(&re)).unwrap();
        // The simple model removes the entry again, and the list if it wasn't there before.
        let mut undone: Value = serde_json::from_str(&merged).unwrap();
        let media = undone["conversations"]["media"].as_array_mut().unwrap();
        let ours = media.pop().unwrap();
        let is_empty = media.is_empty();
        prop_assert_eq!(ours["url_provider"].as_str(), Some(&*provider(&re)));
        if is_empty && attributes["conversations"].get("media").is_none() {
            undone["conversations"].as_object_mut().unwrap().shift_remove("media");
        }
        prop_assert_eq!(undone.to_string(), text);
    }

    #[test]
    fn merging_again_changes_nothing(attributes in any_attributes(), on_a_reservation in any::<bool>()) {
        let re = recording('1');
        let text = attributes.to_string();
        prop_assume!(text.chars().count() < MAX_CHARS - 400);
        let link = if on_a_reservation { on_reservation(full_link(&re)) } else { full_link(&re) };
        prop_assume!(!on_a_reservation || attributes.get("reservation_attributes").is_none());
        let once = merge(Some(&text), &re, &link).unwrap();
        prop_assert_eq!(merge(Some(&once), &re, &link).unwrap(), once);
    }

    #[test]
    fn a_recording_is_listed_once_however_often_it_is_merged(order in proptest::collection::vec(0usize..4, 1..12)) {
        let recordings = ['a', 'b', 'c', 'd'].map(recording);
        let mut text = "{}".to_owned();
        for &which in &order {
            text = merge(Some(&text), &recordings[which], &bare_link(&recordings[which])).unwrap();
        }
        let merged: Value = serde_json::from_str(&text).unwrap();
        let listed: Vec<_> = merged["conversations"]["media"].as_array().unwrap().iter()
            .map(|entry| entry["url_provider"].as_str().unwrap().to_owned())
            .collect();
        let mut expected = Vec::new();
        for which in order {
            let url = provider(&recordings[which]);
            if !expected.contains(&url) { expected.push(url) }
        }
        prop_assert_eq!(listed, expected);
    }
}
