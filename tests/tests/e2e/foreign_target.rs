//! loadlab loads any HTTP service, not only its own.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
};

use crate::lab::Lab;

/// An answer to `POST /search` that a 100-concurrent user accepts: a stream that ends with `done`.
const STREAM: &str = "event: token\ndata: {\"text\": \"hello\"}\n\nevent: done\ndata: {\"sources\": []}\n\n";
/// An answer to `POST /auth/token`.
const TOKEN: &str = "{\"token\": \"t\"}";

/// A service that somebody else wrote: one thread per connection, keep-alive, two routes.
pub(crate) fn foreign_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || serve(&stream));
        }
    });
    address
}

fn serve(stream: &TcpStream) {
    let mut reader = BufReader::new(stream);
    while let Some((path, length)) = read_head(&mut reader) {
        let mut body = vec![0; length];
        if std::io::Read::read_exact(&mut reader, &mut body).is_err() {
            return;
        }
        let (status, kind, answer) = match path.as_str() {
            "/search" => ("200 OK", "text/event-stream", STREAM),
            "/auth/token" => ("200 OK", "application/json", TOKEN),
            _ => ("404 Not Found", "text/plain", ""),
        };
        let head =
            format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n", answer.len());
        let mut writer = stream;
        if writer.write_all(format!("{head}{answer}").as_bytes()).is_err() {
            return;
        }
    }
}

/// Path and body length of the next request; `None` at the end of the connection.
fn read_head(reader: &mut BufReader<&TcpStream>) -> Option<(String, usize)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok().filter(|read| *read > 0)?;
        if header.trim().is_empty() {
            return Some((path, length));
        }
        if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
}

#[test]
fn a_shipped_scenario_loads_somebody_elses_service() {
    let (lab, server) = (Lab::new(), foreign_server());
    let target = format!("http://{server}");
    let ended = lab.run(&["100-concurrent", "--target", &target]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let run = lab.run_json();
    assert_eq!(run["verdict"], "pass");
    assert_eq!(run["totals"]["scheduled"], 100);
    assert_eq!(run["totals"]["completed"], 100);
    assert_eq!(run["profile"], serde_json::Value::Null);
    assert_eq!(run["steps"]["search"]["total"]["events"], 200);
}

#[test]
fn what_is_offered_arrives_in_open_load() {
    let (lab, server) = (Lab::new(), foreign_server());
    let scenario = lab.file(
        "steady.yaml",
        "title: steady\nquestion: does it hold?\ntarget: http://127.0.0.1:1\n\
         load: { arrivals: { rate: 200/s, for: 2s, process: uniform } }\n\
         journeys: [{ name: j, steps: [{ name: search, post: /search, json: {}, stream: true }] }]\n\
         objectives: [success >= 99%]\n",
    );
    let ended = lab.run(&[&scenario.display().to_string(), "--target", &format!("http://{server}")]);
    // On a machine that compiles meanwhile the generator may be late and say so with 6; what it offered
    // must arrive all the same.
    assert!(matches!(ended.code, Some(0 | 6)), "{}{}", ended.stdout, ended.stderr);
    assert_eq!(lab.run_json()["totals"]["scheduled"], 400);
    assert_eq!(lab.run_json()["totals"]["completed"], 400);
}

#[test]
fn a_service_that_is_not_there_is_said_and_not_loaded() {
    let lab = Lab::new();
    let free =
        TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
    let ended = lab.run(&["100-concurrent", "--target", &format!("http://{free}")]);
    assert_eq!(ended.code, Some(7), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains(&free.to_string()), "it names the address: {}", ended.stderr);
}
