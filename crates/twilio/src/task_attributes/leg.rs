//! The recorded leg of a conversation, and the speakers on its channels.

use sid::{CallSid, ConferenceSid};

use super::document;

/// The leg of a conversation that was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordedLeg {
    /// The customer's call.
    Customer,
    /// The worker's call.
    Worker,
    /// All calls of the conference, mixed.
    Conference,
}

/// The speakers on the first and on the second channel of a two-channel recording.
///
/// Twilio doesn't say which party is on the first channel. It depends on the leg and on the way in which the recording
/// was started, so the order is a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelOrder {
    /// The customer, then all others.
    CustomerFirst,
    /// All others, then the customer.
    OthersFirst,
}

impl ChannelOrder {
    /// The value of a media entry's `channels`.
    pub(super) const fn labels(self) -> [&'static str; 2] {
        match self {
            Self::CustomerFirst => ["customer", "others"],
            Self::OthersFirst => ["others", "customer"],
        }
    }
}

impl RecordedLeg {
    /// Determines the leg from the recording's own SIDs and the task's attributes. `None` if they don't show it.
    ///
    /// Only a recording of the conference itself has a conference. Its call, if it has one, may be any of the legs.
    #[must_use]
    pub fn of(attributes: Option<&str>, call: Option<&CallSid>, conference: Option<&ConferenceSid>) -> Option<Self> {
        if conference.is_some() {
            return Some(Self::Conference);
        }
        let attributes = document::root(attributes?)?;
        let call = call?.as_str();
        let is = |path: &[&str]| {
            let sid = document::find(attributes, path).and_then(document::string);
            sid.is_some_and(|sid| sid == call)
        };
        let is_customer = is(&["call_sid"]) || is(&["conference", "participants", "customer"]);
        let is_worker = is(&["conference", "participants", "worker"]);
        match (is_customer, is_worker) {
            (true, false) => Some(Self::Customer),
            (false, true) => Some(Self::Worker),
            // The call is neither of them, or both, which no known conversation has.
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUSTOMER: &str = "CA00000000000000000000000000000001";
    const WORKER: &str = "CA00000000000000000000000000000002";
    const OTHER: &str = "CA00000000000000000000000000000003";

    fn leg(attributes: &str, call: &str) -> Option<RecordedLeg> {
        RecordedLeg::of(Some(attributes), Some(&CallSid::parse(call).unwrap()), None)
    }

    #[test]
    fn a_call_is_the_leg_that_the_attributes_make_it() {
        let inbound = format!(
            r#"{{"call_sid":"{CUSTOMER}","conference":{{"sid":"CF1","participants":{{"worker":"{WORKER}"}}}}}}"#
        );
        let by_participants =
            format!(r#"{{"conference":{{"participants":{{"worker":"{WORKER}","customer":"{CUSTOMER}"}}}}}}"#);
        let with_half_a_pair = inbound.replacen('{', r#"{"note":"\ud83d","#, 1);
        for attributes in [inbound, by_participants, with_half_a_pair] {
            assert_eq!(leg(&attributes, CUSTOMER), Some(RecordedLeg::Customer));
            assert_eq!(leg(&attributes, WORKER), Some(RecordedLeg::Worker));
            assert_eq!(leg(&attributes, OTHER), None);
        }
    }

    #[test]
    fn missing_or_contradictory_facts_leave_the_leg_unknown() {
        for attributes in [
            String::new(),
            "null".to_owned(),
            "[]".to_owned(),
            "{".to_owned(),
            r#"{"call_sid":1,"conference":{"participants":[]}}"#.to_owned(),
            format!(r#"{{"call_sid":"{WORKER}","conference":{{"participants":{{"worker":"{WORKER}"}}}}}}"#),
        ] {
            assert_eq!(leg(&attributes, WORKER), None, "{attributes}");
        }
        assert_eq!(
            RecordedLeg::of(None, Some(&CallSid::parse(CUSTOMER).unwrap()), None),
            None
        );
        assert_eq!(RecordedLeg::of(Some("{}"), None, None), None);
    }

    #[test]
    fn a_recording_of_a_conference_is_no_leg_s() {
        let conference = ConferenceSid::parse("CF00000000000000000000000000000001").unwrap();
        let call = CallSid::parse(CUSTOMER).unwrap();
        let attributes = format!(r#"{{"call_sid":"{CUSTOMER}"}}"#);
        for call in [None, Some(&call)] {
            let leg = RecordedLeg::of(Some(&attributes), call, Some(&conference));
            assert_eq!(leg, Some(RecordedLeg::Conference));
        }
    }
}
