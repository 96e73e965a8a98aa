//! Memory that a copy takes over idle, for short and long recordings: `cargo bench -p vault --bench memory`.
//!
//! Every copy runs in a process of its own, which this program starts and samples from outside by
//! `/proc/{pid}/status` (`VmRSS` before the copy, `VmHWM`, the highest ever, after it). S3 and KMS are a sink on
//! loopback in this program, so its memory isn't counted, and no emulator slows the copy down; the source is synthetic.
//! What is measured is the writer with the SDK's own connections and buffers; TLS is not in it.

use std::{
    convert::Infallible,
    error::Error,
    fs,
    future::{Future, ready},
    io::{BufRead, BufReader, Write},
    pin::Pin,
    process::{Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region, StalledStreamProtectionConfig};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use vault::{AccountId, Attributes, ContentType, KeyArn, Outcome, RecordingId, Source, SourceError, SourceReply};
use vault::{Writer, WriterConfig};

type AnyError = Box<dyn Error + Send + Sync>;

const KEY: &str = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000";

/// Five megabytes are one request; 200 MB are a recording of two hours; 4 GB is far beyond any.
const LENGTHS: [(&str, u64); 3] = [("5 MB", 5_000_000), ("200 MB", 200_000_000), ("4 GB", 4_000_000_000)];

/// What issue and design allow over idle.
const LIMIT_KIB: u64 = 64 * 1024;

/// Four uploads of 8 MiB in this time are 320 MiB/s, less than the source gives: all the buffers that there may be are
/// full, which is the worst that can be measured. The rate in the last column is therefore the sink's.
const UPLOAD_TIME: Duration = Duration::from_millis(100);

fn main() -> Result<ExitCode, AnyError> {
    let runtime = tokio::runtime::Runtime::new()?;
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, copy, endpoint, len] = &arguments[..]
        && copy == "copy"
    {
        runtime.block_on(copy_one(endpoint, len.parse()?))?;
        return Ok(ExitCode::SUCCESS);
    }

    let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    runtime.spawn(serve(listener));
    println!(
        "{:>8} {:>12} {:>12} {:>14} {:>10}",
        "length", "idle KiB", "peak KiB", "over idle KiB", "MiB/s"
    );
    let mut within = true;
    for (name, len) in LENGTHS {
        let (idle, peak, took) = measure(&endpoint, len)?;
        let over = peak - idle;
        let rate = len as f64 / f64::from(1 << 20) / took.as_secs_f64();
        println!("{name:>8} {idle:>12} {peak:>12} {over:>14} {rate:>10.0}");
        within &= over <= LIMIT_KIB;
    }
    Ok(if within { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Memory before a copy, its peak, and how long it took.
fn measure(endpoint: &str, len: u64) -> Result<(u64, u64, Duration), AnyError> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["copy", endpoint, &len.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut orders = child.stdin.take().ok_or("no stdin")?;
    let mut lines = BufReader::new(child.stdout.take().ok_or("no stdout")?).lines();
    let mut expect = |what: &str| match lines.next() {
        Some(Ok(line)) if line == what => Ok(()),
        other => Err(format!("{other:?} instead of {what}")),
    };
    expect("idle")?;
    let idle = status(child.id(), "VmRSS:")?;
    let begun = Instant::now();
    writeln!(orders, "copy")?;
    expect("stored")?;
    let took = begun.elapsed();
    let peak = status(child.id(), "VmHWM:")?;
    writeln!(orders, "end")?;
    child.wait()?;
    Ok((idle, peak, took))
}

/// A field of `/proc/{pid}/status`, in KiB.
fn status(pid: u32, field: &str) -> Result<u64, AnyError> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(field))
        .ok_or("no such field")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// The child: says when it's idle, copies when told to, and stays until it has been looked at.
async fn copy_one(endpoint: &str, len: u64) -> Result<(), AnyError> {
    let config = WriterConfig {
        bucket: "bench".into(),
        account: AccountId::parse(&format!("AC{:032x}", 0))?,
        kms_key: KeyArn::parse(KEY)?,
    };
    let (s3, kms) = clients(endpoint);
    // Connections, the resolver and the SDK's caches belong to an idle process that has worked before.
    s3.head_object().bucket("bench").key("warm").send().await.err();
    kms.list_keys().send().await.err();
    let writer = Writer::new(s3, kms, config);

    let mut orders = std::io::stdin().lines();
    println!("idle");
    orders.next().transpose()?;
    let recording = RecordingId::parse(&format!("RE{:032x}", 0))?;
    let deadline = Instant::now() + Duration::from_secs(3600);
    let attributes = Attributes::new();
    let outcome = writer
        .store(&recording, ContentType::Wav, &attributes, &Synthetic(len), deadline)
        .await?;
    if !matches!(outcome, Outcome::Stored(_)) {
        return Err("not stored".into());
    }
    println!("stored");
    orders.next().transpose()?;
    Ok(())
}

/// So many bytes, in the chunks that a TLS connection gives.
struct Synthetic(u64);

const CHUNK: u64 = 16 * 1024;

impl Source for Synthetic {
    fn open<'a>(
        &'a self,
        from: u64,
        _: Option<&'a str>,
    ) -> Pin<Box<dyn Future<Output = Result<SourceReply, SourceError>> + Send + 'a>> {
        let len = self.0 - from;
        let chunks = (0..len.div_ceil(CHUNK)).map(move |i| CHUNK.min(len - i * CHUNK) as usize);
        // Made anew each time, as a connection does.
        let body = stream::iter(chunks.map(|len| Ok(Bytes::from(vec![7; len]))));
        Box::pin(ready(Ok(SourceReply {
            start: from,
            total_len: Some(self.0),
            validator: None,
            body: body.boxed(),
        })))
    }
}

fn clients(endpoint: &str) -> (aws_sdk_s3::Client, aws_sdk_kms::Client) {
    let credentials = Credentials::new("bench", "bench", None, None, "bench");
    let region = Region::from_static("us-east-1");
    let s3 = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(region.clone())
        .credentials_provider(credentials.clone())
        .endpoint_url(endpoint)
        .force_path_style(true)
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .build();
    let kms = aws_sdk_kms::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(region)
        .credentials_provider(credentials)
        .endpoint_url(endpoint)
        .build();
    (aws_sdk_s3::Client::from_conf(s3), aws_sdk_kms::Client::from_conf(kms))
}

/// S3 and KMS as far as a copy needs them: takes everything, keeps nothing.
async fn serve(listener: TcpListener) {
    while let Ok((connection, _)) = listener.accept().await {
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(connection), service_fn(sink)));
    }
}

async fn sink(mut request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    while let Some(Ok(_)) = request.frame().await {}
    if *request.method() == Method::PUT {
        tokio::time::sleep(UPLOAD_TIME).await;
    }
    let reply = Response::builder();
    let query = request.uri().query().unwrap_or_default();
    let (reply, body) = match *request.method() {
        Method::HEAD => (reply.status(404), String::new()),
        Method::PUT => (reply.header("etag", "\"0\""), String::new()),
        Method::POST if request.headers().contains_key("x-amz-target") => (reply, data_key()),
        Method::POST if query.starts_with("uploads") => {
            (reply, xml("InitiateMultipartUpload", "<UploadId>1</UploadId>"))
        }
        Method::POST => (reply, xml("CompleteMultipartUpload", "<ETag>0</ETag>")),
        _ => (reply, xml("ListMultipartUploads", "")),
    };
    Ok(reply.body(Full::from(body)).unwrap_or_default())
}

fn xml(operation: &str, content: &str) -> String {
    format!("<{operation}Result>{content}</{operation}Result>")
}

/// 32 zero bytes are a data key like any other.
fn data_key() -> String {
    let zeros = format!("{}=", "A".repeat(43));
    format!(r#"{{"KeyId":"{KEY}","Plaintext":"{zeros}","CiphertextBlob":"{zeros}"}}"#)
}
