//! The state of every message that a function was invoked with.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_sqs::types::Message;

use crate::Role;

/// A message that a function was invoked with, once or several times.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery {
    /// The function.
    pub role: Role,
    /// The message's id, which is the same for each delivery.
    pub message_id: String,
    /// The message's text.
    pub body: String,
    /// The number of deliveries.
    pub times: u32,
    /// Its state.
    pub state: DeliveryState,
    pub(crate) receipt_handle: String,
}

/// The state of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// The function is processing it.
    Running,
    /// It was processed and deleted.
    Done,
    /// It failed. It waits in its queue for the end of its visibility timeout, or has since moved to the dead letters.
    Kept,
    /// Its chain was stopped before the function was invoked. It is in the dead letters.
    Stopped,
}

/// All deliveries of a stack, in the order of the first delivery of each message.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger(Arc<Mutex<Vec<Delivery>>>);

impl Ledger {
    /// Records the start of a delivery. Returns the message's id.
    pub(crate) fn begin(&self, role: Role, message: &Message) -> String {
        let message_id = message.message_id().unwrap_or_default().to_owned();
        let receipt_handle = message.receipt_handle().unwrap_or_default().to_owned();
        let mut deliveries = self.deliveries();
        match deliveries.iter_mut().find(|delivery| delivery.message_id == message_id) {
            Some(delivery) => {
                delivery.times += 1;
                delivery.state = DeliveryState::Running;
                delivery.receipt_handle = receipt_handle;
            }
            None => deliveries.push(Delivery {
                role,
                message_id: message_id.clone(),
                body: message.body().unwrap_or_default().to_owned(),
                times: 1,
                state: DeliveryState::Running,
                receipt_handle,
            }),
        }
        message_id
    }

    pub(crate) fn end(&self, message_id: &str, done: bool) {
        let mut deliveries = self.deliveries();
        if let Some(delivery) = deliveries.iter_mut().find(|delivery| delivery.message_id == message_id) {
            delivery.state = if done { DeliveryState::Done } else { DeliveryState::Kept };
        }
    }

    /// Records a message that did not reach its function.
    pub(crate) fn stopped(&self, role: Role, message: &Message) {
        let mut deliveries = self.deliveries();
        deliveries.push(Delivery {
            role,
            message_id: message.message_id().unwrap_or_default().to_owned(),
            body: message.body().unwrap_or_default().to_owned(),
            times: 0,
            state: DeliveryState::Stopped,
            receipt_handle: message.receipt_handle().unwrap_or_default().to_owned(),
        });
    }

    pub(crate) fn about(&self, text: &str) -> Vec<Delivery> {
        let deliveries = self.deliveries();
        deliveries
            .iter()
            .filter(|delivery| delivery.body.contains(text))
            .cloned()
            .collect()
    }

    fn deliveries(&self) -> MutexGuard<'_, Vec<Delivery>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: &str, receipt: &str) -> Message {
        Message::builder()
            .message_id(id)
            .receipt_handle(receipt)
            .body(format!("about {id}"))
            .build()
    }

    #[test]
    fn a_message_is_one_delivery_however_often_it_comes() {
        let ledger = Ledger::default();
        ledger.begin(Role::Linker, &message("1", "a"));
        ledger.begin(Role::Copier, &message("2", "b"));
        ledger.end("1", false);
        assert_eq!(ledger.about("about 1")[0].state, DeliveryState::Kept);
        ledger.begin(Role::Linker, &message("1", "c"));
        ledger.end("1", true);

        let first = Delivery {
            role: Role::Linker,
            message_id: "1".to_owned(),
            body: "about 1".to_owned(),
            times: 2,
            state: DeliveryState::Done,
            receipt_handle: "c".to_owned(),
        };
        assert_eq!(ledger.about("about 1"), [first]);
        assert_eq!(ledger.about("about 2")[0].state, DeliveryState::Running);
        assert_eq!(ledger.about("about").len(), 2);
    }
}
