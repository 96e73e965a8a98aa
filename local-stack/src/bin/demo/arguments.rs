//! The command line.

use std::path::PathBuf;

pub(crate) const USAGE: &str = "\
Runs the whole service on this machine: a recording at Twilio, the signed callback, the encrypted copy in S3, and
playback, compared byte for byte. It needs no AWS or Twilio account.

usage: cargo demo [--release] [--serve [--json [--mp3]]] [--state DIR] [FILE]

  FILE         the recording to use, .wav or .mp3 (default: a sample WAV of three minutes)
  --release    run release builds of the functions
  --serve      keep everything running afterwards, until Ctrl-C
  --json       with --serve: skip the demonstration, and print one line of JSON when everything is ready
  --mp3        with --json: fetch MP3 from Twilio instead of WAV (otherwise FILE decides)
  --state DIR  keep recordings and logs in this folder (default: a temporary one, removed at the end)
  --help       print this text";

/// The kind of run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    pub(crate) mode: Mode,
    pub(crate) release: bool,
    pub(crate) state: Option<PathBuf>,
    pub(crate) recording: Option<PathBuf>,
    mp3: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Help,
    /// Runs the demonstration and ends.
    Once,
    /// Runs the demonstration and keeps serving.
    Serve,
    /// Serves, and prints all addresses for a program.
    ServeJson,
}

/// Why the command line is wrong.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ArgumentError {
    #[error("unknown option {0}")]
    UnknownOption(String),
    #[error("--state requires a folder")]
    NoFolder,
    #[error("--json requires --serve")]
    JsonAlone,
    #[error("--mp3 requires --json; without --json, the file's extension sets the format")]
    Mp3Alone,
    #[error("--json does not accept a recording")]
    NeedlessFile,
    #[error("only one recording is accepted")]
    SecondFile,
    #[error("the recording must be a .wav or .mp3 file")]
    UnknownFormat,
}

impl Arguments {
    pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, ArgumentError> {
        let (mut serve, mut json, mut help) = (false, false, false);
        let mut parsed = Self {
            mode: Mode::Once,
            release: false,
            state: None,
            recording: None,
            mp3: false,
        };
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--help" | "-h" => help = true,
                "--release" => parsed.release = true,
                "--serve" => serve = true,
                "--json" => json = true,
                "--mp3" => parsed.mp3 = true,
                "--state" => parsed.state = Some(arguments.next().ok_or(ArgumentError::NoFolder)?.into()),
                option if option.starts_with('-') => return Err(ArgumentError::UnknownOption(argument)),
                _ if parsed.recording.is_some() => return Err(ArgumentError::SecondFile),
                file if file.ends_with(".wav") || file.ends_with(".mp3") => parsed.recording = Some(argument.into()),
                _ => return Err(ArgumentError::UnknownFormat),
            }
        }
        parsed.mode = match (help, serve, json) {
            (true, ..) => Mode::Help,
            (_, true, true) if parsed.recording.is_some() => return Err(ArgumentError::NeedlessFile),
            (_, true, true) => Mode::ServeJson,
            (_, true, false) => Mode::Serve,
            (_, false, true) => return Err(ArgumentError::JsonAlone),
            (_, false, false) => Mode::Once,
        };
        if parsed.mp3 && !matches!(parsed.mode, Mode::ServeJson | Mode::Help) {
            return Err(ArgumentError::Mp3Alone);
        }
        Ok(parsed)
    }

    /// The recording's format, as in the setting `MEDIA_FORMAT` and in the file's extension.
    pub(crate) fn format(&self) -> &'static str {
        match &self.recording {
            Some(file) if file.extension().is_some_and(|extension| extension == "mp3") => "mp3",
            None if self.mp3 => "mp3",
            _ => "wav",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, ArgumentError> {
        Arguments::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_come_in_any_order() {
        let once = parse("").unwrap();
        assert_eq!((once.mode, once.release, once.format()), (Mode::Once, false, "wav"));
        let all = parse("call.mp3 --serve --state /tmp/x --release").unwrap();
        assert_eq!((all.mode, all.release, all.format()), (Mode::Serve, true, "mp3"));
        assert_eq!(all.state, Some("/tmp/x".into()));
        let served = parse("--json --serve").unwrap();
        assert_eq!((served.mode, served.format()), (Mode::ServeJson, "wav"));
        assert_eq!(parse("--mp3 --json --serve").unwrap().format(), "mp3");
        assert_eq!(parse("--serve --help").unwrap().mode, Mode::Help);
    }

    #[test]
    fn arguments_that_make_no_sense_are_refused() {
        for (line, error) in [
            ("--jsno", ArgumentError::UnknownOption("--jsno".into())),
            ("--state", ArgumentError::NoFolder),
            ("--json", ArgumentError::JsonAlone),
            ("--mp3", ArgumentError::Mp3Alone),
            ("--mp3 --serve", ArgumentError::Mp3Alone),
            ("--serve --json call.wav", ArgumentError::NeedlessFile),
            ("a.wav b.wav", ArgumentError::SecondFile),
            ("call.ogg", ArgumentError::UnknownFormat),
        ] {
            assert_eq!(parse(line), Err(error), "{line}");
        }
    }
}
