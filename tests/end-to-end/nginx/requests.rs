//! Generated requests for one recording, the same in every run.

use reqwest::{Client, Method, RequestBuilder};

use crate::support::header;

/// Pseudo-random choices (SplitMix64).
pub(super) struct Dice(u64);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn one_of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize].clone()
    }

    fn is_lucky(&mut self, one_in: u64) -> bool {
        self.below(one_in) == 0
    }
}

/// A server, with the recording's entity tag there.
pub(super) struct Origin {
    url: String,
    pub(super) etag: String,
}

impl Origin {
    pub(super) async fn of(client: &Client, url: String) -> Self {
        let answer = client.head(&url).send().await.unwrap();
        let etag = header(&answer, "etag").unwrap();
        Self { url, etag }
    }
}

/// A request. In its conditions, `{etag}` is a placeholder for the entity tag of the server that receives it.
#[derive(Clone, Debug)]
pub(super) struct TestRequest {
    pub(super) method: Method,
    pub(super) range: Option<String>,
    if_range: Option<&'static str>,
    if_match: Option<&'static str>,
    if_none_match: Option<&'static str>,
    if_modified_since: Option<&'static str>,
    if_unmodified_since: Option<&'static str>,
    /// The headers that identify a browser's media element.
    listener: &'static [(&'static str, &'static str)],
}

const LONG_AGO: &str = "Thu, 01 Jan 1970 00:00:00 GMT";
const FAR_OFF: &str = "Fri, 31 Dec 2100 23:59:59 GMT";

const VALIDATORS: [&str; 4] = ["\"{etag}\"", "W/\"{etag}\"", "\"other\"", LONG_AGO];
const TAG_LISTS: [&str; 8] = [
    "\"{etag}\"",
    "W/\"{etag}\"",
    "*",
    "\"other\"",
    "W/\"other\"",
    "\"other\", \"{etag}\"",
    "\"other\",W/\"{etag}\"",
    "\"one\", \"two\"",
];
const DATES: [&str; 2] = [LONG_AGO, FAR_OFF];
const MALFORMED: [&str; 9] = [
    "bytes=",
    "bytes=-",
    "bytes=5-2",
    "bytes=1",
    "bytes=a-b",
    "bytes=0x1-2",
    "bytes=--1",
    "bytes=+1-2",
    "bytes=0-1-2",
];
const OTHER_UNITS: [&str; 3] = ["items=0-1", "seconds=0-10", "none"];
/// Media elements of Chromium and Firefox, which send further requests for the rest.
const CONTINUE: [&[(&str, &str)]; 2] = [
    &[
        ("sec-fetch-dest", "audio"),
        ("sec-ch-ua", "\"Not:A-Brand\";v=\"8\", \"Chromium\";v=\"156\""),
    ],
    &[
        ("sec-fetch-dest", "audio"),
        (
            "user-agent",
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        ),
    ],
];
/// A media element of WebKit, a fetch of a page in Chromium, and a program. These accept a reply as it is.
const ACCEPT_ANY_REPLY: [&[(&str, &str)]; 3] = [
    &[
        ("sec-fetch-dest", "audio"),
        (
            "user-agent",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/60.5 Safari/605.1.15",
        ),
    ],
    &[
        ("sec-fetch-dest", "empty"),
        ("sec-ch-ua", "\"Not:A-Brand\";v=\"8\", \"Chromium\";v=\"156\""),
    ],
    &[],
];
const BEYOND_U64: &str = "99999999999999999999999";

impl TestRequest {
    /// Generates a request for a recording of `len` bytes. Most are GET requests with a range, like a player's.
    pub(super) fn any(dice: &mut Dice, len: u64) -> Self {
        let method = match dice.below(20) {
            0..17 => Method::GET,
            17..19 => Method::HEAD,
            _ => dice.one_of(&[Method::POST, Method::PUT, Method::DELETE, Method::PATCH]),
        };
        let some = |dice: &mut Dice, one_in, choices: &[&'static str]| {
            let is_there = dice.is_lucky(one_in);
            let choice = dice.one_of(choices);
            is_there.then_some(choice)
        };
        Self {
            method,
            range: (!dice.is_lucky(5)).then(|| range(dice, len)),
            if_range: some(dice, 4, &VALIDATORS),
            if_match: some(dice, 8, &TAG_LISTS),
            if_none_match: some(dice, 8, &TAG_LISTS),
            if_modified_since: some(dice, 20, &DATES),
            if_unmodified_since: some(dice, 20, &DATES),
            listener: if dice.is_lucky(2) {
                dice.one_of(&CONTINUE)
            } else {
                dice.one_of(&ACCEPT_ANY_REPLY)
            },
        }
    }

    pub(super) fn to_origin(&self, client: &Client, origin: &Origin) -> RequestBuilder {
        let etag = origin.etag.trim_matches('"');
        let headers = [
            ("range", self.range.clone()),
            ("if-range", self.if_range.map(|text| text.replace("{etag}", etag))),
            ("if-match", self.if_match.map(|text| text.replace("{etag}", etag))),
            (
                "if-none-match",
                self.if_none_match.map(|text| text.replace("{etag}", etag)),
            ),
            ("if-modified-since", self.if_modified_since.map(str::to_owned)),
            ("if-unmodified-since", self.if_unmodified_since.map(str::to_owned)),
        ];
        let listener = self.listener.iter().map(|(name, value)| (*name, (*value).to_owned()));
        headers
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .chain(listener)
            .fold(
                client.request(self.method.clone(), &origin.url),
                |request, (name, value)| request.header(name, value),
            )
    }

    pub(super) fn without_range_if(&self, dropped: bool) -> Option<Self> {
        dropped.then(|| Self {
            range: None,
            ..self.clone()
        })
    }

    pub(super) fn has_several_ranges(&self) -> bool {
        self.range.as_ref().is_some_and(|range| range.contains(','))
    }

    pub(super) fn has_malformed_range(&self) -> bool {
        self.range.as_deref().is_some_and(|range| MALFORMED.contains(&range))
    }

    /// Replaces numbers beyond 64 bits by others that are also past the end of any file, but that nginx can parse.
    pub(super) fn with_smaller_numbers(&self) -> Option<Self> {
        let range = self.range.as_ref().filter(|range| range.contains(BEYOND_U64))?;
        Some(Self {
            range: Some(range.replace(BEYOND_U64, "999999999999")),
            ..self.clone()
        })
    }

    pub(super) fn without_dates(&self) -> Option<Self> {
        (self.if_modified_since.is_some() || self.if_unmodified_since.is_some()).then(|| Self {
            if_modified_since: None,
            if_unmodified_since: None,
            ..self.clone()
        })
    }

    /// The request for the shortened range of at most `max` bytes. `None` if the range is not open, the client does not
    /// continue, or the rest is shorter.
    pub(super) fn shortened(&self, len: u64, max: u64) -> Option<Self> {
        let range = self.range.as_ref()?.to_ascii_lowercase();
        let first: u64 = range.strip_prefix("bytes=")?.strip_suffix('-')?.trim().parse().ok()?;
        (CONTINUE.contains(&self.listener) && len > first + max).then(|| Self {
            range: Some(format!("bytes={first}-{}", (first + max) / 65_536 * 65_536 - 1)),
            ..self.clone()
        })
    }
}

/// A position near frame boundaries, the end or the limit, where arithmetic errors are likely.
fn position(dice: &mut Dice, len: u64) -> u64 {
    match dice.below(4) {
        0 => dice.below(len),
        1 => (dice.below(len / 65_536 + 1) * 65_536 + dice.below(3)).saturating_sub(1),
        2 => len + dice.below(3) - 1,
        _ => dice.below(300),
    }
}

fn range(dice: &mut Dice, len: u64) -> String {
    let (one, other) = (position(dice, len), position(dice, len));
    let (first, last) = (one.min(other), one.max(other));
    match dice.below(16) {
        0..5 => format!("bytes={first}-{last}"),
        5..7 => format!("bytes={one}-"),
        7..9 => format!("bytes=-{one}"),
        9 => format!("BYTES={first}-{last}"),
        10 => format!("bytes={first:08}-{last:08}"),
        11 => format!("bytes={first}-{first}, {last}-{last}"),
        12 => dice.one_of(&MALFORMED).to_owned(),
        13 => dice.one_of(&OTHER_UNITS).to_owned(),
        14 => format!("bytes={first}-{BEYOND_U64}"),
        _ => format!("bytes= {first}-{last}"),
    }
}
