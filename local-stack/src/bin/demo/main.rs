//! `cargo demo`: the whole workflow on one machine, from a signed callback to playback. `--help` lists the options.

mod arguments;
mod checks;
mod narration;
mod tour;

use std::process::ExitCode;

use local_stack::{Build, Role, Stack, StackOptions};

use self::arguments::{Arguments, Mode};

type Error = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("demo: {error}\n\n{}", arguments::USAGE);
            return ExitCode::from(2);
        }
    };
    if arguments.mode == Mode::Help {
        println!("{}", arguments::USAGE);
        return ExitCode::SUCCESS;
    }
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run(arguments: &Arguments) -> Result<(), Error> {
    let format = arguments.format();
    let mut options = StackOptions::default().setting(Role::Copier, "MEDIA_FORMAT", format);
    if arguments.release {
        options.build = Build::Release;
    }
    options.state.clone_from(&arguments.state);
    eprintln!("demo: setting up (the first run builds the functions and installs their tools)");
    // This blocks: there is nothing else to do before the stack is ready. The stack has a runtime of its own.
    let stack = Stack::start(options)?;

    if arguments.mode == Mode::ServeJson {
        println!("{}", stack.ready());
        return until_stopped().await;
    }
    let link = tour::take(&stack, arguments).await?;
    if arguments.mode == Mode::Serve {
        narration::serving(&stack, &link)?;
        until_stopped().await?;
    }
    Ok(())
}

/// Ctrl-C, or the signal of a process manager.
async fn until_stopped() -> Result<(), Error> {
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
        _ = terminated.recv() => Ok(()),
    }
}
