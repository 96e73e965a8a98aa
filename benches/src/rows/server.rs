//! How fast the server is by itself, so that what is measured through it isn't the server.

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

/// Large enough that the client is no part of what is measured.
const BUFFER: usize = 1 << 20;

pub(crate) async fn rows(bed: &Bed) -> Result<Vec<Row>, Failure> {
    let len = bed.long();
    let mut copier = bed.copier(&bed.server.plain()).await?;
    let mut socket = TcpStream::connect(("127.0.0.1", bed.server.port())).await?;
    socket.set_nodelay(true)?;
    bed.server.keep_uploads(false);
    let [mut gets, mut puts, mut copies] = [(); 3].map(|()| Vec::new());
    for round in 0..=bed.rounds() {
        let sid = bed.new_sid(len);
        let begun = Instant::now();
        get(&mut socket, &names::media_path(&sid), len).await?;
        let got = begun.elapsed().as_secs_f64();
        let begun = Instant::now();
        put(&mut socket, len).await?;
        let stored = begun.elapsed().as_secs_f64();
        let begun = Instant::now();
        copy(&mut copier, &sid).await?;
        let copied = begun.elapsed().as_secs_f64();
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

/// A head and `len` bytes after it.
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
        return Err("the server answered something else than 200".into());
    }
    let mut left = len - (filled - head) as u64;
    while left > 0 {
        let read = socket.read(&mut buffer).await? as u64;
        if read == 0 || read > left {
            return Err("the server sent something else than it was asked for".into());
        }
        left -= read;
    }
    Ok(())
}
