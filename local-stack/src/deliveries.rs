//! The messages that the functions were invoked with, for tests.

use crate::{Delivery, Role, Stack};

impl Stack {
    /// The delivered messages whose text contains `text`.
    #[must_use]
    pub fn deliveries(&self, text: &str) -> Vec<Delivery> {
        self.ledger().about(text)
    }

    /// Ends the wait of a message that failed: it is delivered again at once, or goes to the dead letters.
    pub async fn bring_back(&self, delivery: &Delivery) {
        let queue = match delivery.role {
            Role::Linker => &self.resources().links,
            Role::LateLinker => &self.resources().late_links,
            _ => &self.resources().copies,
        };
        let change = self.sqs().change_message_visibility().queue_url(&queue.url);
        let change = change.receipt_handle(&delivery.receipt_handle).visibility_timeout(0);
        // An error means that the message has already come back.
        let _ = change.send().await;
    }
}
