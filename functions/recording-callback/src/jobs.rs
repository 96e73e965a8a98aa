//! The jobs, one file each.

mod batch;
mod copy_recording;
mod delete_original;
mod dispatch;
mod error;
mod link_task;
mod links_queue;
mod received;
mod retry;

pub(crate) use self::{
    batch::process_batch,
    copy_recording::{Copier, Formats, MediaKeys},
    delete_original::OriginalDeleter,
    dispatch::Jobs,
    error::JobError,
    link_task::{LinkKind, Linker, Links},
    links_queue::LinksQueue,
    retry::Try,
};
