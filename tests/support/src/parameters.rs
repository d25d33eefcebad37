//! Parameters of Systems Manager, written as a user does with `aws ssm put-parameter`.

use crate::SECRET;
use std::{
    io::{Read, Write},
    net::TcpStream,
    time::SystemTime,
};
use strict_aws::{Request, Signer};

/// Writes a `SecureString` to the tests' local AWS in us-east-1, replacing an existing value.
///
/// # Panics
/// If the request is refused.
pub fn put(name: &str, value: &str) {
    put_at(&crate::endpoint(), SECRET, name, value);
}

/// Writes a `SecureString` in us-east-1, replacing an existing value.
///
/// # Panics
/// If the request is refused.
pub fn put_at(endpoint: &str, secret: &str, name: &str, value: &str) {
    let host = endpoint.trim_start_matches("http://").trim_end_matches('/');
    // No value of a test contains a quote.
    let body = format!(r#"{{"Name":"{name}","Value":"{value}","Type":"SecureString","Overwrite":true}}"#).into_bytes();
    let headers = [("Host", host), ("Content-Type", "application/x-amz-json-1.1"), ("X-Amz-Target", "AmazonSSM.PutParameter")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let request = Request { method: "POST".to_owned(), target: "/".to_owned(), headers, body };
    let signer = Signer { key: "test", secret, region: "us-east-1", service: "ssm", time: SystemTime::now() };
    let request = signer.sign(request);
    let mut text = format!("POST / HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n", request.body.len());
    for (name, value) in &request.headers {
        text.extend([name, ": ", value, "\r\n"]);
    }
    let mut stream = TcpStream::connect(host).expect("the local AWS listens");
    let mut answer = String::new();
    let sent = stream.write_all(&[text.as_bytes(), b"\r\n", &request.body].concat()).and_then(|()| stream.read_to_string(&mut answer));
    assert!(sent.is_ok() && answer.starts_with("HTTP/1.1 200"), "{name} is not taken: {sent:?} {answer}");
}
