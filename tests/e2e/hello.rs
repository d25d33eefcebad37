//! Smallest function behind an API.

mod runtime;

use runtime::call;

fn main() {
    while let (Some(id), _) = call("GET", "next", "") {
        println!("handled {id}");
        call("POST", &format!("{id}/response"), r#"{"statusCode":200,"body":"hello"}"#);
    }
}
