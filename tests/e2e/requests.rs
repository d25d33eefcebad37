//! Continuous requests while the stack is changed.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{JoinHandle, spawn},
};

/// Clients that call the API repeatedly, and record answers other than 200.
pub(crate) struct Requests {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    failures: Arc<Mutex<Vec<String>>>,
    clients: Vec<JoinHandle<()>>,
}

impl Requests {
    /// Starts a client for each path.
    pub(crate) fn start(api_url: &str, paths: &[&str]) -> Self {
        let mut requests = Self { stop: Arc::default(), answered: Arc::default(), failures: Arc::default(), clients: Vec::new() };
        for path in paths {
            let (stop, answered, failures) = (requests.stop.clone(), requests.answered.clone(), requests.failures.clone());
            let url = format!("{api_url}{path}");
            requests.clients.push(spawn(move || {
                let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
                while !stop.load(Ordering::Relaxed) {
                    match agent.get(&url).call() {
                        Ok(answer) if answer.status() == 200 => {}
                        Ok(answer) => failures.lock().unwrap().push(format!("{url}: {}", answer.status())),
                        Err(error) => failures.lock().unwrap().push(format!("{url}: {error}")),
                    }
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            }));
        }
        requests
    }

    /// Returns the number of answers so far.
    pub(crate) fn count(&self) -> usize {
        self.answered.load(Ordering::Relaxed)
    }

    /// Stops the clients; returns the failures in order.
    pub(crate) fn stop(self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.join().unwrap();
        }
        self.failures.lock().unwrap().clone()
    }
}
