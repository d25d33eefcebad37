//! Function that answers with its variables and the request that reached it.

mod runtime;

use runtime::call;

fn main() {
    let mut variables: Vec<String> = std::env::vars().map(|(name, value)| format!("{name}={value}")).collect();
    variables.sort();
    while let (Some(id), event) = call("GET", "next", "") {
        let body = format!("{}\n{event}", variables.join("\n"));
        call("POST", &format!("{id}/response"), &format!(r#"{{"statusCode":200,"body":"{}"}}"#, body.escape_default()));
    }
}
