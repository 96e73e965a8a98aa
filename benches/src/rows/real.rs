//! The same copies with an S3 server that implements all of S3's checks: the emulator of the tests.

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use toolbox::Ministack;

use crate::{
    Failure,
    bed::Bed,
    measure::Row,
    names,
    rows::copy::{Bucket, Copies},
    server::Way,
};

pub(crate) async fn rows(bed: &Bed) -> Result<Vec<Row>, Failure> {
    let len = bed.long() / 10;
    let ministack = Ministack::start()?;
    let s3 = client(ministack.endpoint());
    s3.create_bucket().bucket(names::BUCKET).send().await?;
    let way = Way {
        settings: vec![("AWS_ENDPOINT_URL_S3".to_owned(), ministack.endpoint().to_owned())],
        ..bed.server.plain()
    };
    let copies = Copies::measure(bed, &way, &Bucket::Real(s3), len).await?;
    // The rows have no goals, because they mainly measure the server.
    let row = |what: &str, unit, figure| {
        let measure = format!("{:.1} MB to a real S3 server, {what}", len as f64 / 1e6);
        Row::new("real", measure, unit, figure)
    };
    let without_goal = |row: Row| Row { goal: None, ..row };
    Ok(copies
        .against(row)
        .into_iter()
        .map(without_goal)
        .chain(copies.seconds(row))
        .collect())
}

fn client(endpoint: &str) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("benchmarks", "benchmarks", None, None, "benchmarks"))
        .endpoint_url(endpoint)
        .force_path_style(true)
        .build();
    aws_sdk_s3::Client::from_conf(config)
}
