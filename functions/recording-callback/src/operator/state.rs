//! Where an operation stands: an object in the bucket, `operations/{name}.json`, for the invocation that goes on with it
//! and for whoever wants to know.

use aws_sdk_s3::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
};

use super::{
    command::Continuation,
    run::{Run, Status},
};

/// The states in a bucket.
#[derive(Debug)]
pub(super) struct States {
    s3: Client,
    bucket: String,
}

/// A state as it was read or written; only whoever knows its latest version can write the next.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) run: Run,
    etag: Option<String>,
}

/// The state can't be had or kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StateError {
    #[error("another run of the operation has taken over")]
    Superseded,
    #[error("there is no such operation")]
    Unknown,
    #[error("the operation's state is not of this version")]
    Malformed,
    #[error("the operation's state: S3: {0}")]
    Unavailable(String),
}

impl States {
    pub(super) const fn new(s3: Client, bucket: String) -> Self {
        Self { s3, bucket }
    }

    /// Begins a run, in place of any before.
    pub(super) async fn begin(&self, run: Run) -> Result<Stored, StateError> {
        let mut stored = Stored { run, etag: None };
        self.save(&mut stored).await?;
        Ok(stored)
    }

    /// The run to continue.
    ///
    /// # Errors
    /// [`StateError::Superseded`] where it has been continued before, or replaced.
    pub(super) async fn resume(&self, continuation: &Continuation) -> Result<Stored, StateError> {
        let stored = self.load(&continuation.operation).await?;
        let Run { run, step, status, .. } = stored.run;
        if (run, step, status) == (continuation.run, continuation.step, Status::Running) {
            Ok(stored)
        } else {
            Err(StateError::Superseded)
        }
    }

    /// Writes the state, unless somebody else has.
    pub(super) async fn save(&self, stored: &mut Stored) -> Result<(), StateError> {
        let text = serde_json::to_string_pretty(&stored.run).map_err(|_| StateError::Malformed)?;
        let put = self
            .s3
            .put_object()
            .bucket(&self.bucket)
            .key(key(&stored.run.operation))
            .content_type("application/json")
            .body(text.into_bytes().into())
            .set_if_match(stored.etag.clone())
            .send()
            .await;
        match put {
            Ok(put) => stored.etag = put.e_tag,
            Err(error) if matches!(error.code(), Some("PreconditionFailed" | "ConditionalRequestConflict")) => {
                // It may have been this very write, whose answer was lost and which the SDK then repeated.
                let found = self.load(&stored.run.operation).await?;
                if found.run != stored.run {
                    return Err(StateError::Superseded);
                }
                *stored = found;
            }
            Err(error) => return Err(unavailable(&error)),
        }
        Ok(())
    }

    async fn load(&self, operation: &str) -> Result<Stored, StateError> {
        let object = self
            .s3
            .get_object()
            .bucket(&self.bucket)
            .key(key(operation))
            .send()
            .await;
        let object = object.map_err(|error| match error.code() {
            Some("NoSuchKey") => StateError::Unknown,
            _ => unavailable(&error),
        })?;
        let etag = object.e_tag;
        let body = object.body.collect().await;
        let body = body.map_err(|_| StateError::Unavailable("the reply broke off".to_owned()))?;
        let run = serde_json::from_slice(&body.to_vec()).map_err(|_| StateError::Malformed)?;
        Ok(Stored { run, etag })
    }
}

fn key(operation: &str) -> String {
    format!("operations/{operation}.json")
}

fn unavailable<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> StateError {
    StateError::Unavailable(error.code().unwrap_or("no answer").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        emulated::Emulated,
        operator::{command::Verify, verification::Verification, work::Work},
    };

    fn run(run: i64) -> Run {
        Run::new(Work::Verify(Verification::new(Verify::All)), run)
    }

    #[tokio::test]
    async fn a_state_comes_back_as_it_was_kept() {
        let aws = Emulated::start().await;
        let states = States::new(aws.s3(), aws.name.clone());
        let mut stored = states.begin(run(1)).await.unwrap();
        stored.run.step = 7;
        states.save(&mut stored).await.unwrap();
        let found = states.resume(&stored.run.continuation()).await.unwrap();
        assert_eq!(found.run, stored.run);
    }

    #[tokio::test]
    async fn whoever_comes_second_writes_nothing() {
        let aws = Emulated::start().await;
        let states = States::new(aws.s3(), aws.name.clone());
        let mut first = states.begin(run(1)).await.unwrap();
        let mut second = states.begin(run(2)).await.unwrap();
        assert!(matches!(states.save(&mut first).await, Err(StateError::Superseded)));
        states.save(&mut second).await.unwrap();
        assert_eq!(states.load("verify-all").await.unwrap().run, second.run);
    }

    #[tokio::test]
    async fn a_write_whose_answer_was_lost_was_a_write() {
        let aws = Emulated::start().await;
        let states = States::new(aws.s3(), aws.name.clone());
        let mut stored = states.begin(run(1)).await.unwrap();
        let before = stored.etag.clone();
        stored.run.step = 1;
        states.save(&mut stored).await.unwrap();
        // As the SDK does that has had no answer: the same again, over the version of before.
        stored.etag = before;
        states.save(&mut stored).await.unwrap();
        stored.run.step = 2;
        states.save(&mut stored).await.unwrap();
    }

    #[tokio::test]
    async fn a_state_of_another_shape_is_an_error() {
        let aws = Emulated::start().await;
        let states = States::new(aws.s3(), aws.name.clone());
        let put = aws.s3().put_object().bucket(&aws.name).key(key("verify-all"));
        put.body(b"{}".to_vec().into()).send().await.unwrap();
        assert!(matches!(states.load("verify-all").await, Err(StateError::Malformed)));
    }
}
