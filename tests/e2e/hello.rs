//! Smallest function behind an API: it implements Lambda's runtime interface by hand.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
};

/// Calls the runtime interface; returns the id of the invocation, if the answer contains one.
fn call(method: &str, path: &str, body: &str) -> Option<String> {
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
    answer.read_exact(&mut vec![0; length]).unwrap();
    id
}

fn main() {
    while let Some(id) = call("GET", "next", "") {
        println!("handled {id}");
        call("POST", &format!("{id}/response"), r#"{"statusCode":200,"body":"hello"}"#);
    }
}
