//! Copies with TLS to Twilio, S3 and KMS, as in production.

use crate::{
    Failure,
    bed::Bed,
    measure::Row,
    rows::copy::{Bucket, Copies},
};

pub(crate) async fn rows(bed: &Bed) -> Result<Vec<Row>, Failure> {
    let way = bed.server.tls();
    let len = bed.long();
    let copies = Copies::measure(bed, &way, &Bucket::InMemory(&bed.server), len).await?;
    let copy =
        |what: &str, unit, figure| Row::new("tls", format!("copy of {} MB, {what}", len / 1_000_000), unit, figure);
    let mut rows = copies.against(copy);
    rows.extend(copies.seconds(copy));
    Ok(rows)
}
