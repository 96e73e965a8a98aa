//! The speed of the server alone, to show that the other rows do not measure the server.

use std::time::Instant;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    Failure,
    bed::{Bed, copy},
    measure::{Goal, Row, Sample, ratios},
    names,
};

/// Large enough that the client does not affect the measurement.
const BUFFER: usize = 1 << 20;

/// The longest reply without a range is 190 MB.
const STREAM: u64 = 180_000_000;

pub(crate) async fn rows(bed: &Bed) -> Result<Vec<Row>, Failure> {
    let mut socket = TcpStream::connect(("127.0.0.1", bed.server.port())).await?;
    socket.set_nodelay(true)?;
    let mut rows = beside_copies(bed, &mut socket).await?;
    rows.push(beside_streams(bed, &mut socket).await?);
    Ok(rows)
}

async fn beside_copies(bed: &Bed, socket: &mut TcpStream) -> Result<Vec<Row>, Failure> {
    let len = bed.long();
    let mut copier = bed.copier(&bed.server.plain()).await?;
    bed.server.keep_uploads(false);
    let [mut gets, mut puts, mut copies] = [(); 3].map(|()| Vec::new());
    for round in 0..=bed.rounds() {
        let sid = bed.new_sid(len);
        let got = seconds(get(socket, &names::media_path(&sid), len)).await?;
        let stored = seconds(put(socket, len)).await?;
        let copied = seconds(copy(&mut copier, &sid)).await?;
        bed.server.forget(&names::object_key(&sid));
        if round > 0 {
            gets.push(got);
            puts.push(stored);
            copies.push(copied);
        }
    }
    bed.server.keep_uploads(true);
    let mb = len as f64 / 1e6;
    let row = |what: &str, unit, figure| Row::new("server", format!("{mb:.0} MB, {what}"), unit, figure);
    let rate = |seconds: &[f64]| Sample::new(seconds.iter().map(|s| mb / s)).figure();
    Ok(vec![
        row("GET alone, against a copy's throughput", "×", ratios(&copies, &gets)).goal(Goal::AtLeast(3.0)),
        row("PUT alone, against a copy's throughput", "×", ratios(&copies, &puts)).goal(Goal::AtLeast(3.0)),
        row("GET", "MB/s", rate(&gets)),
        row("PUT", "MB/s", rate(&puts)),
    ])
}

async fn beside_streams(bed: &Bed, socket: &mut TcpStream) -> Result<Row, Failure> {
    let sid = bed.bring_in(if bed.quick { STREAM / 10 } else { STREAM }).await?;
    let key = names::object_key(&sid);
    let stored = bed.server.object_len(&key).unwrap_or_default();
    let link = bed.link(&sid);
    let event = names::get_event(&link.path, &link.query, None);
    let mut playback = bed.playback(&bed.server.plain()).await?;
    let [mut gets, mut streams] = [(); 2].map(|()| Vec::new());
    for round in 0..=bed.rounds() {
        let got = seconds(get(socket, &format!("/{}/{key}", names::BUCKET), stored)).await?;
        let streamed = seconds(playback.stream(&event)).await?;
        if round > 0 {
            gets.push(got);
            streams.push(streamed);
        }
    }
    bed.server.forget(&key);
    let measure = format!(
        "{:.0} MB, GET alone, against a stream's throughput",
        stored as f64 / 1e6
    );
    Ok(Row::new("server", measure, "×", ratios(&streams, &gets)).goal(Goal::AtLeast(3.0)))
}

async fn seconds<T>(act: impl Future<Output = Result<T, Failure>>) -> Result<f64, Failure> {
    let begun = Instant::now();
    act.await?;
    Ok(begun.elapsed().as_secs_f64())
}

async fn get(socket: &mut TcpStream, path: &str, len: u64) -> Result<(), Failure> {
    let request = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
    socket.write_all(request.as_bytes()).await?;
    read_answer(socket, len).await
}

async fn put(socket: &mut TcpStream, len: u64) -> Result<(), Failure> {
    let request = format!(
        "PUT /{}/server HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {len}\r\n\r\n",
        names::BUCKET
    );
    socket.write_all(request.as_bytes()).await?;
    let buffer = vec![7; BUFFER];
    let mut left = len;
    while left > 0 {
        let next = left.min(BUFFER as u64);
        socket.write_all(&buffer[..next as usize]).await?;
        left -= next;
    }
    read_answer(socket, 0).await
}

/// Reads a head and the `len` bytes after it.
async fn read_answer(socket: &mut TcpStream, len: u64) -> Result<(), Failure> {
    let mut buffer = vec![0; BUFFER];
    let mut filled = 0;
    let head = loop {
        let read = socket.read(&mut buffer[filled..]).await?;
        if read == 0 {
            return Err("the server closed the connection".into());
        }
        filled += read;
        if let Some(end) = buffer[..filled].windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
    };
    if !buffer.starts_with(b"HTTP/1.1 200") {
        return Err("the server's status was not 200".into());
    }
    let mut left = len - (filled - head) as u64;
    while left > 0 {
        let read = socket.read(&mut buffer).await? as u64;
        if read == 0 || read > left {
            return Err("the server sent the wrong length".into());
        }
        left -= read;
    }
    Ok(())
}
