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
