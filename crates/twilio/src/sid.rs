/// Two letters and 32 hexadecimal digits.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a {kind}: expected {prefix} and 32 hexadecimal digits")]
pub struct InvalidSid { pub kind: &'static str, pub prefix: &'static str }
macro_rules! sid { ($name:ident, $prefix:literal) => {
    #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
    pub struct $name(String);
    impl $name {
        pub fn parse(text: &str) -> Result<Self, InvalidSid> { todo!() }
        pub fn as_str(&self) -> &str { &self.0 }
    }
    impl std::fmt::Display for $name { fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(&self.0) } }
    impl<'de> serde::Deserialize<'de> for $name { fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> { let t = <String as serde::Deserialize>::deserialize(d)?; Self::parse(&t).map_err(serde::de::Error::custom) } }
} }
sid!(AccountSid, "AC");
sid!(RecordingSid, "RE");
sid!(CallSid, "CA");
sid!(ConferenceSid, "CF");
sid!(TaskSid, "WT");
sid!(ReservationSid, "WR");
sid!(WorkspaceSid, "WS");
sid!(WorkerSid, "WK");
