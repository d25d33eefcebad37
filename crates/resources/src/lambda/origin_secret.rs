//! The secret that a distribution sends to the API, generated here and kept in AWS alone.
//!
//! It is in two places: in the distribution's header and in a variable of each function that serves the API. No file has it, so the declaration of
//! both depends on the observed state: a run keeps the secret that it finds and generates one where there is none. Fields of a declaration are
//! computed when they are compared, which is after everything was observed.
//!
//! No request may be refused during a change, and CloudFront takes minutes to send another secret everywhere. So the variable holds every secret
//! that may still be sent, the new one first. Each state leads to the next, even if a run was killed in between:
//!
//! | distribution sends | functions take | next |
//! |---|---|---|
//! | `old` | `old` | with `--rotate-origin-secret`: functions take `new,old` |
//! | `old` | `new,old`, and serve so | the distribution sends `new` |
//! | `new`, not deployed | `new,old` | nothing |
//! | `new`, deployed | `new,old` | functions take `new` |
//!
//! A stack that served without a secret gets there in the same way, with [`ANY`] in place of `old`.

use super::release::{Parts, keyed};
use shared::edge::{ANY, is_secret};
use std::{
    cell::{Cell, OnceCell, RefCell},
    collections::BTreeMap,
    fmt,
    rc::Rc,
};

/// Secret of one stack, with the state that a run has observed of it. Clones are the same secret.
#[derive(Clone, Default)]
pub struct OriginSecret(Rc<State>);

#[derive(Default)]
struct State {
    /// Set if another secret is to replace the current one.
    rotates: Cell<bool>,
    /// Secret that this run generates, if it needs one.
    fresh: OnceCell<String>,
    /// Functions that take it, by physical name.
    takers: RefCell<BTreeMap<String, Taker>>,
    distribution: RefCell<Option<Sender>>,
}

/// A function that takes the secret.
#[derive(Default)]
struct Taker {
    /// Secrets that `$LATEST` takes; `None` while the function does not exist.
    takes: Option<Vec<String>>,
    /// Digest of the release that the alias serves.
    serves: Option<String>,
    /// Other inputs of that digest; `None` where the code is not known.
    released: Option<Parts>,
}

/// Observed state of the distribution.
#[derive(Clone, Default)]
struct Sender {
    /// The secret that it sends; `None` if it sends none.
    sends: Option<String>,
    /// Set if that secret is sent everywhere.
    is_deployed: bool,
}

/// Desired values, derived from the observed state.
struct Decision {
    sends: String,
    takes: Vec<String>,
}

impl OriginSecret {
    /// Has a new secret replace the current one.
    pub fn rotate(&self) {
        self.0.rotates.set(true);
    }

    /// Returns the secret that the distribution is to send.
    pub fn to_send(&self) -> String {
        self.decide().sends
    }

    /// Returns the secrets that functions are to take, with commas between them.
    pub fn to_take(&self) -> String {
        self.decide().takes.join(",")
    }

    /// Returns whether the distribution is to send another secret as the next step of a change, and not because of a change by hand.
    pub fn sends_next(&self) -> bool {
        let decision = self.decide();
        self.sent().is_some_and(|sent| decision.takes.contains(&sent))
    }

    /// Returns whether a function is to take other secrets as the next step of a change, and not because of a change by hand.
    pub fn takes_next(&self, function: &str) -> bool {
        let decision = self.decide();
        let takers = self.0.takers.borrow();
        let takes = takers.get(function).and_then(|taker| taker.takes.as_ref());
        takes.is_some_and(|takes| takes.iter().any(|secret| decision.takes.contains(secret)))
    }

    /// Returns whether functions take more secrets than the one that is sent in the end: a later run ends that, after CloudFront sends it
    /// everywhere.
    pub fn is_changing(&self) -> bool {
        self.decide().takes.len() > 1
    }

    /// Notes the secrets that a function of this name takes; `None` if it does not exist.
    pub fn note_function(&self, function: &str, takes: Option<&str>) {
        let takes = takes.map(|takes| takes.split(',').map(str::trim).filter(|secret| *secret == ANY || is_secret(secret)));
        self.taker(function, |taker| taker.takes = takes.map(|takes| takes.map(str::to_owned).collect()));
    }

    /// Notes the digest of the release that a function's alias serves.
    pub fn note_alias(&self, function: &str, serves: &str) {
        self.taker(function, |taker| taker.serves = Some(serves.to_owned()));
    }

    /// Declares that a function takes the secret, with the other inputs of its alias's digest.
    pub fn add_taker(&self, function: &str, released: Option<Parts>) {
        self.taker(function, |taker| taker.released = released);
    }

    /// Notes the secret that the distribution sends, and whether CloudFront reports it as sent everywhere; a `None` there keeps the last known
    /// state. The outer `None`: there is no distribution.
    pub fn note_distribution(&self, sends: Option<(&str, Option<bool>)>) {
        let before = self.0.distribution.borrow().clone().unwrap_or_default();
        let noted = sends.map(|(sends, is_deployed)| {
            let sends = Some(sends).filter(|secret| is_secret(secret)).map(str::to_owned);
            let is_deployed = is_deployed.unwrap_or(before.is_deployed && before.sends == sends);
            Sender { sends, is_deployed }
        });
        self.0.distribution.replace(noted);
    }

    fn taker(&self, function: &str, change: impl FnOnce(&mut Taker)) {
        change(self.0.takers.borrow_mut().entry(function.to_owned()).or_default());
    }

    fn fresh(&self) -> String {
        self.0.fresh.get_or_init(random).clone()
    }

    fn sent(&self) -> Option<String> {
        self.0.distribution.borrow().as_ref()?.sends.clone()
    }

    fn decide(&self) -> Decision {
        let takers = self.0.takers.borrow();
        let observed: Vec<&Vec<String>> = takers.values().filter_map(|taker| taker.takes.as_ref()).collect();
        let lists: Vec<&Vec<String>> = observed.iter().copied().filter(|list| list.iter().any(|secret| secret != ANY)).collect();
        // A header that no function knows was set by hand.
        let sent = self.sent().filter(|sent| lists.is_empty() || lists.iter().any(|list| list.contains(sent)));
        let head = |list: &&Vec<String>| list.first().filter(|secret| *secret != ANY).cloned();
        let target = match &sent {
            _ if self.0.rotates.get() => self.fresh(),
            // A rotation that was begun is finished. A variable that lacks the sent secret was set by hand.
            Some(sent) => lists.iter().filter(|list| list.contains(sent)).find_map(head).unwrap_or_else(|| sent.clone()),
            None => lists.iter().find_map(head).unwrap_or_else(|| self.fresh()),
        };
        let mut takes = vec![target.clone()];
        let distribution = self.0.distribution.borrow();
        if let Some(distribution) = distribution.as_ref()
            && !(distribution.is_deployed && distribution.sends.as_ref() == Some(&target))
        {
            let known = lists.iter().filter(|list| list.contains(&target) || sent.as_ref().is_some_and(|sent| list.contains(sent)));
            let serves_without = !observed.is_empty() && lists.is_empty();
            let any = serves_without.then(|| ANY.to_owned());
            for secret in sent.iter().chain(known.flat_map(|list| list.iter())).chain(&any) {
                if !takes.contains(secret) {
                    takes.push(secret.clone());
                }
            }
        }
        let is_known = || {
            let all = takes.join(",");
            takers.values().all(|taker| {
                let serves = taker.released.as_ref().map(|released| keyed(&all, released));
                taker.takes.as_ref() == Some(&takes) && serves.is_some() && serves == taker.serves
            })
        };
        let sends = match sent {
            Some(sent) if sent != target && !is_known() => sent,
            _ => target,
        };
        Decision { sends, takes }
    }
}

impl fmt::Debug for OriginSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("OriginSecret")
    }
}

/// Returns 32 unpredictable bytes, in hexadecimal digits.
///
/// # Panics
/// If the system has no random numbers.
pub(super) fn random() -> String {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the system has random numbers");
    engine::hex::hex(&bytes)
}

#[cfg(test)]
mod tests {
    use super::{OriginSecret, keyed};

    const OLD: &str = "0123456789abcdef0123456789abcdef";
    const NEW: &str = "fedcba9876543210fedcba9876543210";
    const BOTH: &str = "fedcba9876543210fedcba9876543210,0123456789abcdef0123456789abcdef";

    /// Returns the secret after a run has observed this state. Functions: the secrets that each takes, and whether its alias serves that.
    /// Distribution: the secret that it sends, and whether it does so everywhere.
    fn seen(functions: [Option<(&str, bool)>; 2], distribution: Option<(&str, bool)>) -> OriginSecret {
        let secret = OriginSecret::default();
        for (name, observed) in ["a", "b"].into_iter().zip(functions) {
            let released = [("code", name.to_owned())].into();
            secret.note_function(name, observed.map(|(takes, _)| takes));
            let serves = observed.filter(|(_, serves)| *serves).map(|(takes, _)| keyed(takes, &released));
            secret.note_alias(name, &serves.unwrap_or_default());
            secret.add_taker(name, Some(released));
        }
        secret.note_distribution(distribution.map(|(sends, is_deployed)| (sends, Some(is_deployed))));
        secret
    }

    /// Returns the secret to send, and those to take.
    fn follows(functions: [Option<(&str, bool)>; 2], distribution: Option<(&str, bool)>) -> (String, String) {
        let secret = seen(functions, distribution);
        (secret.to_send(), secret.to_take())
    }

    fn both(takes: &str) -> [Option<(&str, bool)>; 2] {
        [Some((takes, true)); 2]
    }

    fn is(sends: &str, takes: &str) -> (String, String) {
        (sends.to_owned(), takes.to_owned())
    }

    #[test]
    fn a_new_stack_gets_one_that_nobody_can_guess() {
        let (sends, takes) = follows([None; 2], None);
        assert_eq!((sends.len(), &sends), (64, &takes));
        assert_ne!(follows([None; 2], None).0, sends);
    }

    #[test]
    fn the_one_that_is_observed_is_kept_wherever_it_is_found() {
        for functions in [both(OLD), [Some((OLD, true)), None], [None; 2], [Some((OLD, false)), Some(("", true))]] {
            assert_eq!(follows(functions, Some((OLD, true))), is(OLD, OLD));
        }
        // A first run that was killed: only functions have it, or only the distribution.
        assert_eq!(follows([None, Some((OLD, false))], None), is(OLD, OLD));
        assert_eq!(follows([None; 2], Some((OLD, false))), is(OLD, OLD));
        assert_eq!(follows(both(OLD), Some((OLD, false))), is(OLD, OLD));
    }

    #[test]
    fn what_was_set_by_hand_is_no_secret_of_the_stack() {
        assert_eq!(follows([Some((NEW, true)), Some((OLD, true))], Some((OLD, true))), is(OLD, OLD));
        for header in [NEW, "", "short"] {
            assert_eq!(follows(both(OLD), Some((header, true))), is(OLD, OLD), "{header}");
        }
        assert!(!seen(both(OLD), Some((NEW, true))).sends_next());
        assert!(!seen([Some((NEW, true)), Some((OLD, true))], Some((OLD, true))).takes_next("a"));
    }

    #[test]
    fn a_stack_that_served_without_one_takes_everything_until_it_is_sent_everywhere() {
        let secret = seen(both(""), Some(("", true)));
        let (made, takes) = (secret.to_send(), secret.to_take());
        assert_eq!(takes, format!("{made},*"));
        // While it is written, and in the next runs.
        for functions in [[Some((&*takes, false)), Some(("", true))], both(&takes)] {
            assert_eq!(follows(functions, Some(("", true))), is(&made, &takes));
            assert_eq!(follows(functions, Some((&made, false))), is(&made, &takes));
        }
        assert_eq!(follows(both(&takes), Some((&made, true))), is(&made, &made));
        assert!(seen(both(&takes), Some((&made, true))).takes_next("b"));
    }

    #[test]
    fn each_step_of_a_rotation_follows_from_the_one_before() {
        let secret = seen(both(OLD), Some((OLD, true)));
        secret.rotate();
        let (sends, takes) = (secret.to_send(), secret.to_take());
        let (new, rest) = takes.split_once(',').unwrap();
        assert_eq!((&*sends, rest), (OLD, OLD), "nothing is sent that is not known yet");
        assert!(new.len() == 64 && secret.takes_next("a"));
        // One function has it: the run was killed, or goes on.
        assert_eq!(follows([Some((BOTH, true)), Some((OLD, true))], Some((OLD, true))), is(OLD, BOTH));
        // All have it, and one does not serve it yet.
        assert_eq!(follows([Some((BOTH, true)), Some((BOTH, false))], Some((OLD, true))), is(OLD, BOTH));
        assert_eq!(follows(both(BOTH), Some((OLD, true))), is(NEW, BOTH));
        assert!(seen(both(BOTH), Some((OLD, true))).sends_next());
        assert_eq!(follows(both(BOTH), Some((NEW, false))), is(NEW, BOTH));
        assert_eq!(follows(both(BOTH), Some((NEW, true))), is(NEW, NEW));
        assert_eq!(follows([Some((NEW, true)), Some((BOTH, true))], Some((NEW, true))), is(NEW, NEW));
        // A function that is added meanwhile.
        assert_eq!(follows([Some((BOTH, true)), None], Some((OLD, true))), is(OLD, BOTH));
    }

    #[test]
    fn a_rotation_ends_in_the_run_that_began_it() {
        let secret = seen(both(OLD), Some((OLD, true)));
        secret.rotate();
        let takes = secret.to_take();
        for name in ["a", "b"] {
            secret.note_function(name, Some(&takes));
            assert_eq!((&*secret.to_send(), &*secret.to_take()), (OLD, &*takes));
            secret.note_alias(name, &keyed(&takes, &[("code", name.to_owned())].into()));
        }
        let new = secret.to_send();
        assert_eq!(takes, format!("{new},{OLD}"));
        // Observed again after it was written, and not since CloudFront was asked for its state.
        secret.note_distribution(Some((&new, None)));
        assert_eq!((secret.to_send(), secret.to_take()), (new, takes));
    }

    #[test]
    fn it_does_not_show() {
        assert!(!format!("{:?}", seen(both(OLD), None)).contains(OLD));
    }
}
