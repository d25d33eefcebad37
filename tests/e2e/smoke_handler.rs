//! Function behind an API that fails by its first lines. It counts its invocations in a file.

use std::{
    fs::OpenOptions,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
};

/// Status and body of the answers.
const STATUS: u16 = 200;
const SAYS: &str = "ok";
/// Parameter without which it panics; none if it is empty.
const NEEDS: &str = "";
const CALLS: &str = "CALLS_FILE";

/// Calls the runtime interface; returns the id of the invocation, if the answer contains one, and the body.
fn call(method: &str, path: &str, body: &str) -> (Option<String>, String) {
    let host = std::env::var("AWS_LAMBDA_RUNTIME_API").unwrap();
    let mut stream = TcpStream::connect(&host).unwrap();
    let (path, length) = (format!("/2018-06-01/runtime/invocation/{path}"), body.len());
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}").unwrap();
    let (mut answer, mut id, mut length) = (BufReader::new(stream), None, 0);
    loop {
        let mut line = String::new();
        answer.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim().split_once(':') else {
            if line.trim().is_empty() {
                break;
            }
            continue;
        };
        match name.to_lowercase().as_str() {
            "lambda-runtime-aws-request-id" => id = Some(value.trim().to_owned()),
            "content-length" => length = value.trim().parse().unwrap(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    answer.read_exact(&mut body).unwrap();
    (id, String::from_utf8(body).unwrap())
}

fn main() {
    while let (Some(id), event) = call("GET", "next", "") {
        OpenOptions::new().append(true).create(true).open(CALLS).unwrap().write_all(b".").unwrap();
        let event: String = event.split_whitespace().collect();
        assert!(NEEDS.is_empty() || event.contains(&format!("\"{NEEDS}\":\"")), "a parameter is missing");
        let answer = format!("{{\"statusCode\":{STATUS},\"body\":\"{SAYS}\"}}");
        call("POST", &format!("{id}/response"), &answer);
    }
}
