//! Scalars and other parts of YAML 1.2: the file has the value that users of YAML expect, or gets an error on the line of the mistake.

use super::parse;

const HEAD: &str = "project: shop\nregion: us-east-1\n";

/// Returns the value of an environment variable that is written this way.
fn variable(written: &str) -> Result<String, String> {
    let text = format!("{HEAD}functions:\n  f:\n    source: f\n    environment:\n      IT: {written}\n");
    match parse(&text, None) {
        Ok(stack) => Ok(stack.functions["f"].environment["IT"].clone()),
        Err(error) => {
            assert_eq!(error.line(), Some(7), "{error}");
            Err(format!("{}; {}", error.message(), error.problems()[0].help.as_deref().unwrap_or_default()))
        }
    }
}

#[test]
fn text_is_kept_as_it_is_typed() {
    for (written, value) in [
        ("no", "no"),
        ("yes", "yes"),
        ("true", "true"),
        ("TRUE", "TRUE"),
        ("1e3", "1e3"),
        ("0123", "0123"),
        ("0o17", "0o17"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("1.10", "1.10"),
        ("-0", "-0"),
        ("+5", "+5"),
        ("2024-01-01", "2024-01-01"),
        ("12:30:45", "12:30:45"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("-170141183460469231731687303715884105729", "-170141183460469231731687303715884105729"),
        ("012345678901", "012345678901"),
        (".inf", ".inf"),
        ("-.INF", "-.INF"),
        (".nan", ".nan"),
        ("1e999", "1e999"),
        ("\"\"", ""),
        ("\"~\"", "~"),
        ("'null'", "null"),
        ("!!str 5", "5"),
        ("!!str null", "null"),
        ("! 5", "5"),
        ("!!int 5", "5"),
        ("!!bool true", "true"),
        ("\"grün 🦀\"", "grün 🦀"),
        ("5 # five", "5"),
        (">-\n        one\n        two", "one two"),
        ("|\n        a\n        b", "a\nb\n"),
    ] {
        assert_eq!(variable(written), Ok(value.to_owned()), "{written}");
    }
}

#[test]
fn what_is_no_text_says_so() {
    for (written, message) in [
        ("", "a value is missing; "),
        ("null", "a value is missing; null means nothing at all: write \"null\" for the text, or \"\" for none"),
        ("~", "a value is missing; ~ means nothing at all: write \"~\" for the text, or \"\" for none"),
        ("!!null x", "a value is missing; "),
        ("!!bool yes", "`yes` is not true or false, which its tag says it is; leave the tag out, or write !!str for text"),
        ("!!int five", "`five` is not a whole number, which its tag says it is; leave the tag out, or write !!str for text"),
        ("!!float x", "`x` is not a number, which its tag says it is; leave the tag out, or write !!str for text"),
        ("!Sub x", "the tag `!Sub` is unknown; write the value itself; text that begins with ! must be quoted"),
        ("!!binary aGk=", "the tag `!!binary` is unknown; write the value itself; text that begins with ! must be quoted"),
        ("[a]", "a list cannot be here; "),
        ("{ a: b }", "a mapping cannot be here; "),
        ("*nobody", "this alias refers to nothing; a value that begins with * must be quoted, as in \"*\""),
    ] {
        assert_eq!(variable(written), Err(message.to_owned()), "{written}");
    }
}

#[test]
fn values_that_contradict_their_tags_are_named_at_once() {
    let text = format!("{HEAD}tags: {{ a: !!int five, b: !!bool yes, c: !Sub x }}\nfunctions:\n  f: {{ source: f, memory: !!float x }}\n");
    let error = parse(&text, None).unwrap_err();
    let messages: Vec<&str> = error.problems().iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "`five` is not a whole number, which its tag says it is",
            "`yes` is not true or false, which its tag says it is",
            "the tag `!Sub` is unknown",
            "`x` is not a number, which its tag says it is",
        ],
        "{error}"
    );
    assert!(error.to_string().contains("a: !!int five, b: !!bool yes"), "{error}");
}

/// Returns the memory of a function, or the message and help of the error.
fn memory(written: &str) -> Result<u32, String> {
    let text = format!("{HEAD}functions:\n  f: {{ source: f, memory: {written} }}\n");
    let error = match parse(&text, None) {
        Ok(stack) => return Ok(stack.functions["f"].memory),
        Err(error) => error,
    };
    assert_eq!(error.line(), Some(4), "{error}");
    Err(format!("{}; {}", error.message(), error.problems()[0].help.as_deref().unwrap_or_default()))
}

#[test]
fn whole_numbers_are_those_of_yaml_1_2() {
    for (written, number) in [("512", 512), ("0x200", 512), ("0o1000", 512), ("+512", 512), ("!!int 512", 512)] {
        assert_eq!(memory(written), Ok(number), "{written}");
    }
    let digits = "YAML 1.2 has neither _ nor a leading 0 in numbers: write";
    for (written, message) in [
        ("1_024", format!("`1_024` is not a whole number; {digits} 1024")),
        ("0512", format!("`0512` is not a whole number; {digits} 512")),
        ("512.0", "`512.0` is not a whole number; ".to_owned()),
        ("5e2", "`5e2` is not a whole number; ".to_owned()),
        (".inf", "`.inf` is not a whole number; ".to_owned()),
        ("\"512\"", "`\"512\"` is not a whole number; ".to_owned()),
        ("99999999999999999999", "`99999999999999999999` is too large a number; ".to_owned()),
        ("true", "`true` is not a whole number; ".to_owned()),
    ] {
        assert_eq!(memory(written), Err(message), "{written}");
    }
}

#[test]
fn lengths_of_time_may_have_several_parts() {
    let timeout = |written: &str| {
        let text = format!("{HEAD}functions:\n  f: {{ source: f, timeout: {written} }}\n");
        parse(&text, None).map(|stack| stack.functions["f"].timeout).map_err(|error| error.message().to_owned())
    };
    for (written, seconds) in [("90", 90), ("90s", 90), ("1m30s", 90), ("1.5m", 90), ("0x10", 16), ("\"30 s\"", 30)] {
        assert_eq!(timeout(written), Ok(seconds), "{written}");
    }
    let expected = "a length of time such as 30s, 5m or 2h";
    for (written, message) in [
        ("30s1m", "the longer unit of `30s1m` comes first, as in 1m30s".to_owned()),
        ("1m30", format!("`1m30` is not {expected}")),
        ("1500ms", "expected a whole number of seconds".to_owned()),
        (".inf", format!("`.inf` is not {expected}")),
        (".nan", format!("`.nan` is not {expected}")),
        ("true", format!("`true` is not {expected}")),
        ("-5", format!("`-5` is not {expected}")),
        ("10%", format!("unknown unit `%`, expected {expected}")),
    ] {
        assert_eq!(timeout(written), Err(message), "{written}");
    }
}

#[test]
fn booleans_are_true_and_false() {
    let protect = |written: &str| {
        let text = format!("{HEAD}environments:\n  dev: {{ protect: {written} }}\n");
        parse(&text, None).map(|stack| stack.protect).map_err(|error| error.problems()[0].in_short())
    };
    for (written, value) in [("true", true), ("False", false), ("TRUE", true), ("!!bool false", false)] {
        assert_eq!(protect(written), Ok(value), "{written}");
    }
    for (written, hint) in [("yes", "true"), ("On", "true"), ("no", "false"), ("off", "false")] {
        assert!(protect(written).unwrap_err().ends_with(&format!("in YAML 1.2 it is text: write {hint}")), "{written}");
    }
    for written in ["1", "\"true\""] {
        assert!(protect(written).unwrap_err().contains("is not true or false"), "{written}");
    }
}

#[test]
fn keys_are_text_whatever_they_look_like() {
    let text = format!("{HEAD}tags: {{ 1: one, true: yes, 1.10: x, 2024-01-01: day, no: n }}\n");
    let keys: Vec<String> = parse(&text, None).unwrap().tags.into_keys().collect();
    assert_eq!(keys, ["1", "1.10", "2024-01-01", "no", "true"]);
}

#[test]
fn anchors_aliases_and_merge_keys_are_followed() {
    let text = format!(
        "{HEAD}functions:\n  one: &base {{ source: one, memory: &m 512, environment: &e {{ AA: '1' }} }}\n  two: {{ <<: *base, source: two }}\n  \
         three: {{ source: three, memory: *m, environment: {{ <<: *e, BB: '2' }} }}\n  four: {{ <<: [*base, {{ timeout: 5s }}] }}\n"
    );
    let stack = parse(&text, None).unwrap();
    assert_eq!((stack.functions["two"].memory, stack.functions["three"].memory, stack.functions["four"].timeout), (512, 512, 5));
    assert_eq!(stack.functions["three"].environment.len(), 2);
    for (text, message) in
        [("functions:\n  a: { <<: 5, source: a }\n", "this is not YAML"), ("functions:\n  a: &a { source: a, environment: *a }\n", "")]
    {
        let error = parse(&format!("{HEAD}{text}"), None).unwrap_err();
        assert!(error.message().contains(message) && error.line() == Some(4), "{error}");
    }
}

#[test]
fn a_directive_line_ends_and_a_byte_order_mark_are_let_pass() {
    for text in [
        "%YAML 1.2\n---\nproject: a\nregion: us-east-1\n...\n",
        "\u{feff}project: a\r\nregion: us-east-1\r\n",
        "project: a\nregion: us-east-1",
    ] {
        assert_eq!(parse(text, None).unwrap().project, "a", "{text:?}");
    }
}
