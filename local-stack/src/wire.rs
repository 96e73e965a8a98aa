//! The wire between the functions and AWS: the fault proxy, with a port for each role.

mod rights;

use std::{io, sync::Arc};

use fault_proxy::FaultProxy;
use loopback::Upstream;

pub(crate) use self::rights::Rights;
use crate::{Role, lineage};

/// The fault proxy between the functions and AWS.
pub type Wire = FaultProxy<Role>;

/// One call of a function to AWS.
pub type Call = fault_proxy::Call<Role>;

/// A fault, and the calls to which it happens.
pub type Rule = fault_proxy::Rule<Role>;

/// Opens a port for one role, and returns the URL of this endpoint. The rights that its calls use are written to `rights`.
pub(crate) async fn open(
    wire: &Wire,
    role: Role,
    upstream: Upstream,
    rights: Option<Arc<Rights>>,
) -> io::Result<String> {
    wire.open_inspected(role, upstream, move |call, parts, body| {
        if is_refused_by_the_bucket(call) {
            // S3 would answer 403. No function may ever send such a request, so that it fails in any case.
            return Err(io::Error::other(
                "a receipt is written without the condition that there is none",
            ));
        }
        if let Some(rights) = &rights {
            rights.used(call, parts, &body)?;
        }
        Ok(match call.service.as_str() {
            "sqs" => lineage::kept_with_messages(&call.operation, parts, body),
            _ => body,
        })
    })
    .await
}

/// What the bucket's policy in `template.yaml` denies everyone: a receipt that could replace another one.
fn is_refused_by_the_bucket(call: &Call) -> bool {
    let creates = ["PutObject", "CopyObject", "CompleteMultipartUpload"]
        .iter()
        .any(|name| call.is("s3", name));
    creates && call.key.starts_with("receipts/") && call.if_none_match.as_deref() != Some("*")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_is_never_replaced() {
        let call = |operation: &str, key: &str, if_none_match: Option<&str>| Call {
            role: Role::Copier,
            service: "s3".to_owned(),
            operation: operation.to_owned(),
            key: key.to_owned(),
            range: None,
            if_match: None,
            if_none_match: if_none_match.map(str::to_owned),
        };
        for operation in ["PutObject", "CopyObject", "CompleteMultipartUpload"] {
            assert!(is_refused_by_the_bucket(&call(operation, "receipts/RE1.json", None)));
            assert!(!is_refused_by_the_bucket(&call(
                operation,
                "receipts/RE1.json",
                Some("*")
            )));
            assert!(!is_refused_by_the_bucket(&call(operation, "recordings/RE1", None)));
        }
        assert!(!is_refused_by_the_bucket(&call("GetObject", "receipts/RE1.json", None)));
    }
}
