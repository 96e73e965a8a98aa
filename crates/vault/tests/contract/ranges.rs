//! Ranged reads: exactly the requested bytes, and their position in the object.

use std::sync::{
    Arc,
    atomic::{AtomicU16, Ordering},
};

use aws_sdk_s3::{
    config::{ConfigBag, Intercept, RuntimeComponents, interceptors::BeforeDeserializationInterceptorContextRef},
    error::BoxError,
};

use crate::{
    expectation::{Expectation, Observed, expectations, said},
    server::Server,
};

pub(crate) const EXPECTATIONS: &[Expectation] = expectations![
    range,
    range_that_ends_past_the_end,
    suffix_range,
    suffix_longer_than_the_object,
    range_past_the_end,
    range_of_an_empty_object,
];

const TEN: &[u8] = b"0123456789";

/// "Downloads the specified byte range of an object": 206 with the bytes and their `Content-Range`.
///
/// Amazon S3 API Reference, "GetObject", which refers to RFC 9110, section 14.2.
async fn range(server: &Server) -> Observed {
    Observed::new("206 bytes 2-5/10: 2345", read(server, TEN, "bytes=2-5").await)
}

/// A last byte past the end means the end (RFC 9110, section 14.1.2).
///
/// Amazon S3 API Reference, "GetObject".
async fn range_that_ends_past_the_end(server: &Server) -> Observed {
    Observed::new("206 bytes 8-9/10: 89", read(server, TEN, "bytes=8-4000").await)
}

/// The last bytes, counted from the end (RFC 9110, section 14.1.2).
///
/// Amazon S3 API Reference, "GetObject".
async fn suffix_range(server: &Server) -> Observed {
    Observed::new("206 bytes 7-9/10: 789", read(server, TEN, "bytes=-3").await)
}

/// "If the selected representation is shorter than the specified suffix-length, the entire representation is used" (RFC
/// 9110, section 14.1.2).
///
/// Amazon S3 API Reference, "GetObject".
async fn suffix_longer_than_the_object(server: &Server) -> Observed {
    let seen = read(server, TEN, "bytes=-4000").await;
    Observed::new("206 bytes 0-9/10: 0123456789", seen)
}

/// `InvalidRange`: "The requested range is not valid for the request. Try another range", with 416.
///
/// Amazon S3 API Reference, "Error responses"; GetObject.
async fn range_past_the_end(server: &Server) -> Observed {
    Observed::new("416 InvalidRange", read(server, TEN, "bytes=10-20").await)
}

/// An empty object has no first byte.
///
/// Amazon S3 API Reference, "Error responses"; GetObject.
async fn range_of_an_empty_object(server: &Server) -> Observed {
    Observed::new("416 InvalidRange", read(server, b"", "bytes=0-20").await)
}

/// The status, Content-Range and body of the reply, or the error.
async fn read(server: &Server, object: &[u8], range: &str) -> String {
    let key = server.free_key();
    server.store(&key, object).await;
    let status = Status::default();
    let request = server.get(&key).range(range).customize().interceptor(status.clone());
    let reply = request.send().await;
    let Ok(reply) = reply else {
        return said(&reply);
    };
    let content_range = reply.content_range.unwrap_or_else(|| "no range".to_owned());
    let body = reply.body.collect().await.unwrap().to_vec();
    let status = status.0.load(Ordering::Relaxed);
    format!("{status} {content_range}: {}", String::from_utf8_lossy(&body))
}

/// Keeps the status of a reply, which the SDK does not expose after a success.
#[derive(Clone, Debug, Default)]
struct Status(Arc<AtomicU16>);

impl Intercept for Status {
    fn name(&self) -> &'static str {
        "status"
    }

    fn read_after_transmit(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.store(context.response().status().as_u16(), Ordering::Relaxed);
        Ok(())
    }
}
