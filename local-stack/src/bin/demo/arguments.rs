//! The command line.

use std::path::PathBuf;

pub(crate) const USAGE: &str = "\
Plays the whole service through on this machine: a recording at Twilio, the signed callback, the encrypted copy in S3,
and playback, compared byte for byte. No AWS or Twilio account is needed.

usage: cargo demo [--release] [--serve [--json [--mp3]]] [--state DIR] [FILE]

  FILE         a recording to take, .wav or .mp3 (default: a WAV of three minutes, made up)
  --release    run release builds of the functions
  --serve      keep everything up afterwards, until Ctrl-C
  --json       with --serve: no demonstration; one JSON line on stdout when everything is ready
  --mp3        with --json: the functions fetch MP3 from Twilio, not WAV (elsewhere FILE says it)
  --state DIR  keep recordings and logs in this folder (default: a temporary one, removed at the end)
  --help       this text";

/// What to do.
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
    /// Demonstrate and end.
    Once,
    /// Demonstrate and stay up.
    Serve,
    /// Stay up, and tell a program where everything is.
    ServeJson,
}

/// What's wrong with the command line.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ArgumentError {
    #[error("unknown option {0}")]
    UnknownOption(String),
    #[error("--state needs a folder")]
    NoFolder,
    #[error("--json goes with --serve")]
    JsonAlone,
    #[error("--mp3 goes with --json; elsewhere the recording's file says it")]
    Mp3Alone,
    #[error("with --json no recording is played")]
    NeedlessFile,
    #[error("one recording at a time")]
    SecondFile,
    #[error("a recording is a .wav or .mp3 file")]
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

    /// The recording's format, as the setting `MEDIA_FORMAT` and the file's extension have it.
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
    fn what_makes_no_sense_is_refused() {
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
