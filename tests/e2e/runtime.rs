//! Lambda's runtime interface by hand, for functions of the tests that have no dependencies: each is written beside this file.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
};

/// Calls the runtime interface; returns the id of the invocation, if the answer has one, and the answer's body.
pub(crate) fn call(method: &str, path: &str, body: &str) -> (Option<String>, String) {
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
